//! Secrets that are made once.

use aws_lc_rs::rand;
use plan::tenant::{Hidden, Pair};
use zeroize::Zeroizing;

/// Letters and digits that no shell, URL or environment needs to quote. 64 of them, so that six random bits choose
/// one without bias.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Random root credentials: 20 and 40 characters, 120 and 240 bits. None if the system gives no random numbers.
pub(super) fn credentials() -> Option<Pair> {
    Some(Pair {
        access_key: text(20)?,
        secret_key: text(40)?,
    })
}

/// A random internode secret: 64 characters, 384 bits. None if the system gives no random numbers.
pub(super) fn rpc() -> Option<Hidden> {
    text(64)
}

fn text(length: usize) -> Option<Hidden> {
    let mut bytes = Zeroizing::new(vec![0_u8; length]);
    rand::fill(&mut bytes).ok()?;
    let character = |byte: &u8| char::from(ALPHABET[usize::from(byte & 63)]);
    Some(Hidden::new(bytes.iter().map(character).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_secrets_are_never_the_same() {
        assert_ne!(rpc(), rpc());
        assert_ne!(credentials(), credentials());
    }

    #[test]
    fn no_secret_is_shown() {
        assert_eq!(format!("{:?}", rpc().unwrap()), "(hidden)");
    }
}
