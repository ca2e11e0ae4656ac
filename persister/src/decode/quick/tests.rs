//! The full decoder is the oracle: where this one answers it must say the same, and what is written as the contract says it must answer.

use super::super::byte_range::Values;
use super::super::cells::event_values;
use super::super::full::tests::{any_members, in_order};
use super::super::full::{self, Cell, Decoded};
use super::*;
use common::cloudtrail::json::unescape;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What a row says, by leaf.
fn said(text: &str, ranges: &[ByteRange]) -> BTreeMap<Leaf, String> {
    let value = |range: &ByteRange| {
        let raw = &text[range.bounds()];
        if range.escaped() { unescape(raw).into_owned() } else { raw.to_owned() }
    };
    let values: BTreeMap<Leaf, String> = ranges.iter().map(|range| (range.leaf(), value(range))).collect();
    assert_eq!(values.len(), ranges.len(), "a leaf has one value");
    values
}

/// True when the message was decoded here; panics when the full decoder says otherwise.
fn agrees(value: &[u8]) -> bool {
    let mut ranges = Vec::new();
    let Some(event) = decode(value, &mut ranges) else { return false };
    let text = String::from_utf8_lossy(value);
    let row = match full::decode(value) {
        Ok(Decoded::Event(row)) => row,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(row.source_object, event.source_object, "{text}");
    assert_eq!(i64::from(row.source_index), i64::from(event.source_index), "{text}");
    let mut values = Values::default();
    assert_eq!(event_values(&row, &mut values), event.event_time, "{text}");
    let place = |at: usize| if let Cell::Text(text) = &row.cells[at] { Some(&**text) } else { None };
    assert_eq!((place(RECIPIENT), place(REGION)), (event.account, event.region), "{text}");
    assert_eq!(said(&values.text, &values.ranges), said(event.rest, &ranges), "{text}");
    true
}

fn message(members: &BTreeMap<&'static str, String>) -> String {
    format!("{{{}}}", in_order(members).join(","))
}

#[test]
fn what_the_aggregator_writes_is_decoded_here() {
    let head = r#"{"v":1,"kind":"event","source_object":"AWSLogs/x","source_index":7"#;
    for fields in [
        "",
        r#","event_time":"2023-07-10T12:34:56Z","event_name":"A\n\ud83d\ude00B","aws_region":"é","read_only":true,"extra":{}"#,
        r#","user_identity":{}"#,
        r#","user_identity":{"type":"Root","arn":"\"","sessionContext":{"attributes":{"mfaAuthenticated":"true"},"webIdFederationData":{"attributes":{"a":[1.0]}}}},"tls_details":{ "tlsVersion" : "x" }"#,
        r#","user_identity":{"arn":null,"type":"x"},"request_parameters":{ "a" : [1.0e2, {}, [] ] },"response_elements":[null],"resources":"text","annotation":-0"#,
    ] {
        assert!(agrees(format!("{head}{fields}}}").as_bytes()), "{fields}");
    }
}

#[test]
fn what_is_not_plain_is_left_to_the_full_decoder() {
    let head = r#"{"v":1,"kind":"event","source_object":"AWSLogs/x","source_index":7"#;
    let nested = format!(r#"{head},"resources":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for value in [
        format!("{head}}} "),
        format!("{head} }}"),
        format!("{head}}}}}"),
        format!(r#"{head},"read_only":true,"event_name":"a"}}"#),
        format!(r#"{head},"event_name":"a","event_name":"a"}}"#),
        format!(r#"{head},"event_name":null}}"#),
        format!(r#"{head},"event_name":"\ud800"}}"#),
        format!(r#"{head},"event_time":"yesterday"}}"#),
        format!(r#"{head},"event_nam\u0065":"a"}}"#),
        format!(r#"{head},"new":"a"}}"#),
        format!(r#"{head},"extra":[]}}"#),
        format!(r#"{head},"extra":{{}},"extra":{{}}}}"#),
        format!(r#"{head},"user_identity":{{"new":1}}}}"#),
        format!(r#"{head},"user_identity":{{"arn":1}}}}"#),
        format!(r#"{head},"user_identity":{{"arn":"a","arn":"a"}}}}"#),
        format!(r#"{head},"user_identity":{{"arn":"a",}}}}"#),
        format!(r#"{head},"request_parameters":{{"a":}}}}"#),
        format!(r#"{head},"request_parameters":{{"a":1]}}"#),
        format!(r#"{head},"request_parameters":01}}"#),
        format!(r#"{head},"aws_region":"\u0065u"}}"#),
        head.replace("\"source_index\":7", "\"source_index\":07}"),
        head.replace("\"source_index\":7", "\"source_index\":2147483648}"),
        head.replace("\"source_index\":7", "\"source_index\":}"),
        head.replace("AWSLogs/x", "\\u0041"),
        nested,
    ] {
        assert_eq!(decode(value.as_bytes(), &mut Vec::new()), None, "{value}");
    }
    assert_eq!(decode(b"\xff", &mut Vec::new()), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn whatever_is_decoded_here_is_what_the_full_decoder_says(members in any_members()) {
        agrees(message(&members).as_bytes());
    }

    #[test]
    fn a_message_with_bytes_changed_is_decoded_as_the_full_decoder_does_or_not_at_all(
        members in any_members(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![
            any::<u8>(), prop::sample::select(b"\"\\{}[],:0129.-+eEtfn \n".to_vec())
        ], 0..3), 1..4)
    ) {
        let mut value = message(&members).into_bytes();
        for (at, byte, how) in changes {
            let at = at.index(value.len());
            match how {
                0 => value[at] = byte,
                1 => value.insert(at, byte),
                _ => { value.remove(at); }
            }
        }
        agrees(&value);
    }

    #[test]
    fn a_message_that_is_cut_off_or_doubled_is_not_decoded_otherwise(members in any_members(), at in any::<prop::sample::Index>()) {
        let value = message(&members).into_bytes();
        agrees(&value[..at.index(value.len())]);
        agrees(&[&value[..], &value[at.index(value.len())..]].concat());
    }
}
