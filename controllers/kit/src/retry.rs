//! Delays that grow, with jitter; and the back-off of each object between its reconciles.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Mutex;
use std::time::Duration;

use crate::run::locked;

/// Doubling delays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delays {
    /// Before the first repetition.
    pub(crate) first: Duration,
    /// The longest.
    pub(crate) most: Duration,
}

impl Delays {
    /// The delay after this many earlier failures, jittered.
    pub(crate) fn after(self, failures: u32) -> Duration {
        jitter(self.exact(failures))
    }

    fn exact(self, failures: u32) -> Duration {
        self.first
            .saturating_mul(1_u32.checked_shl(failures.min(31)).unwrap_or(u32::MAX))
            .min(self.most)
    }
}

/// Between a half and the whole of a delay, so that what failed together does not return together.
pub(crate) fn jitter(delay: Duration) -> Duration {
    delay / 2 + delay.mul_f64(fraction() / 2.0)
}

/// Between 0 and 1. Each RandomState has new keys: random enough for spreading, without another dependency.
fn fraction() -> f64 {
    let bits = u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or(0);
    f64::from(bits) / f64::from(u32::MAX)
}

/// Failures in a row of each object, by UID. A new generation starts afresh: it may have mended what failed.
#[derive(Default)]
pub(crate) struct Failures {
    objects: Mutex<HashMap<String, (Option<i64>, u32)>>,
}

const BETWEEN_RECONCILES: Delays = Delays {
    first: Duration::from_millis(200),
    most: Duration::from_secs(60),
};

impl Failures {
    /// Notes a failure and says how long to wait.
    pub(crate) fn failed(&self, uid: &str, generation: Option<i64>) -> Duration {
        BETWEEN_RECONCILES.after(self.count(uid, generation))
    }

    fn count(&self, uid: &str, generation: Option<i64>) -> u32 {
        let mut objects = locked(&self.objects);
        let entry = objects.entry(uid.to_owned()).or_insert((generation, 0));
        if entry.0 != generation {
            *entry = (generation, 0);
        }
        let before = entry.1;
        entry.1 = before.saturating_add(1);
        before
    }

    /// Forgets the failures of an object: it succeeded, or it is gone.
    pub(crate) fn forget(&self, uid: &str) {
        locked(&self.objects).remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_most() {
        let exact: Vec<u128> = [0, 1, 2, 8, 9, 31, 32, u32::MAX]
            .into_iter()
            .map(|failures| BETWEEN_RECONCILES.exact(failures).as_millis())
            .collect();
        assert_eq!(exact, [200, 400, 800, 51_200, 60_000, 60_000, 60_000, 60_000]);
    }

    #[test]
    fn jitter_stays_between_half_and_whole() {
        for _ in 0..1000 {
            let delay = jitter(Duration::from_secs(10));
            assert!(delay >= Duration::from_secs(5) && delay <= Duration::from_secs(10));
        }
    }

    #[test]
    fn failures_count_for_one_object_and_one_generation() {
        let failures = Failures::default();
        assert_eq!(failures.count("a", Some(1)), 0);
        assert_eq!(failures.count("a", Some(1)), 1);
        assert_eq!(failures.count("b", Some(1)), 0);
        assert_eq!(failures.count("a", Some(2)), 0);
        assert_eq!(failures.count("a", Some(2)), 1);
        failures.forget("a");
        assert_eq!(failures.count("a", Some(2)), 0);
    }
}
