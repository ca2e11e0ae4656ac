//! Records and the message or rejection that each becomes, as data.

use super::*;
use crate::cloudtrail::json::tests::any_json;
use proptest::prelude::*;
use serde_json::Value;

const HEAD: &str = r#"{"v":1,"kind":"event","source_object":"AWSLogs/x","source_index":7"#;

/// The message value, or the reason.
fn run(record: &[u8]) -> Result<String, &'static str> {
    let mut out = b"before".to_vec();
    let got = normalize(&Origin::new("AWSLogs/x"), 7, record, &mut out);
    assert!(out.starts_with(b"before"));
    match got {
        Ok(()) => Ok(String::from_utf8(out[6..].to_vec()).unwrap()),
        Err(rejection) => {
            assert_eq!(out, b"before", "a rejected record leaves nothing behind");
            Err(rejection.reason.as_str())
        }
    }
}

/// `expect` is what follows the head, or the reason.
fn check(record: impl AsRef<[u8]>, expect: Result<&str, &str>) {
    let record = record.as_ref();
    let got = run(record);
    let shown = String::from_utf8_lossy(&record[..record.len().min(200)]).into_owned();
    if let Ok(text) = &got {
        json::check(text).unwrap();
    }
    assert_eq!(got.as_deref().map(|text| text.strip_prefix(HEAD).unwrap()), expect.as_ref().copied(), "{shown}");
}

#[test]
fn fields_come_in_contract_order_under_our_names_as_source_text() {
    check("{}", Ok("}"));
    check(
        r#"{ "requestParameters" : { "b": 1.50, "a":[ 1e400 ] }, "userIdentity":{"type":"Root"}, "readOnly":false,
            "eventName":"Get\u004fbject", "eventTime":"2023-07-10T12:34:56Z", "resources": [ ] }"#,
        Ok(
            r#","event_time":"2023-07-10T12:34:56Z","event_name":"Get\u004fbject","read_only":false,"user_identity":{"type":"Root"},"request_parameters":{ "b": 1.50, "a":[ 1e400 ] },"resources":[ ]}"#,
        ),
    );
    check(r#"{"event\u004eame":"a"}"#, Ok(r#","event_name":"a"}"#));
}

#[test]
fn every_field_is_found_and_nothing_else_is() {
    for (place, field) in FIELDS.iter().enumerate() {
        assert_eq!(place_of(field.source), Some(place), "{}", field.source);
        for other in
            [field.source.to_lowercase(), field.source.to_uppercase(), format!("{}x", field.source), field.name.to_owned()]
        {
            let expect = FIELDS.iter().position(|f| f.source == other);
            assert_eq!(place_of(&other), expect, "{other}");
        }
    }
    assert_eq!(FIELDS[EVENT_TIME].source, "eventTime");
    for unknown in ["", "a", "ab", "abc", "eventTim\\u0065x", "😀"] {
        assert_eq!(place_of(unknown), None);
    }
}

