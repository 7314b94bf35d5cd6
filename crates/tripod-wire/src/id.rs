//! Trace and span ids: fixed bytes, shown as lower-case hex, all zero meaning "none".

use std::fmt;
use std::str::FromStr;

use crate::WireError;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The absent id: all zero.
            pub const NONE: Self = Self([0; $len]);

            /// Whether the id is present, that is not all zero.
            pub fn is_valid(self) -> bool {
                self.0 != [0; $len]
            }

            /// Writes the lower-case hex form into `out`, without allocating.
            pub fn write_hex(self, out: &mut [u8; $len * 2]) {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                for (pair, byte) in out.chunks_exact_mut(2).zip(self.0) {
                    pair[0] = DIGITS[usize::from(byte >> 4)];
                    pair[1] = DIGITS[usize::from(byte & 15)];
                }
            }

            /// Reads an id from its bytes; empty bytes are the absent id.
            ///
            /// # Errors
            /// [`WireError::Id`] when the length is neither zero nor the id's own.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
                if bytes.is_empty() {
                    return Ok(Self::NONE);
                }
                bytes.try_into().map(Self).map_err(|_| WireError::Id {
                    kind: stringify!($name),
                    reason: format!("{} bytes, must be {} or none", bytes.len(), $len),
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut hex = [0; $len * 2];
                self.write_hex(&mut hex);
                f.pad(std::str::from_utf8(&hex).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = WireError;

            /// Reads hex of either case; the empty string is the absent id.
            fn from_str(text: &str) -> Result<Self, WireError> {
                let invalid = |reason: String| WireError::Id { kind: stringify!($name), reason };
                if text.is_empty() {
                    return Ok(Self::NONE);
                }
                if text.len() != $len * 2 {
                    return Err(invalid(format!("{} characters, must be {} hex digits", text.len(), $len * 2)));
                }
                let mut id = [0; $len];
                for (byte, pair) in id.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                    let digit = |c: u8| char::from(c).to_digit(16);
                    match (digit(pair[0]), digit(pair[1])) {
                        (Some(high), Some(low)) => *byte = (high * 16 + low) as u8,
                        _ => return Err(invalid(format!("{text:?} holds a character that is no hex digit"))),
                    }
                }
                Ok(Self(id))
            }
        }
    };
}

id!(
    /// A trace's id: 16 bytes, 32 hex digits.
    TraceId, 16
);
id!(
    /// A span's id: 8 bytes, 16 hex digits.
    SpanId, 8
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_the_way_to_hex_and_back() {
        let id: TraceId = "5B8EFFF798038103D269B633813FC60C".parse().unwrap();
        assert_eq!(id.to_string(), "5b8efff798038103d269b633813fc60c");
        assert_eq!(id.to_string().parse::<TraceId>().unwrap(), id);
    }

    #[test]
    fn a_wrong_length_or_digit_is_an_error_that_says_so() {
        assert!("abc".parse::<SpanId>().unwrap_err().to_string().contains("16 hex digits"));
        assert!("zz00000000000000".parse::<SpanId>().unwrap_err().to_string().contains("no hex digit"));
        assert!(SpanId::from_bytes(&[1, 2]).is_err());
        assert_eq!(SpanId::from_bytes(&[]).unwrap(), SpanId::NONE);
    }
}
