//! Where the values of an event lie in its bytes: what both decoders answer with, so that a sink may keep a row as it came.

use super::structs::{TLS_DETAILS, Tree, USER_IDENTITY};
use common::event::FIELDS;

/// A column, or a node of an object that is taken apart: top-level columns by their place in the schema, then the nodes of
/// `user_identity` and `tls_details`. Objects have leaves of their own: they tell a struct without members from none.
pub(crate) type Leaf = u8;

/// The place of `extra` among the leaves of an event: behind the fields.
pub(crate) const EXTRA: usize = FIELDS.len();

/// Leaves of an event.
pub(crate) const EVENT_LEAVES: usize = EXTRA + 1 + USER_IDENTITY.count + TLS_DETAILS.count;

const _: () = assert!(EVENT_LEAVES <= Leaf::MAX as usize);

/// The leaf of a top-level column.
pub(crate) const fn top(column: usize) -> Leaf {
    column as Leaf
}

/// The place of a field, which is its leaf.
pub(crate) const fn position(name: &str) -> usize {
    let name = name.as_bytes();
    let mut at = 0;
    while at < FIELDS.len() {
        let field = FIELDS[at].name.as_bytes();
        let mut same = field.len() == name.len();
        let mut byte = 0;
        while same && byte < name.len() {
            same = field[byte] == name[byte];
            byte += 1;
        }
        if same {
            return at;
        }
        at += 1;
    }
    panic!("no such field") // at compile time
}

/// The leaf of a node, by its field id.
pub(crate) const fn node(tree: &Tree, id: i32) -> Leaf {
    let before = if tree.first == USER_IDENTITY.first { 0 } else { USER_IDENTITY.count };
    (EXTRA + 1 + before + (id - tree.first) as usize) as Leaf
}

/// One value: its leaf and where its bytes lie. Packed, because rows have dozens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteRange(u64);

const LENGTH_BITS: u32 = 27;
const START_BITS: u32 = 28;

/// Longest bytes of a row.
pub(crate) const MAX_ROW_BYTES: usize = (1 << LENGTH_BITS) - 1;

impl ByteRange {
    /// `start..end` within the text of a row of at most [`MAX_ROW_BYTES`]; `escaped` for JSON text whose escapes are to be undone.
    #[inline(always)]
    pub(crate) fn new(leaf: Leaf, start: usize, end: usize, escaped: bool) -> ByteRange {
        let length = (end - start) as u64;
        ByteRange(u64::from(leaf) << 56 | u64::from(escaped) << 55 | length << START_BITS | start as u64)
    }

    #[inline(always)]
    pub(crate) fn leaf(self) -> Leaf {
        (self.0 >> 56) as Leaf
    }

    #[inline(always)]
    pub(crate) fn escaped(self) -> bool {
        self.0 >> 55 & 1 == 1
    }

    #[inline(always)]
    pub(crate) fn bounds(self) -> std::ops::Range<usize> {
        let start = (self.0 & ((1 << START_BITS) - 1)) as usize;
        let length = (self.0 >> START_BITS & ((1 << LENGTH_BITS) - 1)) as usize;
        start..start + length
    }
}

/// Values of one row in the making, where they are not slices of a message.
#[derive(Debug, Default)]
pub(crate) struct Values {
    pub(crate) text: String,
    pub(crate) ranges: Vec<ByteRange>,
}

impl Values {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ranges.clear();
    }

    pub(crate) fn text(&mut self, leaf: Leaf, text: &str) {
        self.put(leaf, text);
    }

    pub(crate) fn optional(&mut self, leaf: Leaf, text: Option<&str>) {
        if let Some(text) = text {
            self.text(leaf, text);
        }
    }

    pub(crate) fn number(&mut self, leaf: Leaf, number: i64) {
        self.put(leaf, &number.to_string());
    }

    pub(crate) fn flag(&mut self, leaf: Leaf, flag: bool) {
        self.put(leaf, if flag { "true" } else { "false" });
    }

    pub(crate) fn object(&mut self, leaf: Leaf) {
        self.put(leaf, "");
    }

    fn put(&mut self, leaf: Leaf, text: &str) {
        let start = self.text.len();
        self.text.push_str(text);
        self.ranges.push(ByteRange::new(leaf, start, self.text.len(), false));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_range_reads_back() {
        for (leaf, start, end, escaped) in [(0, 0, 0, false), (255, MAX_ROW_BYTES, 2 * MAX_ROW_BYTES, true), (7, 1, 2, true)] {
            let range = ByteRange::new(leaf, start, end, escaped);
            assert_eq!((range.leaf(), range.bounds(), range.escaped()), (leaf, start..end, escaped));
        }
    }

    #[test]
    fn no_two_nodes_share_a_leaf() {
        let nodes = |tree: &'static Tree| (tree.first..).take(tree.count).map(|id| node(tree, id));
        let leaves: Vec<Leaf> = (0..=EXTRA).map(top).chain(nodes(&USER_IDENTITY)).chain(nodes(&TLS_DETAILS)).collect();
        assert_eq!(leaves, (0..EVENT_LEAVES).map(top).collect::<Vec<_>>());
    }
}
