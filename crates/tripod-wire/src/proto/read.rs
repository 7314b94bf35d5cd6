//! Reads protobuf from a slice, without copying; every error says message, field and offset.

use super::{MAX_DEPTH, zigzag_decode};
use crate::WireError;
use crate::budget::Budget;

/// How a field's value is laid out; the low three bits of its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireType {
    /// A number of one to ten bytes.
    Varint = 0,
    /// Eight bytes, little endian.
    Fixed64 = 1,
    /// A length as varint, then so many bytes: text, bytes, messages, packed numbers.
    Len = 2,
    /// Start of a group (deprecated; only ever skipped).
    StartGroup = 3,
    /// End of a group.
    EndGroup = 4,
    /// Four bytes, little endian.
    Fixed32 = 5,
}

impl WireType {
    /// The wire type of a tag's lowest byte; 6 and 7 do not exist.
    #[inline]
    fn of(tag: u8) -> Option<Self> {
        Some(match tag & 7 {
            0 => Self::Varint,
            1 => Self::Fixed64,
            2 => Self::Len,
            3 => Self::StartGroup,
            4 => Self::EndGroup,
            5 => Self::Fixed32,
            _ => return None,
        })
    }
}

/// A position in the bytes of one message.
///
/// ```
/// use tripod_wire::proto::{Reader, WireType};
/// let mut reader = Reader::new(b"\x12\x02hi\x18\x96\x01", "Greeting");
/// assert_eq!(reader.next_field()?, Some((2, WireType::Len)));
/// assert_eq!(reader.string(WireType::Len)?, "hi");
/// assert_eq!(reader.next_field()?, Some((3, WireType::Varint)));
/// assert_eq!(reader.varint(WireType::Varint)?, 150);
/// assert_eq!(reader.next_field()?, None);
/// # Ok::<(), tripod_wire::WireError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    /// The whole input up to this message's end, so that `at` is an offset in the input.
    bytes: &'a [u8],
    at: usize,
    /// Where the last tag began.
    tag_at: usize,
    depth: usize,
    message: &'static str,
    field: &'static str,
    budget: Budget,
}

/// What an error names while it is not yet known which field comes.
const TAG: &str = "tag";

impl<'a> Reader<'a> {
    /// Reads `bytes` as the fields of a message of this name.
    pub fn new(bytes: &'a [u8], message: &'static str) -> Self {
        Self { bytes, at: 0, tag_at: 0, depth: 1, message, field: TAG, budget: Budget::of_input(bytes.len()) }
    }

    /// The offset of the next byte from the start of the input.
    #[inline]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// The offset of the message's end from the start of the input.
    #[inline]
    pub fn end(&self) -> usize {
        self.bytes.len()
    }

    /// Whether all bytes of the message have been read.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// Names the field about to be read, for errors.
    #[inline]
    pub fn name_field(&mut self, field: &'static str) {
        self.field = field;
    }

    /// The number and wire type of the next field, or none at the message's end.
    ///
    /// # Errors
    /// When the tag is cut off, the field number is 0 or over 2²⁹−1, or the wire type is none of [`WireType`].
    #[inline]
    pub fn next_field(&mut self) -> Result<Option<(u32, WireType)>, WireError> {
        self.field = TAG;
        self.tag_at = self.at;
        match self.bytes.get(self.at) {
            None => Ok(None),
            // All fields of OTLP but one have such a tag.
            Some(&tag @ 8..0x80) if let Some(wire_type) = WireType::of(tag) => {
                self.at += 1;
                Ok(Some((u32::from(tag >> 3), wire_type)))
            }
            Some(_) => self.other_tag().map(Some),
        }
    }

