//! Baggage: key-value pairs that travel with a request through every service it reaches.

use std::collections::BTreeMap;

use super::propagation::baggage_len;

/// Pairs that travel with a request, within the limits of the W3C baggage specification: 180 pairs and 8,192 bytes of header.
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
    pairs: BTreeMap<String, Entry>,
    /// Bytes of the header that carries them, a separator for each.
    bytes: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Entry {
    value: String,
    metadata: String,
}

impl Baggage {
    /// Pairs, at most.
    pub const MAX_PAIRS: usize = 180;
    /// Bytes of all pairs, at most, as they stand in the header.
    pub const MAX_BYTES: usize = 8192;

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs.get(key).map(|entry| &*entry.value)
    }

    /// What is said of a pair besides: the header's properties, `ttl=30;private`; empty without any.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.pairs.get(key).map(|entry| &*entry.metadata)
    }

    /// Sets a pair, without metadata. Answers whether there was room: beyond the limits nothing changes.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) -> bool {
        self.set_with_metadata(key, value, "")
    }

    /// Sets a pair with metadata, properties separated by `;`. Answers as [`Baggage::set`], and also `false` when the metadata can't
    /// stand in a header: it has a comma, or a character that is neither visible nor a space nor ASCII.
    pub fn set_with_metadata(
        &mut self,
        key: impl Into<String>,
        value: impl Into<String>,
        metadata: impl Into<String>,
    ) -> bool {
        let (key, entry) = (key.into(), Entry { value: value.into(), metadata: metadata.into() });
        let metadata_is_valid = entry.metadata.bytes().all(|byte| matches!(byte, b' '..=b'~' if byte != b','));
        let old = self.pairs.get(&key).map_or(0, |old| entry_len(&key, old));
        let bytes = self.bytes - old + entry_len(&key, &entry);
        let pairs = self.pairs.len() + usize::from(old == 0);
        // Between the pairs stands one separator less than there are pairs.
        if key.is_empty() || !metadata_is_valid || bytes > Self::MAX_BYTES + 1 || pairs > Self::MAX_PAIRS {
            return false;
        }
        self.bytes = bytes;
        self.pairs.insert(key, entry);
        true
    }

    /// Removes a pair and answers its value.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        let entry = self.pairs.remove(key)?;
        self.bytes -= entry_len(key, &entry);
        Some(entry.value)
    }

    /// All pairs, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, entry)| (&**key, &*entry.value))
    }

    /// All pairs, sorted by key, with their metadata.
    pub fn iter_with_metadata(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.pairs.iter().map(|(key, entry)| (&**key, &*entry.value, &*entry.metadata))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

/// Bytes of a pair in the header, with one separator. Never 0.
fn entry_len(key: &str, entry: &Entry) -> usize {
    baggage_len(key, &entry.value, &entry.metadata) + 1
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

    #[test]
    fn the_limit_is_the_headers_length() {
        let mut baggage = Baggage::default();
        assert!(baggage.set("k", "x".repeat(Baggage::MAX_BYTES - 2)));
        assert!(!baggage.set("k", "x".repeat(Baggage::MAX_BYTES - 1)));
        assert!(!baggage.set("k", "é".repeat(Baggage::MAX_BYTES / 6 + 1)), "three characters for each byte");
        assert_eq!(baggage.remove("k").map(|value| value.len()), Some(Baggage::MAX_BYTES - 2));
        assert_eq!(baggage, Baggage::default());
    }

    #[test]
    fn metadata_goes_with_its_pair() {
        let mut baggage = Baggage::default();
        assert!(baggage.set_with_metadata("tenant", "acme", "ttl=30;private"));
        assert_eq!((baggage.get("tenant"), baggage.metadata("tenant")), (Some("acme"), Some("ttl=30;private")));
        assert!(!baggage.set_with_metadata("tenant", "other", "a,b=c"), "it would become a pair");
        assert!(baggage.set("tenant", "acme"));
        assert_eq!(baggage.metadata("tenant"), Some(""));
    }
}
