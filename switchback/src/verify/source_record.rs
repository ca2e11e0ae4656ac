//! The record that the table must have for an element of `Records`: an event or a rejection, by serde_json and the topic contract alone.

use super::canonical_json::Node;
use super::table_record::{TAKEN_APART, rejected, shaped};
use common::event::normalize::MAX_RECORD_DEPTH;
use common::limits::MAX_RECORD_BYTES;

/// Bytes of a rejected record that are looked at: more than are compared.
const RAW_BYTES: usize = 128 * 1024;

/// The value to compare: the record, or, when it cannot be an event, its text as a rejection keeps it.
pub(crate) fn expected(record: &[u8]) -> Node<'_> {
    event(record).unwrap_or_else(|| rejected(&String::from_utf8_lossy(&record[..record.len().min(RAW_BYTES)]), record.len()))
}

/// The record when it can be an event.
fn event(record: &[u8]) -> Option<Node<'_>> {
    if record.len() > MAX_RECORD_BYTES {
        return None;
    }
    let node = Node::parse(std::str::from_utf8(record).ok()?).ok()?;
    let Node::Object(members) = node else { return None };
    let deep = members.iter().any(|(_, value)| depth(value) + 1 > MAX_RECORD_DEPTH);
    // Members are sorted, so those of one name stand together.
    let twice = members.windows(2).any(|pair| pair[0].0 == pair[1].0);
    let twice_within = || {
        let taken = members.iter().filter(|(key, value)| TAKEN_APART.contains(&&**key) && matches!(value, Node::Object(_)));
        taken.into_iter().any(|(_, value)| repeats(value, false))
    };
    if deep || twice || twice_within() { None } else { Some(shaped(members)) }
}

fn depth(node: &Node<'_>) -> u32 {
    match node {
        Node::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Node::Object(members) => 1 + members.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        Node::Plain(_) | Node::Text(_) => 0,
    }
}

/// A key stands twice in an object at any level, except below `webIdFederationData.attributes`, which the table keeps as it is.
fn repeats(node: &Node<'_>, is_federation: bool) -> bool {
    match node {
        Node::Object(members) => {
            members.windows(2).any(|pair| pair[0].0 == pair[1].0)
                || members
                    .iter()
                    .any(|(key, value)| !(is_federation && key == "attributes") && repeats(value, key == "webIdFederationData"))
        }
        Node::Array(values) => values.iter().any(|value| repeats(value, false)),
        Node::Plain(_) | Node::Text(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_an_event_is_told_from_what_cannot() {
        let deep = |levels: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
        for good in [
            "{}",
            r#"{"eventTime":5,"x":{"a":1,"a":2}}"#,
            r#"{"userIdentity":{"webIdFederationData":{"attributes":{"k":1,"k":2}}}}"#,
            r#"{"userIdentity":"root"}"#,
            &deep(125),
        ] {
            assert!(event(good.as_bytes()).is_some(), "{good}");
        }
        for bad in [
            "",
            "null",
            "[]",
            "{",
            r#"{"a":1,"\u0061":2}"#,
            r#"{"userIdentity":{"arn":"a","arn":"b"}}"#,
            r#"{"tlsDetails":{"x":[{"k":1,"k":2}]}}"#,
            r#"{"a":"\ud800"}"#,
            &deep(126),
        ] {
            assert!(event(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(event(b"{\"a\":\"\xff\"}").is_none());
        assert!(event(format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_RECORD_BYTES)).as_bytes()).is_none());
    }
}