    /// A tag of several bytes, or of a kind that does not exist.
    #[cold]
    fn other_tag(&mut self) -> Result<(u32, WireType), WireError> {
        let tag = self.raw_varint()?;
        let Some(wire_type) = WireType::of(tag as u8) else {
            return Err(self.invalid(format!("wire type {} does not exist", tag & 7)));
        };
        match u32::try_from(tag) {
            Ok(tag) if tag >> 3 != 0 => Ok((tag >> 3, wire_type)),
            _ => Err(self.invalid(format!("field number {} is out of range", tag >> 3))),
        }
    }

    /// A varint.
    ///
    /// # Errors
    /// When the wire type is another, the bytes end, or the number has more than 64 bits.
    #[inline]
    pub fn varint(&mut self, wire_type: WireType) -> Result<u64, WireError> {
        self.expect(wire_type, WireType::Varint)?;
        self.raw_varint()
    }

    /// A zigzag varint (`sint32`, `sint64`).
    ///
    /// # Errors
    /// As [`Reader::varint`].
    #[inline]
    pub fn zigzag(&mut self, wire_type: WireType) -> Result<i64, WireError> {
        self.varint(wire_type).map(zigzag_decode)
    }

    /// Four bytes, little endian.
    ///
    /// # Errors
    /// When the wire type is another or the bytes end.
    #[inline]
    pub fn fixed32(&mut self, wire_type: WireType) -> Result<u32, WireError> {
        self.expect(wire_type, WireType::Fixed32)?;
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes, little endian.
    ///
    /// # Errors
    /// When the wire type is another or the bytes end.
    #[inline]
    pub fn fixed64(&mut self, wire_type: WireType) -> Result<u64, WireError> {
        self.expect(wire_type, WireType::Fixed64)?;
        self.array().map(u64::from_le_bytes)
    }

    /// The bytes of a length-delimited field.
    ///
    /// # Errors
    /// When the wire type is another or the bytes end.
    #[inline]
    pub fn bytes(&mut self, wire_type: WireType) -> Result<&'a [u8], WireError> {
        self.expect(wire_type, WireType::Len)?;
        let len = self.raw_varint()?;
        self.take(len)
    }

    /// Reads the bytes of a length-delimited field if `take` takes them. Otherwise, or where there are none, the reader stays where
    /// it is, so that the field can be read with more care.
    #[inline]
    pub fn bytes_if(&mut self, wire_type: WireType, take: impl FnOnce(&'a [u8]) -> bool) -> bool {
        let at = self.at;
        let taken = self.bytes(wire_type).is_ok_and(take);
        if !taken {
            self.at = at;
        }
        taken
    }

    /// The text of a length-delimited field.
    ///
    /// # Errors
    /// When the wire type is another, the bytes end, or they are not UTF-8.
    #[inline]
    pub fn string(&mut self, wire_type: WireType) -> Result<&'a str, WireError> {
        let bytes = self.bytes(wire_type)?;
        std::str::from_utf8(bytes).map_err(|error| self.not_utf8(bytes.len(), error))
    }

