//! Canonical JSON, so that values can be compared: strings without escapes, numbers by their text, members sorted by key.
//!
//! Parsed by serde_json and not by the normalizer's scanner, so that the two do not share a mistake.

use common::message::FileId;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt;

/// Deepest nesting that is read, in open brackets: more than the topic contract allows.
const MAX_DEPTH: u32 = 128;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node<'a> {
    /// A number, `true`, `false` or `null`, as written.
    Plain(Cow<'a, str>),
    /// A string without escapes.
    Text(Cow<'a, str>),
    /// An array.
    Array(Vec<Node<'a>>),
    /// An object: members sorted by key, those of the same key in their order.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

/// A text that is not JSON (or nested too deeply), in the parser's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotJson(pub(crate) String);

impl From<serde_json::Error> for NotJson {
    fn from(error: serde_json::Error) -> NotJson {
        NotJson(error.to_string())
    }
}

impl<'a> Node<'a> {
    /// Reads a JSON text.
    pub(crate) fn parse(text: &'a str) -> Result<Node<'a>, NotJson> {
        parse(text.trim_matches([' ', '\t', '\n', '\r']), 0)
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Node::Plain(text) if text == "null")
    }

    /// Drops members that are `null`, at all levels: where the table takes an object apart, `null` is the same as absent.
    pub(crate) fn drop_nulls(&mut self) {
        match self {
            Node::Object(members) => {
                members.retain(|(_, value)| !value.is_null());
                members.iter_mut().for_each(|(_, value)| value.drop_nulls());
            }
            Node::Array(values) => values.iter_mut().for_each(Node::drop_nulls),
            Node::Plain(_) | Node::Text(_) => {}
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        // A tag and a length before everything, so that no two values write the same.
        let mut head = |tag: u8, len: usize| {
            out.push(tag);
            out.extend_from_slice(&(len as u64).to_le_bytes());
        };
        match self {
            Node::Plain(text) => {
                head(b'p', text.len());
                out.extend_from_slice(text.as_bytes());
            }
            Node::Text(text) => {
                head(b't', text.len());
                out.extend_from_slice(text.as_bytes());
            }
            Node::Array(values) => {
                head(b'a', values.len());
                values.iter().for_each(|value| value.write(out));
            }
            Node::Object(members) => {
                head(b'o', members.len());
                for (key, value) in members {
                    out.extend_from_slice(&(key.len() as u64).to_le_bytes());
                    out.extend_from_slice(key.as_bytes());
                    value.write(out);
                }
            }
        }
    }
}

/// 128 bits that identify a record and its place. Their sum over a log file identifies all its records in any order.
pub(crate) fn hash(file: FileId, index: u32, node: &Node<'_>, buffer: &mut Vec<u8>) -> u128 {
    buffer.clear();
    buffer.extend_from_slice(&file.0.to_le_bytes());
    buffer.extend_from_slice(&index.to_le_bytes());
    node.write(buffer);
    let mut head = [0u8; 16];
    head.copy_from_slice(&Sha256::digest(&buffer)[..16]);
    u128::from_le_bytes(head)
}

fn parse(text: &str, open: u32) -> Result<Node<'_>, NotJson> {
    if open > MAX_DEPTH {
        return Err(NotJson("nested too deeply".to_owned()));
    }
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let Members(raw) = serde_json::from_str(text)?;
            let mut members = Vec::with_capacity(raw.len());
            for (Key(key), value) in raw {
                members.push((key, parse(value.get(), open + 1)?));
            }
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Node::Object(members)
        }
        Some(b'[') => {
            let raw: Vec<&RawValue> = serde_json::from_str(text)?;
            Node::Array(raw.into_iter().map(|value| parse(value.get(), open + 1)).collect::<Result<_, _>>()?)
        }
        Some(b'"') => {
            let Key(text) = serde_json::from_str(text)?;
            Node::Text(text)
        }
        _ => Node::Plain(Cow::Borrowed(serde_json::from_str::<&RawValue>(text)?.get())),
    })
}

