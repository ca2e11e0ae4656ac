//! Which keys a listing selects, and which subtrees it can skip.
//!
//! In a key `/` is a byte like others: `a.b` (0x2e) comes before `a/c` (0x2f), and `a0` after. Sorting each directory's names with a `/`
//! put after the names of directories gives exactly the order of full keys, so a tree can be listed one directory at a time.

/// The first `limit` keys that start with `prefix` and come after `after`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) prefix: &'a str,
    pub(super) after: &'a str,
    pub(super) limit: usize,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(prefix: &'a str, after: Option<&'a str>, limit: usize) -> Wanted<'a> {
        Wanted { prefix, after: after.unwrap_or(""), limit }
    }

    /// The directory that holds everything wanted: empty, or ending in `/`.
    pub(super) fn start(&self) -> &'a str {
        self.prefix.rfind('/').and_then(|slash| self.prefix.get(..=slash)).unwrap_or("")
    }

    pub(super) fn has(&self, key: &str) -> bool {
        key > self.after && key.starts_with(self.prefix)
    }

    /// Whether a directory, named with its `/`, can hold a key that is wanted.
    pub(super) fn may_hold(&self, directory: &str) -> bool {
        (directory > self.after || self.after.starts_with(directory))
            && (directory.starts_with(self.prefix) || self.prefix.starts_with(directory))
    }

    /// A key of which everything wanted in `directory` comes strictly after, also in the eyes of a server that sorts directories by
    /// their names without the `/`: there `a` comes before `a-b`, although `a/c` comes after it.
    #[cfg(feature = "s3")]
    pub(super) fn floor(&self, directory: &str) -> Option<&'a str> {
        let name = self.after.strip_prefix(directory)?;
        let name = name.find(|c| c <= '/').and_then(|end| name.get(..end)).unwrap_or(name);
        let (last, _) = name.char_indices().next_back().filter(|(at, _)| *at > 0)?;
        self.after.get(..directory.len() + last)
    }
}

#[cfg(all(test, feature = "s3"))]
mod tests {
    use super::Wanted;

    #[test]
    fn the_floor_is_below_every_directory_that_may_come_later() {
        for (directory, after, expect) in [
            ("p/", "p/00042.json", Some("p/0004")),
            ("p/", "p/00042", Some("p/0004")),
            ("p/", "p/dir/x", Some("p/di")),
            ("p/", "p/ab-c", Some("p/a")),
            ("p/", "p/a-b", None),
            ("p/", "p/.x", None),
            ("p/", "p/aü", Some("p/a")),
            ("p/", "q/x", None),
            ("", "", None),
        ] {
            assert_eq!(Wanted::new("", Some(after), 1).floor(directory), expect, "{directory} {after}");
        }
    }
}
