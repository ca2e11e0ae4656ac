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

/// What a request is for: this decides what an unknown outcome means, and which permission is missing when it is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// Get or head an object.
    Read,
    /// List objects.
    List,
    /// Put an object whether one is there or not.
    Put,
    /// Put an object where none is. Sent again, its answer depends on who was first.
    PutIfAbsent,
    /// Delete an object.
    Delete,
}

impl Request {
    /// The class of an attempt that may or may not have reached the server.
    pub(super) fn unknown(self) -> Class {
        match self {
            Request::PutIfAbsent => Class::Unclear,
            Request::Read | Request::List | Request::Put | Request::Delete => Class::Retry,
        }
    }

    /// What is advised when it is denied: never more than it needs, because a source is only ever read.
    fn permission(self) -> &'static str {
        match self {
            Request::Read => "allow s3:GetObject on the objects, and kms:Decrypt on their KMS key if they have one",
            Request::List => "allow s3:ListBucket on the bucket",
            Request::Put | Request::PutIfAbsent | Request::Delete => {
                "a table needs s3:GetObject, s3:PutObject and s3:DeleteObject on its objects and s3:ListBucket on the bucket, and \
                 kms:GenerateDataKey and kms:Decrypt on its KMS key if it has one"
            }
        }
    }
}

/// Turns the SDK's error into ours. `endpoint` says where the request went, for an error that came from nobody.
pub(super) fn error<E: Error + ProvideErrorMetadata + 'static>(
    error: &SdkError<E>,
    request: Request,
    what: String,
    endpoint: &str,
) -> StoreError {
    let SdkError::ServiceError(answer) = error else {
        let class = if matches!(error, SdkError::ConstructionFailure(_)) { Class::Config } else { request.unknown() };
        return StoreError::new(class, what, format!("{}; {endpoint}", chain(error)));
    };
    let status = answer.raw().status().as_u16();
    let code = answer.err().code().unwrap_or("no code");
    let message = answer.err().message().unwrap_or("no message");
    let (class, advice) = judge(status, code, request);
    let said = printable(&format!("{code}: {message} (status {status})"));
    let why = advice.map_or(said.clone(), |advice| format!("{said}; {advice}"));
    StoreError::new(class, what, why)
}

