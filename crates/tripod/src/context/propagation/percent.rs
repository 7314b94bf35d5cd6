//! Percent-encoding, as headers have it.

/// The bytes that stay as they are.
pub(super) struct Unreserved([bool; 256]);

impl Unreserved {
    /// Letters, digits and these.
    pub(super) const fn with(more: &[u8]) -> Self {
        let mut kept = [false; 256];
        let mut byte = 0;
        while byte < 128 {
            kept[byte] = (byte as u8).is_ascii_alphanumeric();
            byte += 1;
        }
        let mut at = 0;
        while at < more.len() {
            kept[more[at] as usize] = true;
            at += 1;
        }
        Self(kept)
    }

    fn keeps(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }

    /// How long a text becomes.
    pub(super) fn encoded_len(&self, text: &str) -> usize {
        text.bytes().map(|byte| if self.keeps(byte) { 1 } else { 3 }).sum()
    }

    pub(super) fn encode(&self, text: &str, out: &mut String) {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        for byte in text.bytes() {
            if self.keeps(byte) {
                out.push(char::from(byte));
            } else {
                let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
                out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
}

/// The text that was encoded; `None` when it was none.
pub(crate) fn decode(text: &str) -> Option<String> {
    String::from_utf8(decode_bytes(text)?).ok()
}

/// The same, with a replacement character for what is no text.
pub(super) fn decode_lossy(text: &str) -> Option<String> {
    let decoded = String::from_utf8(decode_bytes(text)?);
    Some(decoded.unwrap_or_else(|bytes| String::from_utf8_lossy(bytes.as_bytes()).into_owned()))
}

fn decode_bytes(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            bytes.push((digit()? * 16 + digit()?) as u8);
        } else {
            bytes.push(byte);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: Unreserved = Unreserved::with(b"-._~");

    #[test]
    fn a_percent_sign_without_two_digits_is_malformed_and_bytes_that_are_no_text_are_replaced() {
        for malformed in ["%", "%1", "%zz", "a%2"] {
            assert_eq!(decode(malformed), None, "{malformed}");
        }
        assert_eq!((decode("%ff"), decode_lossy("a%ff")), (None, Some("a\u{fffd}".to_owned())));
    }

    proptest! {
        #[test]
        fn any_text_comes_back_and_its_length_is_foretold(text in ".{0,40}") {
            let mut out = String::new();
            PLAIN.encode(&text, &mut out);
            prop_assert_eq!(out.len(), PLAIN.encoded_len(&text));
            prop_assert!(out.is_ascii());
            prop_assert_eq!(decode(&out), Some(text));
        }
    }
}
