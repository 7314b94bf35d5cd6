//! Texts of a column in memory: codes of a dictionary while they repeat, else one behind the other.
//!
//! Most columns have few different texts. Their rows then take four bytes each, are moved as numbers, and the work of looking at
//! a text (is it UTF-8, which others are the same, which indexes need it) is done once for each different one.

use std::ops::Range;

use super::values::push;
use crate::columns::strings::{self, StringColumn};
use crate::columns::{Malformed, Strings};
use crate::records::interner::Interner;
use crate::records::picks::Renumbering;

/// So many different texts are a dictionary in any case.
const FEW: usize = 48;

/// Texts in the order of the rows that have them.
#[derive(Debug, Clone)]
pub(super) enum Texts {
    /// For each value which of the different texts it is.
    Coded { distinct: Interner, codes: Vec<u32> },
    /// A text a value.
    Plain(Strings),
}

impl Default for Texts {
    fn default() -> Self {
        Self::Coded { distinct: Interner::default(), codes: Vec::new() }
    }
}

impl Texts {
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Coded { codes, .. } => codes.len(),
            Self::Plain(texts) => texts.len(),
        }
    }

    /// The text at `at`, which must be below [`Self::len`].
    #[inline]
    pub(super) fn get(&self, at: usize) -> &[u8] {
        match self {
            Self::Coded { distinct, codes } => distinct.get(codes[at]),
            Self::Plain(texts) => texts.get(at),
        }
    }

    /// Adds a text, if it is accepted, which is asked only where it was not met before: its number, and how many bytes the texts take
    /// more. `more` says for how many more than there are to make room when there is none.
    #[inline]
    pub(super) fn push(
        &mut self,
        text: &[u8],
        accept: impl FnOnce(&[u8]) -> bool,
        more: impl Fn(usize) -> usize,
    ) -> Option<(u32, usize)> {
        match self {
            Self::Coded { distinct, codes } => {
                let before = distinct.len();
                let at = push(distinct.number_if(text, accept)?, codes, more);
                Some((at, if distinct.len() == before { 0 } else { self.grew(text.len()) }))
            }
            Self::Plain(texts) => {
                if !accept(text) {
                    return None;
                }
                let at = texts.len();
                if texts.is_full() {
                    texts.reserve(more(at));
                }
                texts.push(text);
                Some((at as u32, text.len()))
            }
        }
    }

    /// Gives the dictionary up where texts hardly repeat; says how many bytes are taken more since a text of `len` came.
    #[cold]
    fn grew(&mut self, len: usize) -> usize {
        let Self::Coded { distinct, codes } = self else { return len };
        if distinct.len() <= FEW || distinct.len() * 2 <= codes.len() {
            return len;
        }
        let before = distinct.strings().bytes();
        let mut plain = Strings::default();
        codes.iter().for_each(|code| plain.push(distinct.get(*code)));
        let more = len + plain.bytes() - before;
        *self = Self::Plain(plain);
        more
    }

    /// Adds a run of another column's, of whose codes `known` are known; says how many bytes the texts take more.
    #[inline]
    pub(super) fn extend(&mut self, from: &Self, run: Range<usize>, known: &mut Renumbering) -> usize {
        if let (Self::Coded { distinct, codes }, Self::Coded { distinct: others, codes: of_others }) =
            (&mut *self, from)
        {
            let before = distinct.strings().bytes();
            for code in &of_others[run] {
                codes.push(known.get(*code, others.len(), || distinct.number(others.get(*code))));
            }
            return distinct.strings().bytes() - before;
        }
        if self.len() == 0 {
            *self = Self::Plain(Strings::default());
        }
        match (&mut *self, from) {
            (Self::Plain(texts), Self::Plain(from)) => {
                let before = texts.bytes();
                texts.extend(from, run);
                texts.bytes() - before
            }
            _ => run.filter_map(|at| self.push(from.get(at), |_| true, |len| len)).map(|(_, bytes)| bytes).sum(),
        }
    }

    /// Appends the column's bytes.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Coded { distinct, codes } => {
                strings::encode_coded(distinct.len(), |code| distinct.get(code), codes.iter().copied(), out);
            }
            Self::Plain(texts) => strings::encode(texts, out),
        }
    }

    /// Decodes `count` texts, each of which must be accepted.
    pub(super) fn decode(bytes: &[u8], count: usize, accept: impl Fn(&[u8]) -> bool) -> Result<Self, Malformed> {
        let column = strings::decode(bytes, count)?;
        let (StringColumn::Plain(texts) | StringColumn::Dictionary { values: texts, .. }) = &column;
        if !texts.iter().all(accept) {
            return Err(Malformed("a text is not UTF-8"));
        }
        Ok(match column {
            StringColumn::Plain(texts) => Self::Plain(texts),
            StringColumn::Dictionary { values, codes } => Self::Coded { distinct: values.into(), codes },
        })
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        match self {
            Self::Coded { distinct, codes } => distinct.memory() + codes.capacity() * size_of::<u32>(),
            Self::Plain(texts) => texts.memory(),
        }
    }
}
