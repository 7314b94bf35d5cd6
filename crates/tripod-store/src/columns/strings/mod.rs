//! Byte strings, most of them text: as a dictionary and codes where values repeat, else one by one, see [`plain`].
//!
//! ```text
//! 0 · values
//! 1 · how many varint · bytes varint · the different values · codes    in the order in which they first come
//! ```

mod pattern;
mod plain;

use std::collections::HashMap;
use std::ops::Range;

use super::{Malformed, check_count, ints, tagged, varint};

const PLAIN: u8 = 0;
const DICTIONARY: u8 = 1;

/// No column of strings is larger than this when it is decompressed.
const MAX_BYTES: usize = 1 << 30;

/// After so many values it shows whether they repeat.
const SAMPLE: usize = 512;

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

    /// Adds some of another's, which lie side by side, in one piece.
    pub(crate) fn extend(&mut self, from: &Self, run: Range<usize>) {
        let start = if run.start == 0 { 0 } else { from.ends[run.start - 1] };
        let ends = &from.ends[run];
        let base = self.bytes.len() as u32;
        let end = ends.last().copied().unwrap_or(start);
        self.bytes.extend_from_slice(&from.bytes[start as usize..end as usize]);
        self.ends.extend(ends.iter().map(|end| end - start + base));
    }

    /// Bytes of all.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
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

    /// Whether the next one may need more memory.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.ends.len() == self.ends.capacity()
    }

    /// Makes room for so many more, as long as these are.
    pub(crate) fn reserve(&mut self, more: usize) {
        self.ends.reserve_exact(more);
        let bytes = self.bytes.len() / self.len().max(1) * more;
        self.bytes.reserve_exact(bytes + bytes / 8);
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
    let mut numbers: HashMap<&[u8], u32, foldhash::fast::RandomState> = HashMap::default();
    let mut distinct = Strings::default();
    let mut codes: Vec<u64> = Vec::with_capacity(values.len());
    let mut before: Option<(&[u8], u32)> = None;
    for (at, value) in values.iter().enumerate() {
        let code = match before {
            Some((same, code)) if same == value => code,
            _ => *numbers.entry(value).or_insert_with(|| {
                distinct.push(value);
                distinct.len() as u32 - 1
            }),
        };
        before = Some((value, code));
        codes.push(code.into());
        if distinct.len() > values.len() / 2 + 1 || at == SAMPLE && distinct.len() > SAMPLE / 8 * 7 {
            out.push(PLAIN);
            return plain::encode(values, out);
        }
    }
    encode_dictionary(&distinct, &codes, out);
}

/// Encodes strings that are known by codes, each below `count`; `text` says what a code stands for.
pub(crate) fn encode_coded<'a>(
    count: usize,
    text: impl Fn(u32) -> &'a [u8],
    codes: impl Iterator<Item = u32>,
    out: &mut Vec<u8>,
) {
    let mut numbers = vec![u64::MAX; count];
    let mut distinct = Strings::default();
    let number = |code: u32| {
        let number = &mut numbers[code as usize];
        if *number == u64::MAX {
            *number = distinct.len() as u64;
            distinct.push(text(code));
        }
        *number
    };
    let codes: Vec<u64> = codes.map(number).collect();
    if distinct.len() <= codes.len() / 2 + 1 {
        return encode_dictionary(&distinct, &codes, out);
    }
    let mut all = Strings::default();
    codes.iter().for_each(|code| all.push(distinct.get(*code as usize)));
    out.push(PLAIN);
    plain::encode(&all, out);
}

fn encode_dictionary(distinct: &Strings, codes: &[u64], out: &mut Vec<u8>) {
    out.push(DICTIONARY);
    varint::put(distinct.len() as u64, out);
    let mut values = Vec::new();
    plain::encode(distinct, &mut values);
    varint::put(values.len() as u64, out);
    out.append(&mut values);
    ints::encode(codes, out);
}

/// Decodes `count` strings.
pub(crate) fn decode(bytes: &[u8], count: usize) -> Result<StringColumn, Malformed> {
    check_count(count)?;
    let (tag, mut rest) = tagged(bytes)?;
    match tag {
        PLAIN => Ok(StringColumn::Plain(plain::decode(rest, count)?)),
        DICTIONARY => {
            let distinct = varint::take(&mut rest)? as usize;
            if distinct > count {
                return Err(Malformed("a dictionary has more strings than values"));
            }
            let len = varint::take(&mut rest)? as usize;
            let (values, codes) = rest.split_at_checked(len).ok_or(Malformed("a dictionary is cut off"))?;
            let values = plain::decode(values, distinct)?;
            let codes = ints::decode(codes, count)?;
            if codes.iter().any(|code| *code >= distinct as u64) {
                return Err(Malformed("a code is in no dictionary"));
            }
            Ok(StringColumn::Dictionary { values, codes: codes.into_iter().map(|code| code as u32).collect() })
        }
        _ => Err(Malformed("strings in no known encoding")),
    }
}

#[cfg(test)]
mod tests;
