//! Strings by number: each distinct one is kept once. A segment has a table of its own, which goes when the segment goes, so
//! names that never end (ids in span names) cannot outgrow the memory limit.

use std::collections::HashMap;
use std::sync::Arc;

/// The number of a string in a table.
pub(crate) type Symbol = u32;

/// What a string costs besides its bytes: its entries in map and list.
const OVERHEAD: usize = 64;

/// Strings by number and numbers by string.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    numbers: HashMap<Arc<str>, Symbol>,
    strings: Vec<Arc<str>>,
    bytes: usize,
}

impl Symbols {
    /// The string's number, a new one if it has none.
    pub(crate) fn intern(&mut self, string: &str) -> Symbol {
        if let Some(symbol) = self.numbers.get(string) {
            return *symbol;
        }
        let symbol = self.strings.len() as Symbol;
        let shared: Arc<str> = string.into();
        self.strings.push(Arc::clone(&shared));
        self.numbers.insert(shared, symbol);
        self.bytes += string.len() + OVERHEAD;
        symbol
    }

    /// The string's number, if it has one.
    pub(crate) fn find(&self, string: &str) -> Option<Symbol> {
        self.numbers.get(string).copied()
    }

    /// The string of a number that this table gave out.
    pub(crate) fn get(&self, symbol: Symbol) -> &Arc<str> {
        &self.strings[symbol as usize]
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_has_one_number_however_often_it_comes() {
        let mut symbols = Symbols::default();
        let (a, b) = (symbols.intern("a"), symbols.intern("b"));
        assert_ne!(a, b);
        assert_eq!(symbols.intern("a"), a);
        assert_eq!((symbols.get(b).as_ref(), symbols.find("c")), ("b", None));
    }
}
