//! Baggage: key-value pairs that travel with a request through every service it reaches.

use std::collections::BTreeMap;

/// Pairs that travel with a request, within the limits of the W3C baggage specification: 64 pairs, 8,192 bytes in all.
///
/// ```
/// use tripod::{Baggage, Context};
/// let mut baggage = Baggage::default();
/// baggage.set("tenant", "acme");
/// let _attached = Context::current().with_baggage(baggage).attach();
/// assert_eq!(Context::current().baggage.unwrap().get("tenant"), Some("acme"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baggage {
    pairs: BTreeMap<String, String>,
}

impl Baggage {
    /// Pairs, at most.
    pub const MAX_PAIRS: usize = 64;
    /// Bytes of all keys and values, at most.
    pub const MAX_BYTES: usize = 8192;

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs.get(key).map(String::as_str)
    }

    /// Sets a pair. Answers whether there was room: beyond the limits nothing changes.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) -> bool {
        let (key, value) = (key.into(), value.into());
        let replaced = self.pairs.get(&key).map_or(0, |old| key.len() + old.len());
        let bytes = self.bytes() - replaced + key.len() + value.len();
        let pairs = self.pairs.len() + usize::from(!self.pairs.contains_key(&key));
        if key.is_empty() || bytes > Self::MAX_BYTES || pairs > Self::MAX_PAIRS {
            return false;
        }
        self.pairs.insert(key, value);
        true
    }

    /// Removes a pair and answers its value.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        self.pairs.remove(key)
    }

    /// All pairs, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    fn bytes(&self) -> usize {
        self.pairs.iter().map(|(key, value)| key.len() + value.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_beyond_the_limits_changes_nothing() {
        let mut baggage = Baggage::default();
        for n in 0..Baggage::MAX_PAIRS {
            assert!(baggage.set(format!("k{n}"), "v"));
        }
        assert!(!baggage.set("one more", "v"));
        assert!(baggage.set("k0", "another value"));
        assert!(!baggage.set("k0", "x".repeat(Baggage::MAX_BYTES)));
        assert_eq!(baggage.get("k0"), Some("another value"));
    }
}
