//! What an error of the API server means for us: pure, one table. No client here.

use std::time::Duration;

use kube::core::Status;

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Trying again may help, not sooner than this if the server said so.
    Retry(Option<Duration>),
    /// The object changed since it was read: decide again.
    Conflict,
    /// The object, or what it belongs to, does not exist (any more).
    Gone,
    /// The same request will be refused again until a person changes something.
    Refused,
}

/// The class of an error and its reason in PascalCase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What to do.
    pub class: Class,
    /// For conditions, events and metric labels alike; one of a fixed set.
    pub reason: &'static str,
}

impl Verdict {
    const fn new(class: Class, reason: &'static str) -> Self {
        Self { class, reason }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(self) -> bool {
        self.class != Class::Refused
    }
}

/// No answer in time.
pub const DEADLINE: Verdict = Verdict::new(Class::Retry(None), "DeadlineExceeded");
/// The code of a controller panicked.
pub const PANICKED: Verdict = Verdict::new(Class::Retry(None), "Panicked");
/// A part of the process that must not end has ended.
pub const ENDED: Verdict = Verdict::new(Class::Retry(None), "Ended");

const UNAVAILABLE: Verdict = Verdict::new(Class::Retry(None), "ApiUnavailable");

/// Judges an error of the client.
#[must_use]
pub fn classify(error: &kube::Error) -> Verdict {
    match error {
        kube::Error::Api(status) => classify_status(status),
        kube::Error::Auth(_) => Verdict::new(Class::Retry(None), "ApiUnauthorized"),
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
            Verdict::new(Class::Refused, "ApiUnreadable")
        }
        kube::Error::BuildRequest(_) | kube::Error::HttpError(_) => {
            Verdict::new(Class::Refused, "ApiInvalid")
        }
        _ => UNAVAILABLE,
    }
}

/// Judges an answer of the API server.
#[must_use]
pub fn classify_status(status: &Status) -> Verdict {
    let after = status
        .details
        .as_ref()
        .map(|details| details.retry_after_seconds)
        .filter(|seconds| *seconds > 0)
        .map(|seconds| Duration::from_secs(u64::from(seconds)));
    match status.code {
        400 | 405 | 406 | 415 => Verdict::new(Class::Refused, "ApiBadRequest"),
        401 => Verdict::new(Class::Retry(after), "ApiUnauthorized"),
        403 if is_terminating(status) => Verdict::new(Class::Gone, "NamespaceTerminating"),
        403 => Verdict::new(Class::Refused, "ApiForbidden"),
        404 => Verdict::new(Class::Gone, "ApiNotFound"),
        409 if status.reason == "AlreadyExists" => Verdict::new(Class::Conflict, "ApiAlreadyExists"),
        409 => Verdict::new(Class::Conflict, "ApiConflict"),
        410 => Verdict::new(Class::Retry(after), "ApiExpired"),
        413 => Verdict::new(Class::Refused, "ApiTooLarge"),
        422 => Verdict::new(Class::Refused, "ApiInvalid"),
        429 => Verdict::new(Class::Retry(after), "ApiThrottled"),
        500 if knows_no_field(status) => Verdict::new(Class::Refused, "DefinitionOutdated"),
        _ => Verdict::new(Class::Retry(after), "ApiUnavailable"),
    }
}

/// The error as a person wants to read it: the server's own message, or the innermost cause of a broken connection.
#[must_use]
pub fn explain(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        if knows_no_field(status) {
            return format!(
                "{}: the CustomResourceDefinition in the cluster is another version's than this operator; apply the ones \
                 that came with it, or those that `rustfs-operator crds` prints",
                status.message
            );
        }
        return if status.message.is_empty() {
            format!("{} ({})", status.reason, status.code)
        } else {
            status.message.clone()
        };
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// The HTTP code as a metric label.
#[must_use]
pub fn code(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.code.to_string(),
        _ => "error".to_owned(),
    }
}

