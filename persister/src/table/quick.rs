//! The decoder for what the aggregator writes: keys in the contract's order, no white space between them, nothing left over. One pass
//! that validates, finds every value and takes the structs apart.
//!
//! It has one answer besides a row: `None`, "ask [`super::decode`]", which decides alone what is undecodable. Where it does answer, it must
//! say what that decoder says: it takes only what is valid JSON within the same bounds, keys that are written as the contract has them,
//! each once (their order sees to that), and values of their kind. `tests` holds the two together.

use super::decode::MAX_VALUE_BYTES;
use super::scan::{Scanner, Text};
use super::schema::EXTRA;
use super::span::{Leaf, Span, node, top};
use super::structs::{Node, Shape, TLS_DETAILS, Tree, USER_IDENTITY};
use common::event::{FIELDS, Kind};
use common::time::parse_utc;

/// An event. Its values are the spans that were filled in, which count from `rest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quick<'a> {
    /// Object path of the log file.
    pub(super) source_object: &'a str,
    /// Index in its `Records`; fits an `i32`.
    pub(super) source_index: i32,
    /// Microseconds since the epoch.
    pub(super) event_time: Option<i64>,
    /// `recipient_account_id`.
    pub(super) account: Option<&'a str>,
    /// `aws_region`.
    pub(super) region: Option<&'a str>,
    /// The message from its first field on.
    pub(super) rest: &'a [u8],
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

/// The place of a field.
pub(super) const fn position(name: &str) -> usize {
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

/// Decodes an event that is written just as the contract says, and fills `spans`. `None` says nothing about the message.
pub(super) fn decode<'a>(value: &'a [u8], spans: &mut Vec<Span>) -> Option<Quick<'a>> {
    spans.clear();
    if value.len() > MAX_VALUE_BYTES {
        return None;
    }
    let text = std::str::from_utf8(value).ok()?;
    let mut scanner = Scanner { bytes: value, at: 0 };
    scanner.literal(HEAD)?;
    let object = scanner.string().filter(|object| !object.escaped)?;
    scanner.literal(br#","source_index":"#)?;
    let source_index = index(&mut scanner)?;
    let rest = scanner.at;
    let mut event = Quick {
        source_object: &text[object.start..object.end],
        source_index,
        event_time: None,
        account: None,
        region: None,
        rest: &value[rest..],
    };
    let mut expected = 0;
    while scanner.peek()? == b',' {
        let place = next_key(&mut scanner, expected)?;
        expected = place + 1;
        let start = scanner.at;
        if place == EXTRA {
            if scanner.peek()? != b'{' {
                return None;
            }
            scanner.value()?;
            spans.push(Span::new(top(EXTRA), start - rest, scanner.at - rest, false));
            continue;
        }
        match FIELDS[place].kind {
            Kind::Text => {
                let found = scanner.string()?;
                spans.push(span(top(place), found, rest));
                if place == RECIPIENT || place == REGION {
                    if found.escaped {
                        return None;
                    }
                    let found = Some(&text[found.start..found.end]);
                    if place == REGION { event.region = found } else { event.account = found }
                }
            }
            Kind::Time => {
                let found = scanner.string().filter(|found| !found.escaped)?;
                let micros = parse_utc(&text[found.start..found.end])?;
                if place != EVENT_TIME {
                    return None;
                }
                event.event_time = Some(micros);
            }
            Kind::Flag => {
                scanner.literal(b"true").or_else(|| scanner.literal(b"false"))?;
                spans.push(Span::new(top(place), start - rest, scanner.at - rest, false));
            }
            Kind::Body => {
                // `null` is the same as nothing, and nobody writes it.
                if scanner.peek()? == b'n' {
                    return None;
                }
                scanner.value()?;
                spans.push(Span::new(top(place), start - rest, scanner.at - rest, false));
            }
            Kind::Struct => {
                let tree = if place == USER { &USER_IDENTITY } else { &TLS_DETAILS };
                spans.push(Span::new(top(place), 0, 0, false));
                let mut taken = Taking { scanner, spans, tree, rest };
                taken.object(tree.nodes)?;
                scanner = taken.scanner;
            }
        }
    }
    scanner.take(b'}')?;
    (scanner.at == value.len()).then_some(event)
}

