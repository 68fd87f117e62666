//! A map that forgets what has not been used for long, and never what was used a moment ago.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// Entries kept at most.
const REMEMBERED: usize = 50_000;

/// In two generations: when the current one holds half of the limit, the one before it is forgotten. What is looked up
/// or put moves to the current one.
pub(crate) struct Recent<K, V> {
    half: usize,
    current: HashMap<K, V>,
    previous: HashMap<K, V>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self::of(REMEMBERED)
    }
}

impl<K, V> Recent<K, V> {
    fn of(limit: usize) -> Self {
        Self {
            half: limit / 2,
            current: HashMap::new(),
            previous: HashMap::new(),
        }
    }
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    pub(crate) fn put(&mut self, key: K, value: V) {
        self.previous.remove(&key);
        if self.current.len() >= self.half && !self.current.contains_key(&key) {
            self.previous = std::mem::take(&mut self.current);
        }
        self.current.insert(key, value);
    }

    pub(crate) fn get<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some(value) = self.current.get(key) {
            return Some(value.clone());
        }
        let (key, value) = self.previous.remove_entry(key)?;
        self.put(key, value.clone());
        Some(value)
    }

    pub(crate) fn remove<Q>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.current.remove(key);
        self.previous.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_much_is_put_the_last_half_of_the_limit_is_known() {
        let mut recent = Recent::of(8);
        for key in 0..100 {
            recent.put(key, key);
            for known in (key - 3).max(0)..=key {
                let held = recent.current.get(&known).or(recent.previous.get(&known));
                assert_eq!(held, Some(&known), "after {key}");
            }
            assert!(recent.current.len() + recent.previous.len() <= 8);
        }
        assert_eq!(recent.get(&0), None);
    }

    #[test]
    fn what_is_looked_up_again_and_again_is_never_forgotten() {
        let mut recent = Recent::of(8);
        recent.put(-1, "kept");
        for key in 0..100 {
            recent.put(key, "passing");
            assert_eq!(recent.get(&-1), Some("kept"), "after {key}");
        }
    }

    #[test]
    fn what_is_put_again_or_removed_has_no_older_value_left() {
        let mut recent = Recent::of(4);
        for key in [1, 2, 3] {
            recent.put(key, "old");
        }
        recent.put(1, "new");
        assert_eq!(recent.get(&1), Some("new"));
        recent.remove(&1);
        recent.remove(&2);
        assert_eq!((recent.get(&1), recent.get(&2)), (None, None));
    }
}
