//! Short names for what only has to be told apart.

use std::hash::{DefaultHasher, Hash, Hasher};

/// 128 bits that stand for these texts, in this process: for maps whose keys nobody reads again.
pub(crate) fn digest(texts: &[&str]) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        texts.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

#[cfg(test)]
mod tests {
    use super::digest;

    #[test]
    fn texts_that_differ_or_are_split_elsewhere_have_other_digests() {
        assert_eq!(digest(&["a", "b"]), digest(&["a", "b"]));
        assert_ne!(digest(&["a", "b"]), digest(&["ab", ""]));
        assert_ne!(digest(&["a"]), digest(&["b"]));
    }
}
