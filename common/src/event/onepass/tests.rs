//! [`normalize`](super::normalize()) is the oracle: whatever [`OnePass`] accepts, it must accept too, with the same bytes.

use super::*;
use crate::event::normalize;
use crate::event::normalize::tests::any_member;
use proptest::prelude::*;
use serde_json::Value;

const OBJECT: &str = "AWSLogs/x";

/// The careful way's message and whether the fast way took the record, having come to the same one if it did. `behind` stands behind the
/// record in the document.
fn both(record: &[u8], behind: &[u8]) -> (Option<String>, bool) {
    let origin = Origin::new(OBJECT);
    let mut slow = b"before".to_vec();
    let careful = normalize(&origin, 4_294_967_295, record, &mut slow);
    let document = [record, behind].concat();
    let (mut reading, mut fast) = (OnePass::new(&origin), b"before".to_vec());
    // What is left over from another record must not show.
    reading.read(br#"{"eventName":"other","readOnly":true,"userIdentity":{},"new":1,"resources":[]}"#);
    let taken = reading.read(&document);
    if taken {
        reading.write(&document, 4_294_967_295, &mut fast);
        let shown = String::from_utf8_lossy(record);
        assert_eq!(careful, Ok(()), "{shown}");
        assert_eq!(
            (String::from_utf8_lossy(&fast), reading.record_bytes()),
            (String::from_utf8_lossy(&slow), record.len()),
            "{shown}"
        );
    }
    (careful.ok().map(|()| String::from_utf8(slow[6..].to_vec()).unwrap()), taken)
}

/// Checks `record` wherever it may stand in a document; true when the fast way takes it everywhere, false when nowhere.
fn takes(record: &str) -> bool {
    let behinds = ["", "]", ",{\"eventName\":\"next\"}]}", "  ]}", "]}\u{e9}", &" ".repeat(200)];
    let taken: Vec<bool> = behinds.iter().map(|behind| both(record.as_bytes(), behind.as_bytes()).1).collect();
    assert!(taken.iter().all(|one| *one == taken[0]), "{record}: {taken:?}");
    taken[0]
}

const RECORD: &str = r#"{"eventVersion":"1.08","userIdentity":{"type":"AssumedRole","principalId":"AROATFQR7NSC5AU2ZV3IE:session","arn":"arn:aws:sts::100000000000:assumed-role/worker/session","accountId":"100000000000","accessKeyId":"ASIA4IOUYGMZRDMYHCBU","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROATFQR7NSC5AU2ZV3IE","arn":"arn:aws:iam::100000000000:role/worker","accountId":"100000000000","userName":"worker"},"webIdFederationData":{"federatedProvider":"cognito-identity.amazonaws.com","attributes":{}},"attributes":{"creationDate":"2026-03-01T08:55:42Z","mfaAuthenticated":"false"},"sourceIdentity":"me","ec2RoleDelivery":"2.0"},"invokedBy":"cloudformation.amazonaws.com","inScopeOf":{"issuerType":"AWS::Lambda::Function","credentialsIssuedTo":"x"},"userName":"u","identityProvider":"i","onBehalfOf":{"userId":"1","identityStoreArn":"arn:aws:identitystore::1:i"},"credentialId":"c"},"eventTime":"2026-03-01T09:08:38Z","eventSource":"ec2.amazonaws.com","eventName":"DescribeRouteTables","awsRegion":"us-east-1","sourceIPAddress":"192.168.10.20","userAgent":"APN/1.0 HashiCorp/1.0 Terraform/1.1.2","errorCode":"Client.X","errorMessage":"a \"quoted\" \u00e9 message","requestParameters":{"routeTableIdSet":{"items":[{"routeTableId":"rtb-026f5220869c79072"},{"n":[1,-2.5e+7,true,false,null,"",{},[]]}]},"filterSet":{}},"responseElements":null,"requestID":"7e7e68d4-10b6-4a1b-a5ad-8c16d95e3eaa","eventID":"18e7a985-40af-455f-987f-96af86d2e155","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"100000000000","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.2","cipherSuite":"ECDHE-RSA-AES128-GCM-SHA256","clientProvidedHostHeader":"ec2.us-east-1.amazonaws.com"},"brandNew":{"a":[1]},"sessionCredentialFromConsole":"true"}"#;

#[test]
fn what_aws_writes_goes_the_fast_way() {
    assert!(takes(RECORD));
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Value>(RECORD).unwrap()).unwrap();
    assert!(takes(&pretty));
    assert!(takes(&RECORD.replace("worker", "wörker 😀")));
    assert!(takes("{}") && takes("{ }") && takes("{\t\"new\" :\n[ ] }"));
    assert!(takes(r#"{"eventName":7,"readOnly":"true","eventTime":1,"userIdentity":[],"tlsDetails":null,"new":null}"#));
}

#[test]
fn what_is_unusual_is_left_to_the_careful_way() {
    for record in [
        "",
        " {}",
        "[]",
        "7",
        "{",
        "{}x",
        "{} {}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":[}",
        "{\"a\":[1}]",
        "{\"a\":{]}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":-}",
        "{\"a\":1e}",
        "{\"a\":tru}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\q\"}",
        "{\"a\":\"\\u12\"}",
        r#"{"a":"\ud83d"}"#,
        r#"{"a":"\ude00"}"#,
        r#"{"a":"\ud83d\u0041"}"#,
        r#"{"eventName":"a","eventName":"b"}"#,
        r#"{"eventName":7,"eventName":null}"#,
        r#"{"new":null,"new":1}"#,
        r#"{"event\u004eame":"a"}"#,
        r#"{"n\u0065w":1}"#,
        r#"{"userIdentity":{"type":"a","type":"b"}}"#,
        r#"{"userIdentity":{"type":"a","typ\u0065":"b"}}"#,
        r#"{"userIdentity":{"sessionContext":{"sessionIssuer":{"arn":"a"},"sessionIssuer":{}}}}"#,
        r#"{"tlsDetails":{"a":[{"b":1,"b":2}]}}"#,
        r#"{"eventTime":"2024-02-29T09:08:38Z"}"#,
        r#"{"eventTime":"2026-04-31T09:08:38Z"}"#,
        r#"{"eventTime":"2026-03-01T09:08:60Z"}"#,
        r#"{"eventTime":"2026-13-01T09:08:38Z"}"#,
        r#"{"eventTime":"2026-03-01T09:08:38.5Z"}"#,
        r#"{"eventTime":"2026-03-01T24:08:38Z"}"#,
        r#"{"eventTime":"2026-03-00T09:08:38Z"}"#,
        r#"{"eventTime":"2026-03-01 09:08:38Z"}"#,
        r#"{"eventTime":""}"#,
    ] {
        let document = [record.as_bytes(), b",{}]}"].concat();
        let origin = Origin::new(OBJECT);
        let mut reading = OnePass::new(&origin);
        // Told apart by what follows: a record that ends before `record` does was not this record.
        assert!(!reading.read(&document) || reading.record_bytes() < record.len(), "{record}");
        assert!(!reading.read(record.as_bytes()) || reading.record_bytes() < record.len(), "{record}");
    }
    assert!(!both(b"{\"a\":\"\xff\"}", b"]").1);
    assert!(both(b"{\"a\":\"\"}", b",\"\xff\"]").1, "another record's bytes are not its fault");
}

#[test]
fn a_plain_time_is_one_that_the_careful_way_leaves_as_it_is() {
    for day in ["01", "28", "29", "30", "31", "32", "00", "1:", ":1"] {
        for month in ["00", "01", "02", "04", "12", "13", "19", "1/"] {
            for time in ["00:00:00", "23:59:59", "24:00:00", "12:60:00", "12:00:60", "12:00:61", "1a:00:00", "12-00:00"] {
                for year in ["2026", "0000", "9999", "20é"] {
                    let record = format!(r#"{{"eventTime":"{year}-{month}-{day}T{time}Z"}}"#);
                    let (message, taken) = both(record.as_bytes(), b"]");
                    let days: &[&str] = match month {
                        "01" | "12" => &["01", "28", "29", "30", "31"],
                        "04" => &["01", "28", "29", "30"],
                        "02" => &["01", "28"],
                        _ => &[],
                    };
                    let expect = days.contains(&day) && year != "20é" && matches!(time, "00:00:00" | "23:59:59");
                    assert_eq!(taken, expect, "{record}");
                    assert!(!taken || message.unwrap().contains(r#""event_time":"#));
                }
            }
        }
    }
}

#[test]
fn the_bounds_are_the_careful_ways() {
    let nested = |depth: usize| format!(r#"{{"new":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    let objects = |depth: usize| format!(r#"{{"userIdentity":{}1{}}}"#, r#"{"a":"#.repeat(depth - 1), "}".repeat(depth - 1));
    let deepest = MAX_RECORD_DEPTH as usize;
    assert!(takes(&nested(deepest)) && !takes(&nested(deepest + 1)) && !takes(&nested(100_000)));
    assert!(takes(&objects(LEVELS + 1)) && !takes(&objects(LEVELS + 2)) && !takes(&objects(100_000)));
    let sized = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
    assert!(takes(&sized(MAX_RECORD_BYTES)) && !takes(&sized(MAX_RECORD_BYTES + 1)));
    let many = |n: usize| format!("{{{}}}", (0..n).map(|n| format!("\"k{n}\":0")).collect::<Vec<_>>().join(","));
    assert!(takes(&many(MAX_EXTRA)) && !takes(&many(MAX_EXTRA + 1)));
    assert!(!OnePass::new(&Origin::new(&"x".repeat(MAX_MESSAGE_BYTES))).read(b"{}"));
}

#[test]
fn strings_of_every_length_and_place_end_where_they_end() {
    for len in 0..150 {
        for lead in 0..70 {
            let text = format!(
                r#"{{{}"eventName":"{}","errorMessage":"{}\\\"é"}}"#,
                " ".repeat(lead),
                "x".repeat(len),
                "y".repeat(150 - len)
            );
            assert!(takes(&text));
        }
    }
}

#[test]
fn the_keys_that_aws_writes_are_not_suspected() {
    let at = RECORD.find("{\"type\"").unwrap();
    let mut twice = Twice::default();
    let mut pass = Pass::new(&RECORD.as_bytes()[at..]);
    pass.value(b'{', 1, MAX_RECORD_DEPTH, &mut twice).unwrap();
    assert!(!twice.suspected);
}

proptest! {
    #[test]
    fn members_of_every_kind_come_out_alike(members in prop::collection::vec(any_member(), 0..12), pretty: bool) {
        let record: Value = Value::Object(members.into_iter().collect());
        let text = if pretty { serde_json::to_string_pretty(&record) } else { serde_json::to_string(&record) }.unwrap();
        both(text.as_bytes(), b",{}]}");
        both(text.as_bytes(), b"]");
    }

    #[test]
    fn a_damaged_record_is_never_taken_for_another(
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"{}[]\",:\\u0e-.dn \n\x01a\xff\xc3".to_vec()), 0..4u8), 1..4),
        other in "\\{(\"(eventTime|eventName|userIdentity|tlsDetails|type|new)\":(\"[a\\\\u0]{0,4}\"|[0-9.eE+-]{1,4}|true|null|\\[|\\{|\\}|\\]){1,2},?){0,5}\\}",
        own: bool,
    ) {
        let mut bytes = if own { RECORD.as_bytes().to_vec() } else { other.into_bytes() };
        for (at, byte, how) in edits {
            let at = at.index(bytes.len() + 1);
            match how {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => bytes[at] = byte,
                2 if at < bytes.len() => drop(bytes.remove(at)),
                // A piece of it a second time: repeated keys.
                3 => { let piece = bytes[at..(at + 40).min(bytes.len())].to_vec(); bytes.splice(at..at, piece); }
                _ => {}
            }
        }
        let origin = Origin::new(OBJECT);
        let mut reading = OnePass::new(&origin);
        if reading.read(&bytes) {
            let (record, behind) = bytes.split_at(reading.record_bytes());
            prop_assert!(both(record, behind).1);
        }
    }

    #[test]
    fn what_the_careful_way_takes_is_passed_by_the_fast_grammar_too(value in crate::cloudtrail::json::tests::any_json(), pretty: bool) {
        let record = serde_json::json!({ "new": value });
        let text = if pretty { serde_json::to_string_pretty(&record) } else { serde_json::to_string(&record) }.unwrap();
        prop_assert!(takes(&text));
    }
}
