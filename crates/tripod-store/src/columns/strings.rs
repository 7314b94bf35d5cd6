//! Byte strings, most of them text: plain, or as a dictionary and codes where values repeat.

use std::collections::HashMap;

use super::{Malformed, check_count, ints, pack, tagged, unpack, varint};

const PLAIN: u8 = 0;
const DICTIONARY: u8 = 1;

/// No column of strings is larger than this when it is decompressed.
const MAX_BYTES: usize = 1 << 30;

/// Byte strings in one piece of memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Strings {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Strings {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Adds one.
    pub(crate) fn push(&mut self, string: &[u8]) {
        self.bytes.extend_from_slice(string);
        self.ends.push(self.bytes.len() as u32);
    }

    /// The one at `at`; must be below [`Self::len`].
    pub(crate) fn get(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.bytes[start..self.ends[at] as usize]
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|at| self.get(at))
    }

    /// Bytes in memory.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<u32>()
    }
}

/// A decoded column of strings.
#[derive(Debug, Clone)]
pub(crate) enum StringColumn {
    /// A string a value.
    Plain(Strings),
    /// Distinct strings, and for each value which of them.
    Dictionary {
        /// The distinct strings.
        values: Strings,
        /// A place in `values`, each below its length.
        codes: Vec<u32>,
    },
}

impl StringColumn {
    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Plain(strings) => strings.len(),
            Self::Dictionary { codes, .. } => codes.len(),
        }
    }

    /// The value at `at`; must be below [`Self::len`].
    pub(crate) fn get(&self, at: usize) -> &[u8] {
        match self {
            Self::Plain(strings) => strings.get(at),
            Self::Dictionary { values, codes } => values.get(codes[at] as usize),
        }
    }
}

/// Encodes strings.
pub(crate) fn encode(values: &Strings, out: &mut Vec<u8>) {
    let mut numbers: HashMap<&[u8], u64, foldhash::fast::RandomState> = HashMap::default();
    let mut distinct = Strings::default();
    let mut codes = Vec::with_capacity(values.len());
    for value in values.iter() {
        let next = numbers.len() as u64;
        let code = *numbers.entry(value).or_insert_with(|| {
            distinct.push(value);
            next
        });
        codes.push(code);
        if distinct.len() > values.len() / 2 + 1 {
            out.push(PLAIN);
            return encode_plain(values, out);
        }
    }
    out.push(DICTIONARY);
    varint::put(distinct.len() as u64, out);
    let mut plain = Vec::new();
    encode_plain(&distinct, &mut plain);
    varint::put(plain.len() as u64, out);
    out.extend_from_slice(&plain);
    ints::encode(&codes, out);
}

fn encode_plain(values: &Strings, out: &mut Vec<u8>) {
    let lengths: Vec<u64> = values.iter().map(|value| value.len() as u64).collect();
    let mut packed = Vec::new();
    ints::encode(&lengths, &mut packed);
    varint::put(packed.len() as u64, out);
    out.extend_from_slice(&packed);
    pack(&values.bytes, out);
}

/// Decodes `count` strings.
pub(crate) fn decode(bytes: &[u8], count: usize) -> Result<StringColumn, Malformed> {
    check_count(count)?;
    let (tag, mut rest) = tagged(bytes)?;
    match tag {
        PLAIN => Ok(StringColumn::Plain(decode_plain(rest, count)?)),
        DICTIONARY => {
            let distinct = varint::take(&mut rest)? as usize;
            if distinct > count {
                return Err(Malformed("a dictionary has more strings than values"));
            }
            let len = varint::take(&mut rest)? as usize;
            let (plain, codes) = rest.split_at_checked(len).ok_or(Malformed("a dictionary is cut off"))?;
            let values = decode_plain(plain, distinct)?;
            let codes: Vec<u32> = ints::decode(codes, count)?.into_iter().map(|code| code as u32).collect();
            if codes.iter().any(|code| *code as usize >= distinct) {
                return Err(Malformed("a code is in no dictionary"));
            }
            Ok(StringColumn::Dictionary { values, codes })
        }
        _ => Err(Malformed("strings in no known encoding")),
    }
}

fn decode_plain(mut bytes: &[u8], count: usize) -> Result<Strings, Malformed> {
    let len = varint::take(&mut bytes)? as usize;
    let (lengths, packed) = bytes.split_at_checked(len).ok_or(Malformed("lengths of strings are cut off"))?;
    let mut end = 0usize;
    let mut ends = Vec::new();
    for length in ints::decode(lengths, count)? {
        end = end.saturating_add(length as usize);
        if end > MAX_BYTES {
            return Err(Malformed("strings are too long"));
        }
        ends.push(end as u32);
    }
    let bytes = unpack(packed, end)?;
    if bytes.len() == end { Ok(Strings { bytes, ends }) } else { Err(Malformed("strings of another length")) }
}
