//! The values of an event that was decoded cell by cell, as byte ranges of a text of their own: from here on it makes no difference which
//! decoder read a message.

use super::byte_range::{EXTRA, Values, node, top};
use super::full::{Cell, EventRow};
use super::structs::{Node, Shape, Tree, tree};
use super::take_apart::{NodeValue, Taken};
use common::event::FIELDS;

/// The values of an event that was decoded cell by cell, and its time.
pub(crate) fn event_values(row: &EventRow<'_>, values: &mut Values) -> Option<i64> {
    let mut event_time = None;
    for (at, cell) in row.cells.iter().enumerate() {
        match cell {
            Cell::Null => {}
            Cell::Text(text) => values.text(top(at), text),
            Cell::Flag(flag) => values.flag(top(at), *flag),
            // The only number among the fields.
            Cell::Int64(micros) => event_time = Some(*micros),
            Cell::Struct(taken) => {
                values.object(top(at));
                if let Some(tree) = tree(FIELDS[at].name) {
                    taken_values(tree, tree.nodes, taken, values);
                }
            }
        }
    }
    values.optional(top(EXTRA), row.extra.as_deref());
    event_time
}

fn taken_values(tree: &Tree, nodes: &[Node], taken: &Taken<'_>, values: &mut Values) {
    for here in nodes {
        match (taken.leaf(here.id), &here.shape) {
            (NodeValue::Text(text), _) => values.text(node(tree, here.id), text),
            (NodeValue::Object, Shape::Object(children)) => {
                values.object(node(tree, here.id));
                taken_values(tree, children, taken, values);
            }
            _ => {}
        }
    }
}
