//! Takes an object of AWS's apart into the leaves of a struct, and keeps what has no leaf.
//!
//! Lossless: a member that is not in the tree, or is not of its node's shape, is written to the rest under its source path, raw.

use super::structs::{Node, Shape, Tree};
use common::cloudtrail::json::{JsonError, Member, Members, string, unescape};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Why an object cannot be taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadObject {
    /// It is not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A key stands in it twice: a column holds one value.
    #[error("a key stands twice in one object")]
    RepeatedKey,
}

/// What stands at one node of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum NodeValue<'a> {
    /// Nothing, or `null`.
    #[default]
    Absent,
    /// Text.
    Text(Cow<'a, str>),
    /// An object, perhaps an empty one: a struct that is not null.
    Object,
}

/// An object taken apart: one leaf a node, by field id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken<'a> {
    first: i32,
    leaves: Vec<NodeValue<'a>>,
}

impl<'a> Taken<'a> {
    /// The leaf of a node.
    pub(crate) fn leaf(&self, id: i32) -> &NodeValue<'a> {
        usize::try_from(id - self.first).ok().and_then(|at| self.leaves.get(at)).unwrap_or(&NodeValue::Absent)
    }

    fn set(&mut self, id: i32, leaf: NodeValue<'a>) {
        if let Some(at) = usize::try_from(id - self.first).ok().and_then(|at| self.leaves.get_mut(at)) {
            *at = leaf;
        }
    }
}

/// Members of an object in the making, behind each other in one text.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    pub(crate) text: String,
}

impl Rest {
    /// Adds a member; the key is raw, without quotes.
    pub(crate) fn put(&mut self, key: &str, value: &str) {
        self.open(key);
        self.text.push_str(value);
    }

    fn open(&mut self, key: &str) {
        if !self.text.is_empty() && !self.text.ends_with('{') {
            self.text.push(',');
        }
        self.text.push('"');
        self.text.push_str(key);
        self.text.push_str("\":");
    }

    /// Adds an object member whose content `fill` adds; nothing if it adds nothing.
    pub(crate) fn within<T>(&mut self, key: &str, fill: impl FnOnce(&mut Rest) -> Result<T, BadObject>) -> Result<T, BadObject> {
        let before = self.text.len();
        self.open(key);
        self.text.push('{');
        let empty = self.text.len();
        let filled = fill(self)?;
        if self.text.len() == empty {
            self.text.truncate(before);
        } else {
            self.text.push('}');
        }
        Ok(filled)
    }
}

/// Takes apart the raw text of an object.
pub(crate) fn take_apart<'a>(tree: &'static Tree, object: &'a str, rest: &mut Rest) -> Result<Taken<'a>, BadObject> {
    let mut taken = Taken { first: tree.first, leaves: vec![NodeValue::Absent; tree.count] };
    level(tree.nodes, object, &mut taken, rest)?;
    Ok(taken)
}

fn level<'a>(nodes: &'static [Node], object: &'a str, taken: &mut Taken<'a>, rest: &mut Rest) -> Result<(), BadObject> {
    let mut seen = 0u64;
    let mut unknown = BTreeSet::new();
    let mut expected = 0;
    for member in Members::new(object) {
        let Member { key, value } = member?;
        let Some(at) = find(nodes, key, expected) else {
            if !unknown.insert(unescape(key)) {
                return Err(BadObject::RepeatedKey);
            }
            if value != "null" {
                rest.put(key, value);
            }
            continue;
        };
        if seen & (1 << at) != 0 {
            return Err(BadObject::RepeatedKey);
        }
        seen |= 1 << at;
        expected = at + 1;
        place(&nodes[at], key, value, taken, rest)?;
    }
    Ok(())
}

fn place<'a>(node: &'static Node, key: &str, value: &'a str, taken: &mut Taken<'a>, rest: &mut Rest) -> Result<(), BadObject> {
    match &node.shape {
        _ if value == "null" => {}
        Shape::Json => taken.set(node.id, NodeValue::Text(Cow::Borrowed(value))),
        Shape::Text => match string(value) {
            Some(text) => taken.set(node.id, NodeValue::Text(text)),
            None => rest.put(key, value),
        },
        Shape::Object(children) if value.starts_with('{') => {
            taken.set(node.id, NodeValue::Object);
            rest.within(key, |rest| level(children, value, taken, rest))?;
        }
        Shape::Object(_) => rest.put(key, value),
    }
    Ok(())
}

/// AWS writes members in one order, so the next node is nearly always the one; the search is for the rest. Escapes in a key are a rarity.
fn find(nodes: &[Node], key: &str, expected: usize) -> Option<usize> {
    let search = |name: &str| {
        let is = |at: &usize| nodes.get(*at).is_some_and(|node| node.source == name);
        (expected..nodes.len()).find(is).or_else(|| (0..expected).find(is))
    };
    search(key).or_else(|| if key.contains('\\') { search(&unescape(key)) } else { None })
}

#[cfg(test)]
mod tests {
    use super::super::structs::USER_IDENTITY;
    use super::*;

    fn taken(object: &str) -> Result<(Vec<(i32, String)>, String), BadObject> {
        let mut rest = Rest::default();
        let taken = take_apart(&USER_IDENTITY, object, &mut rest)?;
        let leaves = (taken.first..)
            .zip(&taken.leaves)
            .filter_map(|(id, leaf)| match leaf {
                NodeValue::Absent => None,
                NodeValue::Text(text) => Some((id, text.to_string())),
                NodeValue::Object => Some((id, "{}".to_owned())),
            })
            .collect();
        Ok((leaves, rest.text))
    }

    #[test]
    fn leaves_go_to_their_nodes_and_the_rest_keeps_its_path() {
        let (leaves, rest) = taken(
            r#"{"arn":"a","accountId":12,"new":[1],"sessionContext":{"attributes":{"mfaAuthenticated":true,"creationDate":"x"},
                "sessionIssuer":{},"webIdFederationData":{"attributes":{"a":1.0}},"future":{"a":null}},"onBehalfOf":"me","type":null}"#,
        )
        .expect("taken apart");
        let expected = [(303, "a"), (307, "{}"), (321, "{}"), (327, "{}"), (329, r#"{"a":1.0}"#), (330, "{}"), (331, "x")];
        assert_eq!(leaves, expected.map(|(id, text)| (id, text.to_owned())));
        assert_eq!(
            rest,
            r#""accountId":12,"new":[1],"sessionContext":{"attributes":{"mfaAuthenticated":true},"future":{"a":null}},"onBehalfOf":"me""#
        );
    }

    #[test]
    fn a_key_twice_is_refused_however_it_is_written() {
        for object in [
            r#"{"arn":"a","arn":"b"}"#,
            r#"{"arn":"a","\u0061rn":null}"#,
            r#"{"x":1,"x":2}"#,
            r#"{"sessionContext":{"x":1,"x":2}}"#,
        ] {
            assert_eq!(taken(object), Err(BadObject::RepeatedKey), "{object}");
        }
    }

    #[test]
    fn an_object_without_leftovers_leaves_no_rest() {
        assert_eq!(taken(r#"{"sessionContext":{"attributes":{}}}"#).expect("taken apart").1, "");
    }
}