/// Codes that ask to come back more slowly: the request was not carried out. Those of S3 (`SlowDown`), of AWS in general ("Common errors":
/// `ThrottlingException`, `RequestLimitExceeded`) and what other services behind S3 say.
const THROTTLED: [&str; 11] = [
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

fn judge(status: u16, code: &str, request: Request) -> (Class, Option<&'static str>) {
    match (code, status) {
        ("NoSuchBucket", _) => (Class::Config, Some("make the bucket, or correct its name, AWS_REGION or AWS_ENDPOINT_URL")),
        ("InvalidBucketName", _) => (Class::Config, Some("correct the bucket's name")),
        ("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException", _) | (_, 301 | 307) => {
            (Class::Config, Some("the bucket is in another region: set AWS_REGION to it"))
        }
        _ if THROTTLED.contains(&code) => (Class::Retry, None),
        // Clocks are set and credentials are rotated under a process that runs on. None of these was carried out.
        ("RequestTimeTooSkewed" | "RequestInTheFuture", _) => (Class::Retry, Some("set this machine's clock")),
        ("ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "RequestExpired", _) => {
            (Class::Retry, Some(CREDENTIALS))
        }
        // A key that is disabled, pending deletion or throttled ("SSE-KMS error responses"): its owner can undo each of them.
        _ if code.starts_with("KMS.") => (Class::Retry, Some("look at the objects' KMS key: its state, its policy, its quotas")),
        ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken", _) | (_, 401) => (Class::Config, Some(CREDENTIALS)),
        ("InvalidObjectState", _) => (Class::Config, Some("the object is archived: restore it")),
        (_, 403) => (Class::Config, Some(request.permission())),
        ("NotImplemented", _) | (_, 501) => (
            Class::Config,
            Some("this server lacks what is needed; use AWS S3, a recent SeaweedFS or MinIO, or a local directory"),
        ),
        // ConditionalRequestConflict or OperationAborted: another put or delete of the key was under way, ours was not taken.
        (_, 409) => (Class::Retry, None),
        // The upload broke off or arrived damaged, and was not taken.
        ("RequestTimeout" | "IncompleteBody" | "BadDigest" | "InvalidDigest" | "XAmzContentSHA256Mismatch", _)
        | (_, 408 | 429) => (Class::Retry, None),
        (_, 500..) => (request.unknown(), None),
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
    use super::{Class, Request, THROTTLED, judge, printable};

    /// The class for a conditional put, and for every request that may simply be sent again.
    #[track_caller]
    fn check(status: u16, code: &str, once: Class, repeatable: Class) {
        assert_eq!(judge(status, code, Request::PutIfAbsent).0, once, "{status} {code}");
        for request in [Request::Read, Request::List, Request::Put, Request::Delete] {
            assert_eq!(judge(status, code, request).0, repeatable, "{status} {code} {request:?}");
        }
    }

    #[test]
    fn each_answer_has_its_class() {
        for (status, code, class) in [
            (403, "AccessDenied", Class::Config),
            (403, "no code", Class::Config),
            (403, "InvalidObjectState", Class::Config),
            (403, "SignatureDoesNotMatch", Class::Config),
            (404, "NoSuchBucket", Class::Config),
            (400, "InvalidToken", Class::Config),
            (301, "PermanentRedirect", Class::Config),
            (501, "NotImplemented", Class::Config),
            (409, "ConditionalRequestConflict", Class::Retry),
            (409, "OperationAborted", Class::Retry),
            (400, "RequestTimeout", Class::Retry),
            (429, "no code", Class::Retry),
            (400, "EntityTooLarge", Class::Fatal),
            (400, "no code", Class::Fatal),
        ] {
            check(status, code, class, class);
        }
        for (status, code) in [(500, "InternalError"), (503, "ServiceUnavailable"), (504, "no code")] {
            check(status, code, Class::Unclear, Class::Retry);
        }
    }

    #[test]
    fn what_passes_by_itself_is_tried_again_and_a_conditional_put_was_surely_not_taken() {
        let clock = [(403, "RequestTimeTooSkewed"), (403, "RequestInTheFuture")];
        let token =
            [(400, "ExpiredToken"), (403, "ExpiredTokenException"), (400, "TokenRefreshRequired"), (403, "RequestExpired")];
        let key = [
            (400, "KMS.DisabledException"),
            (400, "KMS.KMSInvalidStateException"),
            (400, "KMS.NotFoundException"),
            (400, "KMS.ThrottlingException"),
            (403, "KMS.AccessDeniedException"),
            (500, "KMS.KMSInternalException"),
            (503, "KMS.DependencyTimeoutException"),
        ];
        let throttled = THROTTLED.iter().flat_map(|code| [(400, *code), (503, *code)]);
        for (status, code) in clock.into_iter().chain(token).chain(key).chain(throttled) {
            check(status, code, Class::Retry, Class::Retry);
        }
    }

    #[test]
    fn what_the_operator_must_change_comes_with_advice() {
        for (status, code) in [
            (403, "AccessDenied"),
            (404, "NoSuchBucket"),
            (403, "InvalidAccessKeyId"),
            (301, "x"),
            (501, "x"),
            (403, "RequestTimeTooSkewed"),
            (400, "ExpiredToken"),
            (400, "KMS.DisabledException"),
        ] {
            assert!(judge(status, code, Request::PutIfAbsent).1.is_some(), "{status} {code}");
        }
    }

    #[test]
    fn who_only_reads_is_advised_permissions_to_read() {
        for (request, needs, too_much) in [
            (Request::Read, "s3:GetObject", ["Put", "Delete"]),
            (Request::List, "s3:ListBucket", ["Put", "Delete"]),
            (Request::PutIfAbsent, "s3:PutObject", ["s3:*", "Full"]),
        ] {
            let advice = judge(403, "AccessDenied", request).1.expect("advice");
            assert!(advice.contains(needs) && !too_much.iter().any(|much| advice.contains(much)), "{request:?}: {advice}");
        }
    }

    #[test]
    fn hostile_words_stay_on_one_short_line() {
        let text = printable(&"\u{1b}[31m\nü".repeat(1000));
        assert!(text.len() <= 512 && !text.contains(char::is_control), "{text}");
    }
}