    /// Lets `read` read the fields of a nested message; what it leaves is stepped over.
    ///
    /// # Errors
    /// When the wire type is another, the bytes end, it is nested deeper than [`MAX_DEPTH`], or `read` fails.
    #[inline]
    pub fn nested<T>(
        &mut self,
        wire_type: WireType,
        message: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.too_deep());
        }
        let len = self.bytes(wire_type)?.len();
        let end = self.at;
        let outer = (self.bytes, self.depth, self.message, self.field);
        self.bytes = &self.bytes[..end];
        self.at = end - len;
        self.depth += 1;
        self.message = message;
        self.field = TAG;
        let value = read(self);
        (self.bytes, self.depth, self.message, self.field) = outer;
        self.at = end;
        value
    }

    /// A reader of its own for the fields of a nested message, to be walked later.
    ///
    /// # Errors
    /// When the wire type is another, the bytes end, or it is nested deeper than [`MAX_DEPTH`].
    pub(crate) fn message(&mut self, wire_type: WireType, message: &'static str) -> Result<Self, WireError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.too_deep());
        }
        let inner = self.packed(wire_type)?;
        Ok(Self { depth: self.depth + 1, message, field: TAG, ..inner })
    }

    /// How many times in a row the field at hand comes, this one included; its tag has been read.
    ///
    /// Lists grow by that: in one step where most would take several, and without room to spare.
    pub(crate) fn run(&self) -> usize {
        let tag = &self.bytes[self.tag_at..self.at];
        let mut ahead = self.clone();
        let mut run = 1;
        while ahead.bytes(WireType::Len).is_ok() && ahead.bytes[ahead.at..].starts_with(tag) {
            ahead.at += tag.len();
            run += 1;
        }
        run
    }

    /// Makes room for `more` elements of a list, within the memory that an input of this length may take.
    #[inline]
    pub(crate) fn grow<T>(&mut self, list: &mut Vec<T>, more: usize) -> Result<(), WireError> {
        if self.budget.grow(list, more) { Ok(()) } else { Err(self.budget.error(self.message)) }
    }

    /// A reader for packed numbers: just values, no tags, until it is empty.
    ///
    /// # Errors
    /// When the wire type is another or the bytes end.
    #[inline]
    pub fn packed(&mut self, wire_type: WireType) -> Result<Self, WireError> {
        let len = self.bytes(wire_type)?.len();
        Ok(Self { bytes: &self.bytes[..self.at], at: self.at - len, ..self.clone() })
    }

    /// Steps over the value of a field nobody asks for.
    ///
    /// # Errors
    /// When the bytes end, or a group is not closed, closed wrongly, or nested deeper than [`MAX_DEPTH`].
    pub fn skip(&mut self, number: u32, wire_type: WireType) -> Result<(), WireError> {
        self.field = "unknown field";
        match wire_type {
            WireType::Varint => self.raw_varint().map(drop),
            WireType::Fixed64 => self.take(8).map(drop),
            WireType::Len => self.bytes(wire_type).map(drop),
            WireType::Fixed32 => self.take(4).map(drop),
            WireType::StartGroup => self.skip_group(number),
            WireType::EndGroup => Err(self.invalid(format!("the end of group {number}, which was not begun"))),
        }
    }

    fn skip_group(&mut self, number: u32) -> Result<(), WireError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.too_deep());
        }
        self.depth += 1;
        while let Some((inner, wire_type)) = self.next_field()? {
            if wire_type == WireType::EndGroup && inner == number {
                self.depth -= 1;
                return Ok(());
            }
            self.skip(inner, wire_type)?;
        }
        Err(self.truncated())
    }

    #[inline]
    fn expect(&self, found: WireType, expected: WireType) -> Result<(), WireError> {
        if found == expected {
            return Ok(());
        }
        Err(self.wrong_type(found, expected))
    }

    #[inline]
    fn raw_varint(&mut self) -> Result<u64, WireError> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0;
        for (index, &byte) in self.bytes[self.at..].iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            // Of the tenth byte only the lowest bit still fits.
            if index == 9 && byte > 1 {
                break;
            }
            if byte < 0x80 {
                self.at += index + 1;
                return Ok(value);
            }
        }
        if self.bytes.len() - self.at < 10 {
            return Err(self.truncated());
        }
        Err(self.invalid("a varint of more than 64 bits".to_owned()))
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        match self.bytes[self.at..].first_chunk() {
            Some(chunk) => {
                self.at += N;
                Ok(*chunk)
            }
            None => Err(self.truncated()),
        }
    }

    #[inline]
    fn take(&mut self, len: u64) -> Result<&'a [u8], WireError> {
        let rest = &self.bytes[self.at..];
        match usize::try_from(len).ok().and_then(|len| rest.get(..len)) {
            Some(taken) => {
                self.at += taken.len();
                Ok(taken)
            }
            None => Err(self.truncated()),
        }
    }

    /// An error about the field being read.
    #[cold]
    pub fn invalid(&self, reason: String) -> WireError {
        WireError::Invalid { message: self.message, field: self.field, offset: self.at, reason }
    }

    #[cold]
    fn wrong_type(&self, found: WireType, expected: WireType) -> WireError {
        self.invalid(format!("wire type {found:?}, must be {expected:?}"))
    }

    #[cold]
    fn truncated(&self) -> WireError {
        WireError::Truncated { message: self.message, field: self.field, offset: self.at }
    }

    #[cold]
    fn too_deep(&self) -> WireError {
        WireError::TooDeep { message: self.message, offset: self.at, limit: MAX_DEPTH }
    }

    #[cold]
    fn not_utf8(&self, len: usize, error: std::str::Utf8Error) -> WireError {
        let offset = self.at - len + error.valid_up_to();
        let reason = "the text is not UTF-8".to_owned();
        WireError::Invalid { message: self.message, field: self.field, offset, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_error(bytes: &[u8]) -> WireError {
        let mut reader = Reader::new(bytes, "Test");
        loop {
            match reader.next_field().and_then(|field| field.map(|(n, w)| reader.skip(n, w)).transpose()) {
                Ok(Some(())) => {}
                Ok(None) => panic!("{bytes:?} reads without error"),
                Err(error) => return error,
            }
        }
    }

    #[test]
    fn varints_up_to_64_bits_are_read_and_longer_ones_refused() {
        let read = |bytes: &[u8]| Reader::new(bytes, "Test").varint(WireType::Varint);
        assert_eq!(read(&[0x7f]), Ok(127));
        assert_eq!(read(&[0x96, 0x01]), Ok(150));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), Ok(u64::MAX));
        assert!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]).is_err());
        assert!(read(&[0x80; 11]).unwrap_err().to_string().contains("more than 64 bits"));
        assert!(matches!(read(&[0x80]), Err(WireError::Truncated { .. })));
    }

    #[test]
    fn unknown_groups_are_skipped_with_all_they_hold() {
        // Group 1 { 2: 5, group 3 { 1: "a" } }, then field 4: 7.
        let bytes = [0x0b, 0x10, 0x05, 0x1b, 0x0a, 0x01, b'a', 0x1c, 0x0c, 0x20, 0x07];
        let mut reader = Reader::new(&bytes, "Test");
        let (number, wire_type) = reader.next_field().unwrap().unwrap();
        reader.skip(number, wire_type).unwrap();
        assert_eq!(reader.next_field().unwrap(), Some((4, WireType::Varint)));
    }

    #[test]
    fn groups_that_are_not_closed_or_never_begun_are_errors() {
        assert!(matches!(first_error(&[0x0b, 0x10, 0x05]), WireError::Truncated { .. }));
        assert!(first_error(&[0x0b, 0x14]).to_string().contains("not begun"));
        assert!(first_error(&[0x0c]).to_string().contains("not begun"));
    }

    #[test]
    fn groups_nested_without_end_are_an_error_and_no_stack_overflow() {
        assert!(matches!(first_error(&vec![0x0b; 100_000]), WireError::TooDeep { limit: MAX_DEPTH, .. }));
    }

    #[test]
    fn impossible_tags_are_errors() {
        assert!(first_error(&[0x00]).to_string().contains("field number 0"));
        assert!(first_error(&[0x0e]).to_string().contains("wire type 6"));
        assert!(first_error(&[0x80, 0x80, 0x80, 0x80, 0x10]).to_string().contains("out of range"));
    }

    #[test]
    fn an_error_says_message_field_and_offset() {
        let mut reader = Reader::new(b"\x0a\x03a\xff\x00", "Span");
        let (_, wire_type) = reader.next_field().unwrap().unwrap();
        reader.name_field("name");
        let error = reader.string(wire_type).unwrap_err();
        assert_eq!(error.to_string(), "Span.name: the text is not UTF-8 (offset 3)");
    }
}