#[inline(always)]
fn span(leaf: Leaf, found: Text, rest: usize) -> Span {
    Span::new(leaf, found.start - rest, found.end - rest, found.escaped)
}

/// A number without sign, fraction and leading zeros.
fn index(scanner: &mut Scanner<'_>) -> Option<i32> {
    let start = scanner.at;
    let mut number = 0i32;
    while let Some(digit @ b'0'..=b'9') = scanner.peek() {
        number = number.checked_mul(10)?.checked_add(i32::from(digit - b'0'))?;
        scanner.at += 1;
    }
    let digits = scanner.at - start;
    (digits == 1 || digits > 1 && scanner.bytes[start] != b'0').then_some(number)
}

/// Passes the comma, the key and the colon of one of the fields from `expected` on.
#[inline(always)]
fn next_key(scanner: &mut Scanner<'_>, expected: usize) -> Option<usize> {
    let head = scanner.bytes.get(scanner.at + 2..)?.first_chunk::<8>()?;
    let head = u64::from_le_bytes(*head);
    for place in expected..=EXTRA {
        let (word, mask) = HEADS[place];
        let (key, len) = &KEYS[place];
        if head & mask == word && scanner.literal(&key[..*len]).is_some() {
            return Some(place);
        }
    }
    None
}

/// An object being taken apart.
struct Taking<'a, 's> {
    scanner: Scanner<'a>,
    spans: &'s mut Vec<Span>,
    tree: &'static Tree,
    rest: usize,
}

impl Taking<'_, '_> {
    /// Passes an object whose members are all nodes of the tree. Recurses as deep as the tree.
    fn object(&mut self, nodes: &'static [Node]) -> Option<()> {
        let scanner = &mut self.scanner;
        scanner.take(b'{')?;
        scanner.white();
        if scanner.peek()? == b'}' {
            scanner.at += 1;
            return Some(());
        }
        let (mut seen, mut expected) = (0u64, 0);
        loop {
            let key = self.scanner.key()?;
            let at = find(nodes, key, expected)?;
            if seen & 1 << at != 0 {
                return None;
            }
            seen |= 1 << at;
            expected = at + 1;
            self.member(&nodes[at])?;
            let scanner = &mut self.scanner;
            scanner.white();
            match scanner.peek()? {
                b',' => {
                    scanner.at += 1;
                    scanner.white();
                }
                b'}' => {
                    scanner.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    fn member(&mut self, node_here: &'static Node) -> Option<()> {
        let leaf = node(self.tree, node_here.id);
        let start = self.scanner.at;
        if self.scanner.peek()? == b'n' {
            return self.scanner.literal(b"null");
        }
        match &node_here.shape {
            Shape::Text => {
                let found = self.scanner.string()?;
                self.spans.push(span(leaf, found, self.rest));
            }
            Shape::Json => {
                self.scanner.value()?;
                self.spans.push(Span::new(leaf, start - self.rest, self.scanner.at - self.rest, false));
            }
            Shape::Object(children) => {
                self.spans.push(Span::new(leaf, 0, 0, false));
                self.object(children)?;
            }
        }
        Some(())
    }
}

/// AWS writes members in one order, so the next node is nearly always the one.
#[inline(always)]
fn find(nodes: &[Node], key: &[u8], expected: usize) -> Option<usize> {
    let is = |at: &usize| nodes[*at].source.as_bytes() == key;
    (expected..nodes.len()).find(is).or_else(|| (0..expected.min(nodes.len())).find(is))
}

#[cfg(test)]
mod tests;
