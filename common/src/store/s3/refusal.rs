//! Which class an S3 error has.
//!
//! The codes are those of S3's error responses (AWS, "Amazon S3 API Reference, Error responses"); other servers use the same ones.

use crate::failure::Class;
use crate::limits::MAX_DETAIL_BYTES;
use crate::store::StoreError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;

pub(super) const CREDENTIALS: &str =
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run with a role that may use the bucket";

/// What a request does when it is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Its answer depends on who was first: a conditional put.
    Once,
    /// The same as before.
    Repeatable,
}

impl Effect {
    /// The class of an attempt that may or may not have reached the server.
    pub(super) fn unknown(self) -> Class {
        match self {
            Effect::Once => Class::Unclear,
            Effect::Repeatable => Class::Retry,
        }
    }
}

/// Turns the SDK's error into ours.
pub(super) fn error<E: Error + ProvideErrorMetadata + 'static>(error: &SdkError<E>, effect: Effect, what: String) -> StoreError {
    let SdkError::ServiceError(answer) = error else {
        let class = if matches!(error, SdkError::ConstructionFailure(_)) { Class::Config } else { effect.unknown() };
        return StoreError::new(class, what, chain(error));
    };
    let status = answer.raw().status().as_u16();
    let code = answer.err().code().unwrap_or("no code");
    let message = answer.err().message().unwrap_or("no message");
    let (class, advice) = judge(status, code, effect);
    let said = printable(&format!("{code}: {message} (status {status})"));
    let why = advice.map_or(said.clone(), |advice| format!("{said}; {advice}"));
    StoreError::new(class, what, why)
}

fn judge(status: u16, code: &str, effect: Effect) -> (Class, Option<&'static str>) {
    match (code, status) {
        ("NoSuchBucket", _) => (Class::Config, Some("make the bucket, or correct its name, AWS_REGION or AWS_ENDPOINT_URL")),
        ("InvalidBucketName", _) => (Class::Config, Some("correct the bucket's name")),
        ("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException", _) | (_, 301 | 307) => {
            (Class::Config, Some("the bucket is in another region: set AWS_REGION to it"))
        }
        ("RequestTimeTooSkewed", _) => (Class::Config, Some("set this machine's clock")),
        ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired", _)
        | (_, 401) => (Class::Config, Some(CREDENTIALS)),
        (_, 403) => (
            Class::Config,
            Some(
                "allow s3:GetObject, s3:PutObject and s3:DeleteObject on the objects and s3:ListBucket on the bucket, and its KMS key if it has one",
            ),
        ),
        ("NotImplemented", _) | (_, 501) => (
            Class::Config,
            Some("this server lacks what is needed; use AWS S3, a recent SeaweedFS or MinIO, or a local directory"),
        ),
        // ConditionalRequestConflict or OperationAborted: another put or delete of the key was under way, ours was not taken.
        (_, 409) => (Class::Retry, None),
        // The upload broke off or arrived damaged, and was not taken.
        ("RequestTimeout" | "IncompleteBody" | "BadDigest" | "InvalidDigest" | "XAmzContentSHA256Mismatch", _)
        | (_, 408 | 429) => (Class::Retry, None),
        (_, 500..) => (effect.unknown(), None),
        // A definite no that trying again will not change: EntityTooLarge, KeyTooLongError, InvalidArgument, …
        _ => (Class::Fatal, None),
    }
}

/// An error and its causes in one line.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    printable(&text)
}

/// A server's words may be anything: one line, and not a long one.
fn printable(text: &str) -> String {
    let mut cut: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut.truncate(cut.floor_char_boundary(MAX_DETAIL_BYTES));
    cut
}

#[cfg(test)]
mod tests {
    use super::{Class, Effect, judge, printable};

    #[test]
    fn each_answer_has_its_class() {
        for (status, code, once, repeatable) in [
            (403, "AccessDenied", Class::Config, Class::Config),
            (403, "no code", Class::Config, Class::Config),
            (404, "NoSuchBucket", Class::Config, Class::Config),
            (400, "ExpiredToken", Class::Config, Class::Config),
            (301, "PermanentRedirect", Class::Config, Class::Config),
            (501, "NotImplemented", Class::Config, Class::Config),
            (409, "ConditionalRequestConflict", Class::Retry, Class::Retry),
            (409, "OperationAborted", Class::Retry, Class::Retry),
            (400, "RequestTimeout", Class::Retry, Class::Retry),
            (429, "SlowDown", Class::Retry, Class::Retry),
            (500, "InternalError", Class::Unclear, Class::Retry),
            (503, "SlowDown", Class::Unclear, Class::Retry),
            (504, "no code", Class::Unclear, Class::Retry),
            (400, "EntityTooLarge", Class::Fatal, Class::Fatal),
        ] {
            assert_eq!(judge(status, code, Effect::Once).0, once, "{status} {code}");
            assert_eq!(judge(status, code, Effect::Repeatable).0, repeatable, "{status} {code}");
        }
    }

    #[test]
    fn what_the_operator_must_change_comes_with_advice() {
        for (status, code) in [(403, "AccessDenied"), (404, "NoSuchBucket"), (403, "InvalidAccessKeyId"), (301, "x"), (501, "x")]
        {
            assert!(judge(status, code, Effect::Once).1.is_some(), "{status} {code}");
        }
    }

    #[test]
    fn hostile_words_stay_on_one_short_line() {
        let text = printable(&"\u{1b}[31m\nü".repeat(1000));
        assert!(text.len() <= 512 && !text.contains(char::is_control), "{text}");
    }
}
