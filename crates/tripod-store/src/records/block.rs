//! The columns of a block, by name: being gathered, and where they are read from.

use crate::StoreError;
use crate::columns::Malformed;

/// Columns being gathered, in the order they will stand in.
#[derive(Debug, Clone, Default)]
pub(crate) struct ColumnSet {
    bytes: Vec<u8>,
    /// A name, and where its column ends.
    columns: Vec<(String, usize)>,
}

impl ColumnSet {
    /// Adds a column; `encode` appends its bytes. Names are short and each is given once.
    pub(crate) fn add(&mut self, name: &str, encode: impl FnOnce(&mut Vec<u8>)) {
        debug_assert!(self.columns.iter().all(|(other, _)| other != name), "two columns are called {name}");
        encode(&mut self.bytes);
        self.columns.push((name.to_owned(), self.bytes.len()));
    }

    /// All columns, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut start = 0;
        self.columns.iter().map(move |(name, end)| {
            let column = &self.bytes[start..*end];
            start = *end;
            (name.as_str(), column)
        })
    }

    /// Bytes of all columns.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Where columns are read from.
pub(crate) trait ColumnSource {
    /// The bytes of a column, verified; `None` when the block has none of that name.
    fn column(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// The error that says that a column is not what its name says.
    fn damaged(&self, column: &str, reason: Malformed) -> StoreError;

    /// The names of all columns, in order.
    #[cfg(test)]
    fn names(&self) -> Vec<&str>;
}

/// Blocks that were never written are read in tests.
impl ColumnSource for ColumnSet {
    fn column(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.iter().find(|(other, _)| *other == name).map(|(_, bytes)| bytes.to_vec()))
    }

    fn damaged(&self, column: &str, reason: Malformed) -> StoreError {
        StoreError::Damaged { path: "memory".into(), offset: 0, reason: format!("column {column}: {reason}") }
    }

    #[cfg(test)]
    fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|(name, _)| name.as_str()).collect()
    }
}