/// A string, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Every member of an object, those whose key stands twice included.
struct Members<'a>(Vec<(Key<'a>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// The first place where two values differ: its path and both values, `None` where one has nothing.
pub(crate) fn first_difference<'n, 'a>(
    a: &'n Node<'a>,
    b: &'n Node<'a>,
) -> Option<(String, Option<&'n Node<'a>>, Option<&'n Node<'a>>)> {
    match (a, b) {
        (Node::Object(left), Node::Object(right)) => {
            for at in 0..left.len().max(right.len()) {
                let (key, ours, theirs) = match (left.get(at), right.get(at)) {
                    (Some((k, v)), Some((l, w))) if k == l => (k, Some(v), Some(w)),
                    (Some((k, v)), Some((l, _))) if k < l => (k, Some(v), None),
                    (Some((k, v)), None) => (k, Some(v), None),
                    (_, Some((l, w))) => (l, None, Some(w)),
                    (None, None) => return None,
                };
                match (ours, theirs) {
                    (Some(v), Some(w)) => {
                        if let Some((below, x, y)) = first_difference(v, w) {
                            return Some((format!(".{key}{below}"), x, y));
                        }
                    }
                    _ => return Some((format!(".{key}"), ours, theirs)),
                }
            }
            None
        }
        (Node::Array(left), Node::Array(right)) => {
            (0..left.len().max(right.len())).find_map(|at| match (left.get(at), right.get(at)) {
                (Some(v), Some(w)) => first_difference(v, w).map(|(below, x, y)| (format!("[{at}]{below}"), x, y)),
                (v, w) => Some((format!("[{at}]"), v, w)),
            })
        }
        _ if a == b => None,
        _ => Some((String::new(), Some(a), Some(b))),
    }
}

impl fmt::Display for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Plain(text) => f.write_str(text),
            Node::Text(text) => write!(f, "{text:?}"),
            Node::Array(values) => write!(f, "an array of {}", values.len()),
            Node::Object(members) => write!(f, "an object of {} members", members.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        Node::parse(a).expect(a) == Node::parse(b).expect(b)
    }

    #[test]
    fn values_are_compared_by_what_they_say_and_numbers_by_their_text() {
        assert!(same(r#"{"a":1,"b":[true,"x"]}"#, " { \"b\" : [ true , \"\\u0078\" ], \"a\":1 }\n"));
        assert!(!same("1.0", "1"));
        assert!(!same("1e2", "100"));
        assert!(!same(r#"{"a":null}"#, "{}"));
        assert!(!same(r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#));
        assert!(!same(r#""1""#, "1"));
        assert!(same("123456789012345678901234567890.10", "123456789012345678901234567890.10"));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for bad in ["", "{", "{\"a\":}", "[1,]", "tru", "\"\\ud800\"", "\"\u{1}\"", "1 2", &"[".repeat(200)] {
            assert!(Node::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_first_difference_is_told_with_its_path() {
        let check = |a: &str, b: &str, expect: &str| {
            let (a, b) = (Node::parse(a).expect("reads"), Node::parse(b).expect("reads"));
            let show = |node: Option<&Node<'_>>| node.map_or("nothing".to_owned(), ToString::to_string);
            let told = first_difference(&a, &b).map(|(path, x, y)| format!("{path}: {} | {}", show(x), show(y)));
            assert_eq!(told.unwrap_or_default(), expect);
        };
        check(r#"{"a":{"b":[1,2]}}"#, r#"{"a":{"b":[1,3]}}"#, ".a.b[1]: 2 | 3");
        check(r#"{"a":1,"b":2}"#, r#"{"b":2}"#, ".a: 1 | nothing");
        check(r#"{"b":2}"#, r#"{"b":2,"c":"x"}"#, ".c: nothing | \"x\"");
        check("[1]", "[1,2]", "[1]: nothing | 2");
        check(r#"{"a":1}"#, r#"{"a":1}"#, "");
    }

    #[test]
    fn a_hash_tells_value_and_place() {
        let mut buffer = Vec::new();
        let (a, b) = (Node::parse(r#"["a","b"]"#).expect("reads"), Node::parse(r#"["ab"]"#).expect("reads"));
        let mut hash = |file, index, node: &Node<'_>| hash(FileId(file), index, node, &mut buffer);
        let all = [hash(1, 0, &a), hash(1, 0, &b), hash(1, 1, &a), hash(2, 0, &a)];
        assert!((0..4).all(|i| (0..i).all(|j| all[i] != all[j])));
        assert_eq!(all[0], hash(1, 0, &a));
    }
}
