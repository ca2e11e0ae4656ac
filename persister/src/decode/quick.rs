//! The decoder for what the aggregator writes: keys in the contract's order, no white space between them, nothing left over. One pass
//! that validates, finds every value and takes the structs apart.
//!
//! It has one answer besides a row: `None`, "ask [`super::full`]", which decides alone what is undecodable. Where it does answer, it must
//! say what that decoder says: it takes only what is valid JSON within the same bounds, keys that are written as the contract has them,
//! each once (their order sees to that), and values of their kind. `tests` holds the two together.

use super::byte_range::{ByteRange, EXTRA, Leaf, node, position, top};
use super::full::MAX_VALUE_BYTES;
use super::structs::{Node, Shape, TLS_DETAILS, Tree, USER_IDENTITY};
use common::cloudtrail::json::MAX_DEPTH;
use common::cloudtrail::json::pass::{Pass, same};
use common::event::{FIELDS, Kind};
use common::time::parse_utc;
use std::ops::Range;

/// An event. Its values are the ranges that were filled in, which count from `rest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quick<'a> {
    /// Object path of the log file.
    pub(crate) source_object: &'a str,
    /// Index in its `Records`; fits an `i32`.
    pub(crate) source_index: i32,
    /// Microseconds since the epoch.
    pub(crate) event_time: Option<i64>,
    /// `recipient_account_id`.
    pub(crate) account: Option<&'a str>,
    /// `aws_region`.
    pub(crate) region: Option<&'a str>,
    /// The message from its first field on.
    pub(crate) rest: &'a str,
}

const HEAD: &[u8] = br#"{"v":1,"kind":"event","source_object":"#;

const MAX_KEY: usize = 40;

/// `,"event_time":` and so on, `,"extra":` behind them, and their lengths.
static KEYS: [([u8; MAX_KEY], usize); EXTRA + 1] = keys();
/// The eight bytes behind `,"`, and which of them belong to the key: two keys nearly always differ by them.
static HEADS: [(u64, u64); EXTRA + 1] = heads();

const fn keys() -> [([u8; MAX_KEY], usize); EXTRA + 1] {
    let mut keys = [([0; MAX_KEY], 0); EXTRA + 1];
    let mut place = 0;
    while place <= EXTRA {
        let name = if place < EXTRA { FIELDS[place].name.as_bytes() } else { b"extra" };
        let (key, len) = &mut keys[place];
        (key[0], key[1]) = (b',', b'"');
        let mut at = 0;
        while at < name.len() {
            key[at + 2] = name[at];
            at += 1;
        }
        (key[at + 2], key[at + 3]) = (b'"', b':');
        *len = at + 4;
        place += 1;
    }
    keys
}

const fn heads() -> [(u64, u64); EXTRA + 1] {
    let keys = keys();
    let mut heads = [(0, 0); EXTRA + 1];
    let mut place = 0;
    while place <= EXTRA {
        let (key, len) = &keys[place];
        let (mut at, mut word, mut mask) = (0, 0u64, 0u64);
        while at < 8 && at + 2 < *len {
            word |= (key[at + 2] as u64) << (8 * at);
            mask |= 0xff << (8 * at);
            at += 1;
        }
        heads[place] = (word, mask);
        place += 1;
    }
    heads
}

const EVENT_TIME: usize = position("event_time");
const RECIPIENT: usize = position("recipient_account_id");
const REGION: usize = position("aws_region");
const USER: usize = position("user_identity");

/// Open brackets around what lies in a message's own fields: the message's.
const IN_MESSAGE: u32 = 1;

/// A string's content: where it lies, and whether there are escapes in it.
type Text = (usize, usize, bool);

/// Decodes an event that is written just as the contract says, and fills `ranges`. `None` says nothing about the message.
pub(crate) fn decode<'a>(value: &'a [u8], ranges: &mut Vec<ByteRange>) -> Option<Quick<'a>> {
    ranges.clear();
    if value.len() > MAX_VALUE_BYTES {
        return None;
    }
    let text = std::str::from_utf8(value).ok()?;
    let mut pass = Pass::new(value);
    pass.literal(HEAD)?;
    let source_object = unescaped(pass.text()?)?;
    pass.literal(br#","source_index":"#)?;
    let source_index = index(&mut pass, value)?;
    let rest = pass.at();
    let (mut event_time, mut account, mut region) = (None, None, None);
    let mut expected = 0;
    while pass.peek()? == b',' {
        let place = next_key(&mut pass, value, expected)?;
        expected = place + 1;
        let (start, first) = (pass.at(), pass.peek()?);
        let kind = if place == EXTRA { Kind::Struct } else { FIELDS[place].kind };
        match kind {
            Kind::Text => {
                let found = pass.text()?;
                ranges.push(range(top(place), found, rest));
                match place {
                    RECIPIENT => account = Some(unescaped(found)?),
                    REGION => region = Some(unescaped(found)?),
                    _ => {}
                }
            }
            Kind::Time if place == EVENT_TIME => event_time = Some(parse_utc(text.get(unescaped(pass.text()?)?)?)?),
            Kind::Time => return None,
            Kind::Flag => {
                pass.literal(b"true").or_else(|| pass.literal(b"false"))?;
                ranges.push(ByteRange::new(top(place), start - rest, pass.at() - rest, false));
            }
            // `null` is the same as nothing, and nobody writes it.
            Kind::Body if first == b'n' => return None,
            Kind::Struct if first != b'{' => return None,
            Kind::Struct if place != EXTRA => {
                let tree = if place == USER { &USER_IDENTITY } else { &TLS_DETAILS };
                ranges.push(ByteRange::new(top(place), 0, 0, false));
                let mut taken = Taking { value, pass, ranges, tree, rest };
                taken.object(tree.nodes, IN_MESSAGE + 1)?;
                pass = taken.pass;
            }
            Kind::Body | Kind::Struct => {
                pass.value(first, IN_MESSAGE, MAX_DEPTH, &mut ())?;
                ranges.push(ByteRange::new(top(place), start - rest, pass.at() - rest, false));
            }
        }
    }
    pass.literal(b"}")?;
    if pass.at() != value.len() {
        return None;
    }
    let told = |place: Option<Range<usize>>| place.and_then(|place| text.get(place));
    Some(Quick {
        source_object: text.get(source_object)?,
        source_index,
        event_time,
        account: told(account),
        region: told(region),
        rest: text.get(rest..)?,
    })
}

