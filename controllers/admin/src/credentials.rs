//! The key pair a request is signed with.

use std::fmt;

use zeroize::Zeroizing;

/// An access key and its secret. The secret is wiped from memory when the last copy goes, and never printed.
#[derive(Clone)]
pub struct Credentials {
    access_key: String,
    secret_key: Zeroizing<String>,
}

impl Credentials {
    /// Takes both keys as the Secret holds them; surrounding white space is dropped, as the server drops it.
    #[must_use]
    pub fn new(access_key: &str, secret_key: &str) -> Self {
        Self {
            access_key: access_key.trim().to_owned(),
            secret_key: Zeroizing::new(secret_key.trim().to_owned()),
        }
    }

    /// The access key: an identifier, not a secret.
    #[must_use]
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// The secret, for the signature only.
    pub(crate) fn secret_key(&self) -> &str {
        &self.secret_key
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key", &self.access_key)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Credentials;

    #[test]
    fn debug_output_never_holds_the_secret() {
        let shown = format!("{:?}", Credentials::new("someone", "very-secret-value"));
        assert!(shown.contains("someone"));
        assert!(!shown.contains("very-secret-value"));
    }
}
