use super::super::structs::{Node, Shape};
use super::super::take_apart::NodeValue;
use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// `{"v":1,"kind":"event",` and the rest.
fn event_of(rest: &str) -> String {
    format!(r#"{{"v":1,"kind":"event","source_object":"AWSLogs/x","source_index":7{rest}}}"#)
}

fn row(value: &str) -> EventRow<'_> {
    match decode(value.as_bytes()) {
        Ok(Decoded::Event(row)) => row,
        other => panic!("{value}: {other:?}"),
    }
}

fn cell<'r, 'a>(row: &'r EventRow<'a>, name: &str) -> &'r Cell<'a> {
    &row.cells[FIELDS.iter().position(|field| field.name == name).expect(name)]
}

#[test]
fn fields_become_cells_of_their_kind() {
    let value = event_of(
        r#","event_time":"2023-07-10T12:34:56Z","event_name":"A\nB","read_only":true,"api_version":null,"request_parameters":{ "a" : 1.0e2 },"extra":{"x":[1, 2]}"#,
    );
    let row = row(&value);
    assert_eq!(cell(&row, "event_time"), &Cell::Int64(1_688_992_496_000_000));
    assert_eq!(cell(&row, "event_name"), &Cell::Text("A\nB".into()));
    assert_eq!(cell(&row, "read_only"), &Cell::Flag(true));
    assert_eq!(cell(&row, "api_version"), &Cell::Null);
    assert_eq!(cell(&row, "request_parameters"), &Cell::Text(r#"{ "a" : 1.0e2 }"#.into()));
    assert_eq!((row.extra.as_deref(), row.source_index), (Some(r#"{"x":[1, 2]}"#), 7));
}

#[test]
fn what_has_no_leaf_is_merged_into_the_messages_own_extra() {
    let identity = r#","user_identity":{"sessionContext":{"attributes":{"mfaAuthenticated":true}}}"#;
    let left = r#""userIdentity":{"sessionContext":{"attributes":{"mfaAuthenticated":true}}}"#;
    for (extra, expected) in [
        ("", format!("{{{left}}}")),
        (r#","extra":{}"#, format!("{{{left}}}")),
        (r#","extra":{"a":1},"new_field":[1.50]"#, format!(r#"{{"a":1,{left},"new_field":[1.50]}}"#)),
        // `tlsDetails` is no object there, so it is not taken apart here: no key meets itself.
        (r#","extra":{"tlsDetails":"x"}"#, format!(r#"{{"tlsDetails":"x",{left}}}"#)),
    ] {
        assert_eq!(row(&event_of(&format!("{identity}{extra}"))).extra.as_deref(), Some(&expected[..]));
    }
}

#[test]
fn what_is_not_of_the_contract_is_undecodable() {
    let field = |name| Undecodable::Field(name);
    let repeated = || Undecodable::Object(BadObject::RepeatedKey);
    for (value, expected) in [
        (event_of(r#","event_time":"yesterday""#), field("event_time")),
        (event_of(r#","read_only":"true""#), field("read_only")),
        (event_of(r#","event_name":5"#), field("event_name")),
        (event_of(r#","user_identity":"me""#), field("user_identity")),
        (event_of(r#","extra":[]"#), field("extra")),
        (event_of(r#","event_name":"a","event_name":"a""#), repeated()),
        (event_of(r#","user_identity":{"arn":"a","arn":"b"}"#), repeated()),
        (event_of(r#","extra":{"userIdentity":1},"user_identity":{"x":1}"#), repeated()),
        (event_of(r#","z":1,"\u007a":2"#), repeated()),
        (r#"{"v":1,"kind":"event","source_object":"x","source_index":2147483648}"#.to_owned(), field("source_index")),
        (r#"{"v":1,"kind":"event","source_index":1}"#.to_owned(), field("source_object")),
        (r#"{"v":2,"kind":"event"}"#.to_owned(), Undecodable::Version),
        (r#"{"v":1,"kind":"even"}"#.to_owned(), Undecodable::Kind),
        (r#"{"v":1,"kind":"end"}"#.to_owned(), field("end")),
    ] {
        assert_eq!(decode(value.as_bytes()), Err(expected), "{value}");
    }
    assert_eq!(decode(b"\xff"), Err(Undecodable::NotUtf8));
    for broken in ["", "[]", "{", "{\"v\":1}x", r#"{"v":1,"kind":"event","source_object":"\ud800","source_index":1}"#] {
        assert!(matches!(decode(broken.as_bytes()), Err(Undecodable::Object(BadObject::Json(_)))), "{broken}");
    }
}

#[test]
fn a_value_under_the_key_of_another_record_is_undecodable() {
    let value = event_of("");
    let key = |object: &str, slot| Key { file: file_id(object), slot };
    assert!(decode_message(key("AWSLogs/x", Slot::Record(7)), value.as_bytes()).is_ok());
    for other in [key("AWSLogs/x", Slot::Record(8)), key("AWSLogs/x", Slot::End), key("AWSLogs/y", Slot::Record(7))] {
        assert_eq!(decode_message(other, value.as_bytes()), Err(Undecodable::Identity));
    }
}

/// Text whose JSON form holds escapes now and then.
fn any_text() -> impl Strategy<Value = String> {
    "[a-z0-9é\"\\\\\n ]{0,12}".prop_map(|text| serde_json::to_string(&text).expect("text"))
}

pub(in crate::decode) fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any_text(),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1.500".to_owned()),
        Just("-0E+07".to_owned()),
        Just("123456789012345678901234567890".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let key = prop_oneof![
            Just("arn"),
            Just("type"),
            Just("accountId"),
            Just("sessionContext"),
            Just("attributes"),
            Just("mfaAuthenticated"),
            Just("sessionIssuer"),
            Just("webIdFederationData"),
            Just("onBehalfOf"),
            Just("new"),
            Just("tlsVersion"),
        ];
        prop_oneof![
            3 => proptest::collection::btree_map(key, inner.clone(), 0..5).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
            1 => proptest::collection::vec(inner, 0..3).prop_map(|elements| format!("[{}]", elements.join(" ,"))),
        ]
    })
}

fn any_object() -> impl Strategy<Value = String> {
    any_json().prop_filter("an object", |json| json.starts_with('{'))
}

/// Values of an event's members, by name with us.
pub(in crate::decode) fn any_members() -> impl Strategy<Value = BTreeMap<&'static str, String>> {
    let of = |kind: Kind| match kind {
        Kind::Time => Just("\"2023-07-10T12:34:56.25Z\"".to_owned()).boxed(),
        Kind::Text => any_text().boxed(),
        Kind::Flag => prop_oneof![Just("true".to_owned()), Just("false".to_owned())].boxed(),
        Kind::Struct => any_object().boxed(),
        Kind::Body => any_json().boxed(),
    };
    let members: Vec<_> = FIELDS.iter().map(|field| (Just(field.name), proptest::option::of(of(field.kind)))).collect();
    let extra = proptest::collection::btree_map("x[a-z]{1,3}", any_json(), 0..3).prop_map(|members| {
        let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    });
    (members, proptest::option::of(extra)).prop_map(|(members, extra)| {
        let extra = std::iter::once(("extra", extra));
        members.into_iter().chain(extra).filter_map(|(name, value)| Some((name, value?))).collect()
    })
}

pub(in crate::decode) fn in_order(members: &BTreeMap<&str, String>) -> Vec<String> {
    let head = [r#""v":1"#, r#""kind":"event""#, r#""source_object":"AWSLogs/x""#, r#""source_index":7"#].map(str::to_owned);
    let names = FIELDS.iter().map(|field| field.name).chain(["extra"]);
    let members = names.filter_map(|name| Some(format!("\"{name}\":{}", members.get(name)?)));
    head.into_iter().chain(members).collect()
}

/// Every leaf that is not null, by its path in AWS's names; arrays and empty objects are leaves.
fn leaves(path: &str, value: &str, all: &mut BTreeMap<String, String>) {
    if value == "null" {
        return;
    }
    let members: Vec<_> = Members::new(value).collect::<Result<_, _>>().unwrap_or_default();
    if members.is_empty() {
        assert_eq!(all.insert(path.to_owned(), value.to_owned()), None, "{path} twice");
    }
    for Member { key, value } in members {
        leaves(&format!("{path}/{key}"), value, all);
    }
}

fn taken_leaves(path: &str, nodes: &[Node], taken: &Taken<'_>, all: &mut BTreeMap<String, String>) {
    for node in nodes {
        let path = format!("{path}/{}", node.source);
        match (taken.leaf(node.id), &node.shape) {
            (NodeValue::Absent, _) => {}
            (NodeValue::Text(text), Shape::Json) => leaves(&path, text, all),
            (NodeValue::Text(text), _) => leaves(&path, &serde_json::to_string(text).expect("text"), all),
            (NodeValue::Object, Shape::Object(children)) => taken_leaves(&path, children, taken, all),
            (NodeValue::Object, _) => panic!("an object at {path}"),
        }
    }
}

proptest! {
    #[test]
    fn shuffled_keys_decode_to_the_same_row(
        (members, shuffled) in any_members().prop_flat_map(|members| {
            let shuffled = Just(in_order(&members)).prop_shuffle();
            (Just(members), shuffled)
        })
    ) {
        let straight = format!("{{{}}}", in_order(&members).join(","));
        let shuffled = format!(" {{ {} }} ", shuffled.join(" ,\n"));
        let (straight, shuffled) = (row(&straight), row(&shuffled));
        prop_assert_eq!(straight, shuffled);
    }

    #[test]
    fn every_leaf_of_a_message_is_found_again_in_the_row(members in any_members()) {
        let mut source = BTreeMap::new();
        for (name, value) in &members {
            let path = FIELDS.iter().find(|field| field.name == *name).map_or("", |field| field.source);
            match FIELDS.iter().find(|field| field.name == *name).map(|field| field.kind) {
                Some(Kind::Struct) => {
                    let mut within = BTreeMap::new();
                    leaves(path, value, &mut within);
                    // A struct without members is a struct, which has no leaf of its own; unknown empty objects are leaves.
                    source.extend(within);
                }
                _ => leaves(path, value, &mut source),
            }
        }
        let value = format!("{{{}}}", in_order(&members).join(","));
        let row = row(&value);
        let mut found = BTreeMap::new();
        for (field, cell) in FIELDS.iter().zip(&row.cells) {
            match (cell, field.kind) {
                (Cell::Null, _) => {}
                (Cell::Text(text), Kind::Body) => leaves(field.source, text, &mut found),
                (Cell::Text(text), _) => leaves(field.source, &serde_json::to_string(text).expect("text"), &mut found),
                (Cell::Flag(flag), _) => leaves(field.source, &flag.to_string(), &mut found),
                (Cell::Int64(micros), _) => {
                    leaves(field.source, &format!("\"{}\"", common::time::format_utc(*micros)), &mut found);
                }
                (Cell::Struct(taken), _) => taken_leaves(field.source, tree(field.name).expect("tree").nodes, taken, &mut found),
            }
        }
        if let Some(extra) = &row.extra {
            for member in Members::new(extra) {
                let Member { key, value } = member.expect("extra is JSON");
                leaves(&if key.starts_with('x') { format!("/{key}") } else { key.to_owned() }, value, &mut found);
            }
        }
        source.retain(|path, value| (value != "{}" || found.contains_key(path)) && !path.is_empty());
        found.retain(|path, _| !path.is_empty());
        prop_assert_eq!(source, found);
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(value in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&value);
    }
}