fn unescaped((start, end, escaped): Text) -> Option<Range<usize>> {
    (!escaped).then_some(start..end)
}

#[inline(always)]
fn range(leaf: Leaf, (start, end, escaped): Text, rest: usize) -> ByteRange {
    ByteRange::new(leaf, start - rest, end - rest, escaped)
}

/// A number without sign, fraction and leading zeros.
fn index(pass: &mut Pass<'_>, value: &[u8]) -> Option<i32> {
    let start = pass.at();
    let mut number = 0i32;
    while let Some(digit @ b'0'..=b'9') = pass.peek() {
        number = number.checked_mul(10)?.checked_add(i32::from(digit - b'0'))?;
        pass.step();
    }
    let digits = pass.at() - start;
    (digits == 1 || digits > 1 && value[start] != b'0').then_some(number)
}

/// Passes the comma, the key and the colon of one of the fields from `expected` on.
#[inline(always)]
fn next_key(pass: &mut Pass<'_>, value: &[u8], expected: usize) -> Option<usize> {
    let head = value.get(pass.at() + 2..)?.first_chunk::<8>()?;
    let head = u64::from_le_bytes(*head);
    for place in expected..=EXTRA {
        let (word, mask) = HEADS[place];
        let (key, len) = &KEYS[place];
        if head & mask == word && pass.literal(&key[..*len]).is_some() {
            return Some(place);
        }
    }
    None
}

/// An object being taken apart.
struct Taking<'a, 's> {
    value: &'a [u8],
    pass: Pass<'a>,
    ranges: &'s mut Vec<ByteRange>,
    tree: &'static Tree,
    rest: usize,
}

impl Taking<'_, '_> {
    /// Passes an object whose members are all nodes of the tree, and lie inside `depth` open brackets. Recurses as deep as the tree.
    fn object(&mut self, nodes: &'static [Node], depth: u32) -> Option<()> {
        let pass = &mut self.pass;
        pass.expect(b'{')?;
        if pass.token()? == b'}' {
            pass.step();
            return Some(());
        }
        let (mut seen, mut expected) = (0u64, 0);
        loop {
            let (start, end, _) = self.pass.key()?;
            let at = find(nodes, &self.value[start..end], expected)?;
            if seen & 1 << at != 0 {
                return None;
            }
            seen |= 1 << at;
            expected = at + 1;
            self.member(&nodes[at], depth)?;
            let pass = &mut self.pass;
            let next = pass.token()?;
            pass.step();
            match next {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    fn member(&mut self, node_here: &'static Node, depth: u32) -> Option<()> {
        let leaf = node(self.tree, node_here.id);
        let first = self.pass.token()?;
        let start = self.pass.at();
        if first == b'n' {
            return self.pass.literal(b"null");
        }
        match &node_here.shape {
            Shape::Text => {
                let found = self.pass.text()?;
                self.ranges.push(range(leaf, found, self.rest));
            }
            Shape::Json => {
                self.pass.value(first, depth, MAX_DEPTH, &mut ())?;
                self.ranges.push(ByteRange::new(leaf, start - self.rest, self.pass.at() - self.rest, false));
            }
            Shape::Object(children) => {
                self.ranges.push(ByteRange::new(leaf, 0, 0, false));
                self.object(children, depth + 1)?;
            }
        }
        Some(())
    }
}

/// AWS writes members in one order, so the next node is nearly always the one.
#[inline(always)]
fn find(nodes: &[Node], key: &[u8], expected: usize) -> Option<usize> {
    let is = |at: &usize| same(nodes[*at].source.as_bytes(), key);
    (expected..nodes.len()).find(is).or_else(|| (0..expected.min(nodes.len())).find(is))
}

#[cfg(test)]
mod tests;
