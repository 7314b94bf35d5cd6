//! The hash that is on disk: XXH3-64, whose results are fixed by its specification.
//!
//! Filters and row indexes hold these hashes, so another hash is another format: the test vectors below must never change.
//! A pair's hash takes the key's as its seed, so the key of a column is hashed once and no separator can be forged.

use twox_hash::XxHash3_64;

/// Seeds that keep pairs, tokens and ids apart.
const TOKEN: u64 = 0x746f_6b65_6e00_0001;
const ID: u64 = 0x6964_0000_0000_0001;

/// A key that was hashed, for the hashes of many of its values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyHash(u64);

impl KeyHash {
    /// Hashes a key.
    pub(crate) fn new(key: &str) -> Self {
        Self(XxHash3_64::oneshot(key.as_bytes()))
    }

    /// The hash of the key with a value.
    #[inline]
    pub(crate) fn value(self, value: &[u8]) -> u64 {
        XxHash3_64::oneshot_with_seed(self.0, value)
    }
}

/// The hash of `key = value`.
pub(crate) fn pair(key: &str, value: &str) -> u64 {
    KeyHash::new(key).value(value.as_bytes())
}

/// The hash of a token of a text.
pub(crate) fn token(token: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(TOKEN, token)
}

/// The hash of an id: a sender may choose ids that are not random, and they spread evenly all the same.
pub(crate) fn id(id: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(ID, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_never_change_because_they_are_on_disk() {
        // From the specification of XXH3: the empty input with seed 0.
        assert_eq!(XxHash3_64::oneshot(b""), 0x2d06_8005_38d3_94c2);
        assert_eq!(pair("", ""), VECTORS[0]);
        assert_eq!(pair("http.request.method", "GET"), VECTORS[1]);
        assert_eq!(pair("url.full", &"https://example.com/".repeat(20)), VECTORS[2]);
        assert_eq!(token(b"timeout"), VECTORS[3]);
        assert_eq!(id(&[7; 16]), VECTORS[4]);
    }

    /// From the reference implementation in C.
    const VECTORS: [u64; 5] = [
        0x412f_1275_e100_17f3,
        0x653f_3e48_399c_c703,
        0x7843_e694_06da_bf16,
        0x258d_7d95_6f20_fdf6,
        0xfa35_3f72_553e_936c,
    ];

    #[test]
    fn a_key_and_a_value_are_not_one_text() {
        assert_ne!(pair("ab", "c"), pair("a", "bc"));
        assert_ne!(pair("", "a"), pair("a", ""));
    }
}
