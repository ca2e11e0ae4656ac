//! Where a tree of objects lives, as an operator writes it: a directory, or `s3://bucket/prefix`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a tree of objects lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A local directory.
    Local(PathBuf),
    /// A bucket of S3 or of a server that speaks its protocol.
    S3 {
        /// Name of the bucket.
        bucket: String,
        /// Path inside the bucket, without slashes at its ends; empty for the whole bucket.
        prefix: String,
    },
}

impl Location {
    /// The location `path` (segments parted by `/`) below this one. Empty segments, `.` and `..` are left out: the answer is never outside.
    #[must_use]
    pub fn join(&self, path: &str) -> Location {
        let segments = path.split('/').filter(|segment| !matches!(*segment, "" | "." | ".."));
        match self {
            Location::Local(root) => Location::Local(segments.fold(root.clone(), |path, segment| path.join(segment))),
            Location::S3 { bucket, prefix } => {
                let prefix = Some(prefix.as_str()).filter(|prefix| !prefix.is_empty());
                let prefix: Vec<&str> = prefix.into_iter().chain(segments).collect();
                Location::S3 { bucket: bucket.clone(), prefix: prefix.join("/") }
            }
        }
    }
}

/// A location that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a location: {why}; write a directory or s3://bucket/prefix")]
pub struct LocationError {
    text: String,
    why: String,
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Location, LocationError> {
        let refuse = |why: &str| Err(LocationError { text: text.to_owned(), why: why.to_owned() });
        if text.trim().is_empty() {
            return refuse("it is empty");
        }
        if text.contains('\0') {
            return refuse("it has a NUL character");
        }
        match text.split_once("://") {
            Some(("s3", rest)) => match bucket_and_prefix(rest) {
                Ok((bucket, prefix)) => Ok(Location::S3 { bucket, prefix }),
                Err(why) => refuse(why),
            },
            Some((scheme, _)) if is_scheme(scheme) => refuse(&format!("the scheme {scheme}:// is not supported")),
            _ if text.starts_with("s3:") => refuse("after s3: come two slashes"),
            _ => Ok(Location::Local(PathBuf::from(text))),
        }
    }
}

/// RFC 3986 says what a scheme looks like; anything else before `://` is a strange but possible path.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn bucket_and_prefix(rest: &str) -> Result<(String, String), &'static str> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err("the bucket is missing");
    }
    // S3's naming rules, and the wider ones of buckets made before 2018 in us-east-1 (capitals, underscores).
    if !bucket.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) {
        return Err("a bucket's name is made of letters, digits, '.', '-' and '_'");
    }
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    if !prefix.is_empty() && prefix.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err("the prefix has an empty segment, '.' or '..'");
    }
    if prefix.chars().any(char::is_control) {
        return Err("the prefix has a control character");
    }
    Ok((bucket.to_owned(), prefix.to_owned()))
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Local(root) => write!(f, "{}", root.display()),
            Location::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Location::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Location;

    fn s3(bucket: &str, prefix: &str) -> Location {
        Location::S3 { bucket: bucket.into(), prefix: prefix.into() }
    }

    #[test]
    fn directories_and_buckets_are_understood_and_shown_as_written() {
        for (text, expect) in [
            ("/var/table", Location::Local("/var/table".into())),
            ("table", Location::Local("table".into())),
            ("./a b/c:d", Location::Local("./a b/c:d".into())),
            ("s3://bucket", s3("bucket", "")),
            ("s3://bucket/a/b=c", s3("bucket", "a/b=c")),
        ] {
            assert_eq!(text.parse(), Ok(expect.clone()), "{text}");
            assert_eq!(expect.to_string(), text);
        }
        assert_eq!("s3://bucket/a/".parse(), Ok(s3("bucket", "a")));
        assert_eq!("s3://bucket/".parse(), Ok(s3("bucket", "")));
    }

    #[test]
    fn other_schemes_are_refused_by_name() {
        for (text, expect) in [
            ("gs://bucket/a", "gs://"),
            ("file:///var/table", "file://"),
            ("https://bucket.s3.amazonaws.com", "https://"),
            ("S3://bucket", "S3://"),
            ("s3:/bucket", "two slashes"),
            ("s3://", "bucket is missing"),
            ("s3:///a", "bucket is missing"),
            ("s3://bucket/a//b", "empty segment"),
            ("s3://bucket/../b", "'..'"),
            ("s3://bu cket", "letters, digits"),
            ("", "empty"),
        ] {
            let error = text.parse::<Location>().expect_err(text).to_string();
            assert!(error.contains(expect), "{text}: {error}");
        }
    }

    #[test]
    fn join_never_leaves_the_root() {
        assert_eq!(s3("b", "").join("x/y"), s3("b", "x/y"));
        assert_eq!(s3("b", "a").join("/x/"), s3("b", "a/x"));
        assert_eq!(s3("b", "a").join("../../x"), s3("b", "a/x"));
        assert_eq!(s3("b", "a").join(""), s3("b", "a"));
        assert_eq!(Location::Local("/t".into()).join("/etc/../x"), Location::Local("/t/etc/x".into()));
    }
}
