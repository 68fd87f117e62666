//! Why a store could not be asked, in words for people.

use plan::word::Word;

/// What a person reads when no server answers.
const UNREACHABLE: &str = "servers are ready, but the operator gets no answer from them on their API port: look at NetworkPolicies and the servers' load";

/// Why a store could not be asked. The message holds nothing that differs between two failures of the same kind:
/// addresses and times are in the detail only, because the next server would give another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Reason in PascalCase.
    pub(crate) reason: &'static str,
    /// What failed and what to do.
    pub(crate) message: String,
    /// The error itself, for the log.
    pub(crate) detail: String,
}

impl Fault {
    /// A failure whose message says all.
    pub(super) fn plain(reason: &'static str, message: &str) -> Self {
        Self {
            reason,
            message: message.to_owned(),
            detail: message.to_owned(),
        }
    }

    pub(super) fn no_server() -> Self {
        Self::plain(
            "NoServerReady",
            "no server of the Tenant is ready: the Pods' conditions and logs say why",
        )
    }

    /// No complete answer within the time there was.
    pub(crate) fn unreachable(detail: String) -> Self {
        Self {
            reason: "Unreachable",
            message: UNREACHABLE.to_owned(),
            detail,
        }
    }
}

/// As the plan reads it.
pub(crate) fn word<T>(answer: Result<T, Fault>) -> Word<T> {
    match answer {
        Ok(said) => Word::Said(said),
        Err(fault) => Word::Silent {
            reason: fault.reason,
            message: fault.message,
        },
    }
}

impl From<&admin::Error> for Fault {
    fn from(error: &admin::Error) -> Self {
        let (reason, message) = match error {
            _ if error.is_denied() => (
                "CredentialsRefused",
                "the servers refuse the credentials in the Tenant's Secret: it must hold what they were started with"
                    .to_owned(),
            ),
            admin::Error::Unreachable { .. } | admin::Error::Deadline { .. } => {
                ("Unreachable", UNREACHABLE.to_owned())
            }
            admin::Error::Tls { .. } => (
                "TlsFailed",
                "TLS with the servers failed: their certificate must come from the CA in ca.crt of the TenantCertificate that spec.tls.certificateRef names, and hold all of the Tenant's status.serverNames"
                    .to_owned(),
            ),
            admin::Error::Status { path, status, code, .. } => (
                "AnswerRefused",
                format!("the admin API answers {path} with {status} {code}").trim_end().to_owned(),
            ),
            admin::Error::Decode { path, .. } => (
                "AnswerNotUnderstood",
                format!("the answer to {path} is not one this operator knows: is the image RustFS 1.0 or later?"),
            ),
            admin::Error::Request { .. } => (
                "RequestInvalid",
                "the request to the admin API cannot be formed: look at the credentials for characters that are not allowed"
                    .to_owned(),
            ),
        };
        Self {
            reason,
            message,
            detail: error.to_string(),
        }
    }
}