/// Nothing can be made in a namespace that goes away; no person needs to act.
fn is_terminating(status: &Status) -> bool {
    status.details.as_ref().is_some_and(|details| {
        details
            .causes
            .iter()
            .any(|cause| cause.reason == "NamespaceTerminating")
    }) || status.message.contains("because it is being terminated")
}

/// An apply with a field that the definition of its kind does not have is answered as if the server were broken.
fn knows_no_field(status: &Status) -> bool {
    status.code == 500 && status.message.contains("field not declared in schema")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::response::StatusDetails;

    fn status(code: u16, reason: &str) -> Status {
        Status {
            code,
            reason: reason.to_owned(),
            message: "said so".to_owned(),
            ..Status::default()
        }
    }

    #[test]
    fn each_answer_of_the_server_has_one_class_and_reason() {
        let table = [
            (400, "BadRequest", Class::Refused, "ApiBadRequest"),
            (401, "Unauthorized", Class::Retry(None), "ApiUnauthorized"),
            (403, "Forbidden", Class::Refused, "ApiForbidden"),
            (404, "NotFound", Class::Gone, "ApiNotFound"),
            (405, "MethodNotAllowed", Class::Refused, "ApiBadRequest"),
            (409, "Conflict", Class::Conflict, "ApiConflict"),
            (409, "AlreadyExists", Class::Conflict, "ApiAlreadyExists"),
            (410, "Expired", Class::Retry(None), "ApiExpired"),
            (413, "RequestEntityTooLarge", Class::Refused, "ApiTooLarge"),
            (415, "UnsupportedMediaType", Class::Refused, "ApiBadRequest"),
            (422, "Invalid", Class::Refused, "ApiInvalid"),
            (429, "TooManyRequests", Class::Retry(None), "ApiThrottled"),
            (500, "InternalError", Class::Retry(None), "ApiUnavailable"),
            (502, "", Class::Retry(None), "ApiUnavailable"),
            (503, "ServiceUnavailable", Class::Retry(None), "ApiUnavailable"),
            (504, "Timeout", Class::Retry(None), "ApiUnavailable"),
        ];
        for (code, reason, class, expected) in table {
            let verdict = classify_status(&status(code, reason));
            assert_eq!(verdict, Verdict::new(class, expected), "{code} {reason}");
        }
    }

    #[test]
    fn a_wait_the_server_asks_for_is_kept() {
        let mut throttled = status(429, "TooManyRequests");
        throttled.details = serde_json::from_str::<StatusDetails>(r#"{"retryAfterSeconds": 7}"#).ok();
        assert_eq!(
            classify_status(&throttled).class,
            Class::Retry(Some(Duration::from_secs(7)))
        );
    }

    #[test]
    fn a_namespace_that_goes_away_is_nobodys_fault() {
        let mut ending = status(403, "Forbidden");
        ending.message =
            "configmaps \"x\" is forbidden: unable to create new content in namespace a because it is being terminated"
                .to_owned();
        assert_eq!(classify_status(&ending).class, Class::Gone);
    }

    #[test]
    fn a_field_that_the_installed_definition_lacks_is_not_tried_again() {
        let mut unknown = status(500, "");
        unknown.message =
            "failed to create typed patch object (shop/a; storage.rustfs.com/v1alpha1, Kind=Pool): \
                           .status.drain.percent: field not declared in schema"
                .to_owned();
        let verdict = classify_status(&unknown);
        assert_eq!(verdict, Verdict::new(Class::Refused, "DefinitionOutdated"));
        let told = explain(&kube::Error::Api(Box::new(unknown)));
        assert!(told.contains(".status.drain.percent"), "{told}");
        assert!(told.contains("rustfs-operator crds"), "{told}");
    }

    #[test]
    fn the_explanation_is_the_servers_own_message() {
        assert_eq!(
            explain(&kube::Error::Api(Box::new(status(500, "InternalError")))),
            "said so"
        );
    }
}
