//! Private keys in memory: wiped when dropped, and never printed.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use plan::certificate::{KeyKind, Part, PublicKey, secret};
use rcgen::{KeyPair, PublicKeyData};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use zeroize::{Zeroize, Zeroizing};

/// A private key as PEM.
#[derive(Clone)]
pub(super) struct Key(Zeroizing<Vec<u8>>);

impl std::fmt::Debug for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Key(redacted)")
    }
}

/// A key that can sign.
pub(super) struct Pair(KeyPair);

impl Pair {
    pub(super) fn get(&self) -> &KeyPair {
        &self.0
    }
}

impl From<KeyPair> for Pair {
    fn from(pair: KeyPair) -> Self {
        Self(pair)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Key {
    /// The PEM of a new key.
    pub(super) fn of(pair: &Pair) -> Self {
        Self(Zeroizing::new(pair.0.serialize_pem().into_bytes()))
    }

    /// The key, ready to sign; `Err` says what is wrong with it, and nothing of it.
    pub(super) fn pair(&self) -> Result<Pair, String> {
        let der = PrivateKeyDer::from_pem_slice(&self.0)
            .map_err(|_| "it holds no PEM block with an unencrypted private key".to_owned())?;
        KeyPair::try_from(&der).map(Pair).map_err(|_| {
            "it is not a key of RSA 2048 to 8192, ECDSA P-256, P-384 or P-521, or Ed25519".to_owned()
        })
    }

    /// Its public half.
    pub(super) fn public(&self) -> Part<PublicKey> {
        match self.pair() {
            Ok(pair) => Part::Read(public(&pair)),
            Err(why) => Part::Unreadable(why),
        }
    }

    /// Puts the key into a Secret, under each name it is read by.
    pub(super) fn put(&self, secret: &mut Secret, names: &[&str]) {
        let data = secret.data.get_or_insert_default();
        for name in names {
            data.insert((*name).to_owned(), ByteString(self.0.to_vec()));
        }
    }
}

fn public(pair: &Pair) -> PublicKey {
    let bytes = pair.0.der_bytes().to_vec();
    let algorithm = pair.0.algorithm();
    let kind = if algorithm == &rcgen::PKCS_ED25519 {
        KeyKind::Ed25519
    } else if algorithm == &rcgen::PKCS_ECDSA_P256_SHA256 {
        KeyKind::Ecdsa(256)
    } else if algorithm == &rcgen::PKCS_ECDSA_P384_SHA384 {
        KeyKind::Ecdsa(384)
    } else if algorithm == &rcgen::PKCS_RSA_SHA256 {
        // RSAPublicKey (RFC 8017 A.1.1) with the exponent 65537 is 14 bytes longer than its modulus.
        KeyKind::Rsa(bytes.len().saturating_sub(14) * 8)
    } else {
        KeyKind::Other
    };
    PublicKey { bytes, kind }
}

/// Takes the private key out of a Secret and wipes it there. Says whether the copy RustFS reads is the same, and so
/// is the copy of the chain.
pub(super) fn take(secret: &mut Secret) -> (Option<Key>, bool) {
    let Some(data) = secret.data.as_mut() else {
        return (None, false);
    };
    let [key, copy] = secret::PRIVATE.map(|name| data.remove(name).map(|value| Zeroizing::new(value.0)));
    let agree = key == copy && data.get("tls.crt") == data.get("rustfs_cert.pem");
    (key.filter(|key| !key.is_empty()).map(Key), agree)
}
