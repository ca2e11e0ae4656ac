//! Repeated keys in an object: JSON allows them, readers disagree about which one counts (RFC 8259 section 4),
//! and so an attacker could show one value to the table and another to the next tool.

use crate::cloudtrail::json;
use std::borrow::Cow;

/// So few keys are compared one by one; more are sorted, because a hostile record may have a hundred thousand.
const FEW: usize = 16;

/// A key that stands twice among `keys`. Their order is lost.
pub(super) fn among<'a>(keys: &mut [Cow<'a, str>]) -> Option<Cow<'a, str>> {
    if keys.len() <= FEW {
        let twice = keys.iter().enumerate().find(|(at, key)| keys[..*at].contains(key));
        return twice.map(|(_, key)| key.clone());
    }
    keys.sort_unstable();
    keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone())
}

/// One object or array that is open.
struct Open {
    is_object: bool,
    /// Where its keys begin in the list of all keys.
    first: usize,
    /// The key that it stands under is `webIdFederationData`.
    is_federation: bool,
    /// It lies in a map with keys of the identity provider's, which the table does not take apart.
    is_free: bool,
}

/// A key that stands twice in the object `text` or in an object at any level within it, except below
/// `webIdFederationData.attributes`. The text has been checked: it is valid JSON of bounded depth.
pub(super) fn within(text: &str) -> Option<Cow<'_, str>> {
    let bytes = text.as_bytes();
    let mut keys: Vec<Cow<'_, str>> = Vec::with_capacity(FEW);
    let mut open: Vec<Open> = Vec::with_capacity(8);
    let (mut at, mut key) = (0, "");
    // In valid JSON a string in an object is a key exactly when it comes after `{` or `,`.
    let mut expects_key = false;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => {
                let start = at;
                let escaped;
                (at, escaped) = string_end(bytes, at);
                let Some(object) = open.last().filter(|inner| inner.is_object && expects_key) else { continue };
                key = &text[start..at - 1];
                expects_key = false;
                if !object.is_free {
                    keys.push(if escaped { json::unescape(key) } else { Cow::Borrowed(key) });
                }
            }
            b'{' | b'[' => {
                let name = std::mem::take(&mut key);
                let outer = open.last();
                let is_free = outer.is_some_and(|o| o.is_free || o.is_federation && json::unescape(name) == "attributes");
                let is_federation = byte == b'{' && json::unescape(name) == "webIdFederationData";
                open.push(Open { is_object: byte == b'{', first: keys.len(), is_federation, is_free });
                expects_key = true;
            }
            b',' => expects_key = true,
            b'}' | b']' => {
                let first = open.pop()?.first;
                let twice = among(&mut keys[first..]);
                if twice.is_some() {
                    return twice;
                }
                keys.truncate(first);
                key = "";
            }
            _ => {}
        }
    }
    None
}

/// After the closing quote of the string that begins at `at`, and whether there are escapes in it.
fn string_end(bytes: &[u8], mut at: usize) -> (usize, bool) {
    let mut escaped = false;
    loop {
        at = json::special::<false>(bytes, at);
        match bytes.get(at) {
            Some(b'\\') => (at, escaped) = (at + 2, true),
            _ => return ((at + 1).min(bytes.len()), escaped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        json::check(text).unwrap();
        assert_eq!(within(text).as_deref(), expect, "{text}");
    }

    #[test]
    fn a_repeated_key_is_found_at_every_level_but_the_free_one() {
        check("{}", None);
        check(r#"{"a":1,"b":2}"#, None);
        check(r#"{"a":1,"b":2,"a":null}"#, Some("a"));
        check(r#"{"a":1,"\u0061":2}"#, Some("a"));
        check(r#"{"a":"a","b":"a","c":["a","a"]}"#, None);
        check(r#"{"a":{"a":{"a":1}},"b":{"a":1}}"#, None);
        check(r#"{"x":{"y":{"k":1,"k":1}}}"#, Some("k"));
        check(r#"{"x":[1,{"k":1},{"k":1,"q":"},{","k":1}]}"#, Some("k"));
        check(r#"{"x":[{"k":1},{"k":1}]}"#, None);
        check(r#"{"a":{"b":1},"a":{"b":1}}"#, Some("a"));
        check(r#"{"a\"":1,"a\\":2}"#, None);
        check(r#"{"webIdFederationData":{"attributes":{"k":1,"k":{"q":1,"q":2}}}}"#, None);
        check(r#"{"webIdFederationData":{"attributes":{"k":1,"k":2},"z":1,"z":2}}"#, Some("z"));
        check(r#"{"webIdFederationData":{"attributes":{},"other":{"k":1,"k":2}}}"#, Some("k"));
        check(r#"{"a":[{"webIdFederationData":1},{"attributes":{"k":1,"k":2}}]}"#, Some("k"));
        check(r#"{"attributes":{"k":1,"k":2}}"#, Some("k"));
        check(r#"{"webIdFederationData":{"x":{"attributes":{"k":1,"k":2}}}}"#, Some("k"));
    }

    #[test]
    fn many_keys_are_compared_quickly_and_all() {
        let many: Vec<String> = (0..100_000).map(|n| format!("\"k{n}\":0")).collect();
        check(&format!("{{{}}}", many.join(",")), None);
        check(&format!("{{{},\"k77777\":1}}", many.join(",")), Some("k77777"));
    }
}
