//! Why a call failed, in words for people.

use std::net::SocketAddr;
use std::time::Duration;

/// Why a call to the admin API gave no usable answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No connection, or it broke before an answer was complete.
    #[error("server {addr} cannot be reached: {why}")]
    Unreachable {
        /// The address that was tried.
        addr: SocketAddr,
        /// What the network said.
        why: String,
    },
    /// The TLS handshake failed, or the trust given cannot be used.
    #[error("TLS with {host} failed: {why}")]
    Tls {
        /// The name the certificate had to be valid for.
        host: String,
        /// What was wrong.
        why: String,
    },
    /// The server answered, but not with success.
    #[error("{path} was answered with {status} {code}: {message}")]
    Status {
        /// The path that was asked for, without a query.
        path: String,
        /// The HTTP status.
        status: u16,
        /// The S3 error code, such as `SignatureDoesNotMatch`; empty when the answer held none.
        code: String,
        /// The server's own words.
        message: String,
    },
    /// The server answered with success, but not with what this version understands.
    #[error("the answer to {path} is not understood: {why}")]
    Decode {
        /// The path that was asked for, without a query.
        path: String,
        /// Where the text departs from what was expected.
        why: String,
    },
    /// The answer did not come in time.
    #[error("server {addr} did not answer {path} within {} s", after.as_secs_f32())]
    Deadline {
        /// The address that was asked.
        addr: SocketAddr,
        /// The path that was asked for, without a query.
        path: String,
        /// The time that was given.
        after: Duration,
    },
    /// The request itself cannot be formed: a fault of the caller.
    #[error("the request for {path} cannot be formed: {why}")]
    Request {
        /// The path that was to be asked for.
        path: String,
        /// What was wrong.
        why: String,
    },
}

impl Error {
    /// Whether the same request may well succeed a moment later: the server is starting, stopping or away.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Deadline { .. } => true,
            Self::Status { status, .. } => *status == 503,
            Self::Tls { .. } | Self::Decode { .. } | Self::Request { .. } => false,
        }
    }

    /// Whether the server says that there is no such bucket.
    #[must_use]
    pub fn is_no_such_bucket(&self) -> bool {
        matches!(self, Self::Status { status: 404, code, .. } if code == "NoSuchBucket")
    }

    /// Whether the server refused the key pair: wrong keys, or not the rights needed.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(
            self,
            Self::Status {
                status: 401 | 403,
                ..
            }
        )
    }

    /// A short, bounded name for metrics and `error.type`.
    #[must_use]
    pub fn category(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Tls { .. } => "tls",
            Self::Status { .. } => "status",
            Self::Decode { .. } => "decode",
            Self::Deadline { .. } => "deadline",
            Self::Request { .. } => "request",
        }
    }

    /// Reads code and message from an S3 error document; any other text becomes the message as it is.
    pub(crate) fn from_answer(path: &str, status: u16, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let code = element(&text, "Code").unwrap_or_default();
        let message = element(&text, "Message").unwrap_or_else(|| text.chars().take(200).collect());
        Self::Status {
            path: path.to_owned(),
            status,
            code,
            message,
        }
    }
}

/// The text of the first `<name>` element. S3 errors are flat documents without attributes, so no XML reader is
/// needed for two words.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&");
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn an_s3_error_document_gives_code_and_message() {
        let body = include_bytes!("../fixtures/bad-signature.xml");
        let error = Error::from_answer("/rustfs/admin/v3/info", 403, body);
        let Error::Status {
            status,
            code,
            message,
            ..
        } = &error
        else {
            panic!("{error:?}")
        };
        assert_eq!((*status, code.as_str()), (403, "SignatureDoesNotMatch"));
        assert!(!message.is_empty());
        assert!(error.is_denied() && !error.is_transient());
    }

    #[test]
    fn a_plain_text_answer_becomes_the_message() {
        let error = Error::from_answer("/x", 503, b"try later");
        assert_eq!(error.to_string(), "/x was answered with 503 : try later");
        assert!(error.is_transient());
    }

    #[test]
    fn escaped_characters_are_given_back() {
        assert_eq!(
            super::element("<Code>a &lt;&amp;lt; b</Code>", "Code").as_deref(),
            Some("a <&lt; b")
        );
    }
}