#[test]
fn what_drifts_in_type_goes_to_extra_under_its_own_name() {
    check(r#"{"eventName":7,"eventID":"i"}"#, Ok(r#","event_id":"i","extra":{"eventName":7}}"#));
    check(r#"{"readOnly":"true","managementEvent":1}"#, Ok(r#","extra":{"readOnly":"true","managementEvent":1}}"#));
    check(
        r#"{"userIdentity":"root","tlsDetails":[{"k":1,"k":2}]}"#,
        Ok(r#","extra":{"userIdentity":"root","tlsDetails":[{"k":1,"k":2}]}}"#),
    );
    check(
        r#"{"requestParameters":"text","responseElements":[1],"addendum":true,"annotation":0}"#,
        Ok(r#","request_parameters":"text","response_elements":[1],"addendum":true,"annotation":0}"#),
    );
    check(
        r#"{"newField":{"a": 1},"event\u0054ype":[],"x\"y":"\u00e9"}"#,
        Ok(r#","extra":{"newField":{"a": 1},"event\u0054ype":[],"x\"y":"\u00e9"}}"#),
    );
    check(r#"{"extra":1,"v":2,"event_time":"x"}"#, Ok(r#","extra":{"extra":1,"v":2,"event_time":"x"}}"#));
}

#[test]
fn null_is_the_same_as_absent() {
    check(
        r#"{"eventName":null,"userIdentity":null,"requestParameters":null,"eventTime":null,"readOnly":null,"new":null}"#,
        Ok("}"),
    );
}

#[test]
fn an_event_time_is_kept_rewritten_or_not_understood() {
    check(r#"{"eventTime":"2023-07-10T12:34:56.25Z"}"#, Ok(r#","event_time":"2023-07-10T12:34:56.25Z"}"#));
    let rewritten = |source: &str, ours: &str| {
        check(
            format!(r#"{{"eventTime":"{source}"}}"#),
            Ok(&format!(r#","event_time":"{ours}","extra":{{"eventTime":"{source}"}}}}"#)),
        );
    };
    rewritten("2023-07-10T12:34:56.500Z", "2023-07-10T12:34:56.5Z");
    rewritten("2023-07-10T12:34:56.0Z", "2023-07-10T12:34:56Z");
    rewritten("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z");
    rewritten("2023-07-10T12:34:56\\u005a", "2023-07-10T12:34:56Z");
    for odd in [
        "20230710T123456Z",
        "2023-02-30T00:00:00Z",
        "",
        "9999-12-31T23:59:60Z",
        "2023-07-10T12:34:56+00:00",
        "2023-07-10T12:34:5éZ",
    ] {
        check(format!(r#"{{"eventTime":"{odd}"}}"#), Ok(&format!(r#","extra":{{"eventTime":"{odd}"}}}}"#)));
    }
    check(r#"{"eventTime":1688992496}"#, Ok(r#","extra":{"eventTime":1688992496}}"#));
}

#[test]
fn what_is_no_object_is_rejected() {
    for record in [r#""text""#, "7", "null", "true", "[]", "[{}]"] {
        check(record, Err("not_an_object"));
    }
    for record in
        ["", "tru", "{", r#"{"a":1,}"#, "{} {}", r#"{"a":1}}"#, "[1,]", "1 2", "{\"a\":\"\n\"}", r#"{"a":"\q"}"#, "{}\u{c}"]
    {
        check(record, Err("invalid_json"));
    }
    check(b"{\"a\":\"\xff\"}", Err("invalid_utf8"));
    check(b"{\"a\":\"\xed\xa0\x80\"}", Err("invalid_utf8"));
    check(r#"{"a":"\ud83d"}"#, Err("lone_surrogate"));
    check(r#"{"requestParameters":{"a":["\ude00"]}}"#, Err("lone_surrogate"));
    check(r#"["\ude00"]"#, Err("lone_surrogate"));
}

#[test]
fn repeated_keys_are_rejected_where_the_table_looks() {
    for record in [
        r#"{"eventName":"a","eventName":"a"}"#,
        r#"{"eventName":null,"eventName":"a"}"#,
        r#"{"eventName":"a","event\u004eame":"b"}"#,
        r#"{"new":1,"new":2}"#,
        r#"{"new":null,"n\u0065w":2}"#,
        r#"{"userIdentity":{"type":"a","type":"b"}}"#,
        r#"{"userIdentity":{"sessionContext":{"attributes":{"mfaAuthenticated":"true","mfaAuthenticated":"false"}}}}"#,
        r#"{"tlsDetails":{"a":[{"b":1,"b":2}]}}"#,
    ] {
        check(record, Err("repeated_key"));
    }
    let bodies = r#"{"a":1,"a":2}"#;
    check(
        format!(r#"{{"requestParameters":{bodies},"new":{bodies}}}"#),
        Ok(&format!(r#","request_parameters":{bodies},"extra":{{"new":{bodies}}}}}"#)),
    );
    let free = r#"{"sessionContext":{"webIdFederationData":{"attributes":{"a":1,"a":2}}}}"#;
    check(format!(r#"{{"userIdentity":{free}}}"#), Ok(&format!(r#","user_identity":{free}}}"#)));
    let many: Vec<String> = (0..30_000).map(|n| format!("\"k{n}\":0")).collect();
    check(format!("{{{},\"k5\":0}}", many.join(",")), Err("repeated_key"));
}

#[test]
fn a_record_is_as_deep_as_its_message_can_be_read() {
    let nested = |depth: usize| format!(r#"{{"new":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    let deepest = MAX_RECORD_DEPTH as usize;
    let message = run(nested(deepest).as_bytes()).unwrap();
    serde_json::from_str::<Value>(&message).unwrap();
    check(nested(deepest + 1), Err("too_deep"));
    check(nested(300), Err("too_deep"));
    check("[".repeat(300) + &"]".repeat(300), Err("too_deep"));
}

#[test]
fn a_record_or_message_past_its_limit_is_rejected() {
    let sized = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
    assert!(run(sized(MAX_RECORD_BYTES).as_bytes()).is_ok());
    check(sized(MAX_RECORD_BYTES + 1), Err("too_large"));
    check(sized(1 << 20), Err("too_large"));
    let mut out = Vec::new();
    let long = Origin::new(&"x".repeat(MAX_MESSAGE_BYTES));
    assert_eq!(normalize(&long, 0, b"{}", &mut out).unwrap_err().reason, Reason::TooLarge);
    assert!(out.is_empty());
}

/// What a reader of the message finds under an AWS name: the member's raw text.
fn find<'a>(message: &'a str, source: &str) -> Option<&'a str> {
    let members: Vec<Member<'a>> = Members::new(message).map(|m| m.unwrap()).collect();
    let extra = members.iter().find(|m| m.key == "extra").map_or("{}", |m| m.value);
    let in_extra = Members::new(extra).map(|m| m.unwrap()).find(|m| json::unescape(m.key) == source).map(|m| m.value);
    let name = FIELDS.iter().find(|f| f.source == source).map(|f| f.name);
    in_extra.or_else(|| members.iter().find(|m| Some(m.key) == name).map(|m| m.value))
}

pub(in crate::event) fn any_member() -> impl Strategy<Value = (String, Value)> {
    let key = prop_oneof![
        4 => prop::sample::select(FIELDS.map(|f| f.source.to_owned()).to_vec()),
        1 => any::<String>(),
        1 => "[a-z]{1,3}",
    ];
    let value = prop_oneof![
        any_json(),
        "[a-z]{0,8}".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec!["2023-07-10T12:34:56Z", "2023-07-10T12:34:56.10Z", "20230710T123456Z"]).prop_map(Value::from),
    ];
    (key, value)
}

proptest! {
    #[test]
    fn nothing_of_a_record_is_lost(members in prop::collection::vec(any_member(), 0..12), pretty: bool) {
        let record: Value = Value::Object(members.into_iter().collect());
        let text = if pretty { serde_json::to_string_pretty(&record) } else { serde_json::to_string(&record) }.unwrap();
        let message = run(text.as_bytes()).unwrap();
        let read: Value = serde_json::from_str(&message).unwrap();
        prop_assert_eq!(&read["source_index"], 7);
        let mut found = 0;
        for member in Members::new(&text) {
            let member = member.unwrap();
            let expect = Some(member.value).filter(|value| *value != "null");
            // The member's raw text is the same, so every leaf below it is, by path and raw text.
            prop_assert_eq!(find(&message, &json::unescape(member.key)), expect, "{}", member.key);
            found += usize::from(expect.is_some());
        }
        // And nothing was made up: a rewritten time is the only thing that stands in both places.
        let extra = read.get("extra").map_or(0, |extra| extra.as_object().unwrap().len());
        let fields = read.as_object().unwrap().len() - 4 - usize::from(extra > 0);
        let rewritten = usize::from(read.get("event_time").is_some() && read["extra"].get("eventTime").is_some());
        prop_assert_eq!(fields + extra, found + rewritten);
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_what_comes_out_is_json(bytes: Vec<u8>, likely in "\\{(\"(eventTime|userIdentity|new)\":[\\[\\]{},:\"\\\\u1e. dD8é]{0,20},?)*\\}") {
        for record in [&bytes[..], likely.as_bytes()] {
            if let Ok(message) = run(record) {
                prop_assert!(serde_json::from_str::<&serde_json::value::RawValue>(&message).is_ok(), "{}", message);
                prop_assert_eq!(json::check(&message), Ok(()));
            }
        }
    }
}
