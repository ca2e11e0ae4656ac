//! The grammar as data, and serde_json as the oracle for what both must accept.

use super::*;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;

/// Any JSON that serde_json can write and read back alike.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9f64).prop_map(|n| Value::from(n.trunc() / 8.0)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn fault(text: &str) -> Option<Fault> {
    check(text).err().map(|error| error.fault)
}

/// serde_json skips a `RawValue` without recursion, range checks on numbers or pairing of surrogates: RFC 8259's grammar only.
fn is_grammatical(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list")]
fn grammar_is_rfc_8259s() {
    for good in [
        "null",
        " true\n",
        "false",
        "0",
        "-0",
        "-0.0",
        "10",
        "1.5e+7",
        "1E-9",
        "1e999",
        "[]",
        "{}",
        "[ ]",
        "{ }",
        "[1,[2],{}]",
        r#""""#,
        r#""\"\\\/\b\f\n\r\t\u00e9""#,
        r#""😀\ud83d\ude00""#,
        r#"{"a":{"b":[{}]},"a":1}"#,
        "\"\u{7f}\u{80}\"",
        r#"{ "a" : 1 , "b" : [ 1 , 2 ] }"#,
        "\"01234567\"",
        "\"012345678\"",
    ] {
        assert_eq!(fault(good), None, "{good}");
        assert!(is_grammatical(good), "{good}");
    }
    for bad in [
        "",
        " ",
        "nul",
        "nulll",
        "True",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "0x1",
        "--1",
        "NaN",
        "[",
        "]",
        "[1",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{",
        "}",
        "{]",
        "[}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        "{a:1}",
        "{1:1}",
        r#"{"a" 1}"#,
        r#"{"a":1 "b":2}"#,
        "\"",
        r#""\""#,
        r#""\x""#,
        r#""\u12""#,
        r#""\u12g4""#,
        r#""\u+123""#,
        "\"\n\"",
        "\"\u{1f}\"",
        "\"0123456\t\"",
        "1 2",
        "{}{}",
        "'a'",
        "[1]]",
        "\u{feff}1",
        "\u{a0}1",
        "/**/1",
        r#"{"a":1}x"#,
        "\"\\u00é\"",
        r#"{"a":[1}]"#,
    ] {
        assert_eq!(fault(bad), Some(Fault::Grammar), "{bad:?}");
        assert!(!is_grammatical(bad), "{bad:?}");
    }
}

#[test]
fn half_a_surrogate_pair_is_a_fault_of_its_own() {
    for lone in [
        r#""\ud83d""#,
        r#""\ude00""#,
        r#""\ude00\ud83d""#,
        r#""\ud83d\u0041""#,
        r#""\ud83dx""#,
        r#"{"\udfff":1}"#,
        r#"["\ud83d\n"]"#,
    ] {
        assert_eq!(fault(lone), Some(Fault::LoneSurrogate), "{lone}");
    }
    assert_eq!(fault(r#""\ud83d\u00""#), Some(Fault::Grammar));
}

#[test]
fn as_many_brackets_may_be_open_as_serde_json_lets() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let objects = |depth: usize| "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
    let depth = MAX_DEPTH as usize;
    for (text, expect) in
        [(nested(depth), None), (nested(depth + 1), Some(Fault::TooDeep)), (nested(100_000), Some(Fault::TooDeep))]
    {
        assert_eq!(fault(&text), expect);
        assert_eq!(serde_json::from_str::<Value>(&text).is_ok(), expect.is_none());
    }
    assert_eq!((fault(&objects(depth)), fault(&objects(depth + 1))), (None, Some(Fault::TooDeep)));
    assert!(Members::new(&objects(depth)).all(|m| m.is_ok()));
    assert!(Members::new(&objects(depth + 1)).any(|m| m.is_err()));
    assert_eq!(check_within("[[1]]", 1).map_err(|e| e.fault), Err(Fault::TooDeep));
    assert_eq!(check_within("[1]", 1), Ok(()));
}

#[test]
fn members_and_elements_are_slices_of_the_source() {
    let text = r#" { "a\u0062" : 1.50 , "" : [ 1 , "x" ] , "c":{"d" : null}} "#;
    let members: Vec<_> = Members::new(text).map(|m| m.map(|m| (m.key, m.value))).collect::<Result<_, _>>().unwrap();
    assert_eq!(members, [(r"a\u0062", "1.50"), ("", r#"[ 1 , "x" ]"#), ("c", r#"{"d" : null}"#)]);
    let elements: Vec<_> = Elements::new(members[1].1).collect::<Result<_, _>>().unwrap();
    assert_eq!(elements, ["1", "\"x\""]);
    assert_eq!(Members::new("{}").count(), 0);
    assert_eq!(Elements::new("[ ]").count(), 0);
}

#[test]
fn a_walk_ends_after_its_first_error_and_looks_behind_the_last_bracket() {
    let walk = |text: &str| Members::new(text).map(|m| m.is_ok()).collect::<Vec<_>>();
    assert_eq!(walk(r#"{"a":1,"b":tru,"c":1}"#), [true, false]);
    assert_eq!(walk(r#"{"a":1} x"#), [true, false]);
    assert_eq!(walk(r#"{"a":1"#), [true, false]);
    assert_eq!(walk(r#"{"a":1,}"#), [true, false]);
    assert_eq!(walk("[]"), [false]);
    assert_eq!(walk(""), [false]);
    assert_eq!(Elements::new("[1,").map(|e| e.is_ok()).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn strings_come_out_unescaped() {
    assert_eq!(unescape("plain é"), Cow::Borrowed("plain é"));
    assert!(matches!(unescape("plain"), Cow::Borrowed(_)));
    assert_eq!(unescape(r#"\"\\\/\b\f\n\r\t\u003c\ud83d\ude00 é"#), "\"\\/\u{8}\u{c}\n\r\t<😀 é");
    assert_eq!(string(r#""a\tb""#).as_deref(), Some("a\tb"));
    assert_eq!(string("1"), None);
    assert_eq!(string("\""), None);
    assert_eq!(unescape(r"\ud83d \q \u12"), "\u{fffd} \u{fffd}q \u{fffd}12");
}

#[test]
fn kinds_are_told_by_the_first_byte() {
    let all = ["{}", "[]", "\"\"", "-1", "0", "true", "false", "null"].map(kind);
    use Kind::{Array, Bool, Null, Number, Object, String};
    assert_eq!(all, [Object, Array, String, Number, Number, Bool, Bool, Null]);
}

proptest! {
    #[test]
    fn what_serde_json_writes_is_taken_and_sliced_alike(value in any_json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        prop_assert_eq!(check(&text), Ok(()));
        match &value {
            Value::Object(object) => {
                let members: Vec<_> = Members::new(&text).collect::<Result<_, _>>().unwrap();
                prop_assert_eq!(members.len(), object.len());
                for member in members {
                    prop_assert_eq!(&serde_json::from_str::<Value>(member.value).unwrap(), &object[&*unescape(member.key)]);
                }
            }
            Value::Array(array) => {
                let elements: Vec<Value> = Elements::new(&text).map(|e| serde_json::from_str(e.unwrap()).unwrap()).collect();
                prop_assert_eq!(&elements, array);
            }
            Value::String(text_of) => prop_assert_eq!(string(&text).unwrap(), text_of.as_str()),
            _ => {}
        }
    }

    #[test]
    fn mutated_json_is_taken_exactly_when_serde_json_takes_it(
        value in any_json(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"{}[]\",:\\u0e-.dn \n\x01a".to_vec()), 0..3u8), 1..4),
    ) {
        let mut bytes = serde_json::to_vec(&value).unwrap();
        for (at, byte, how) in edits {
            let at = at.index(bytes.len() + 1);
            match how {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => bytes[at] = byte,
                _ if at < bytes.len() => drop(bytes.remove(at)),
                _ => {}
            }
        }
        let Ok(text) = std::str::from_utf8(&bytes) else { return Ok(()) };
        match fault(text) {
            Some(Fault::Grammar) => prop_assert!(!is_grammatical(text), "{}", text),
            None => prop_assert!(is_grammatical(text), "{}", text),
            Some(Fault::LoneSurrogate) => prop_assert!(serde_json::from_str::<Value>(text).is_err(), "{}", text),
            Some(Fault::TooDeep) => {}
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text: String, likely in "[\\[\\]{},:\"\\\\ua1e.\\- dD8é]{0,60}") {
        for text in [text, likely] {
            let _ = (check(&text), unescape(&text), string(&text), kind(&text));
            prop_assert_eq!(check(&text).is_ok(), is_grammatical(&text) && check(&text).is_ok());
            for member in Members::new(&text).flatten() {
                prop_assert_eq!(check(member.value), Ok(()));
            }
            prop_assert!(Elements::new(&text).flatten().all(|e| check(e).is_ok()));
        }
    }

    #[test]
    fn the_fast_search_finds_what_the_slow_one_finds(bytes: Vec<u8>, from in 0..40usize) {
        let slow = |control: bool| {
            let found = bytes.iter().skip(from).position(|&b| b == b'"' || b == b'\\' || control && b < 0x20);
            found.map_or(bytes.len().max(from), |at| at + from)
        };
        prop_assert_eq!(special::<true>(&bytes, from), slow(true));
        prop_assert_eq!(special::<false>(&bytes, from), slow(false));
    }
}
