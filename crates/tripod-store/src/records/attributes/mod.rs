//! Rows of attributes, in columns: one a key and type, with the values of the rows that have it.
//!
//! A row is a list: its order and keys that come twice are kept. Which columns a row has, in order, is its shape; most rows
//! share a few shapes. Senders write the same keys in the same order, so the column of the next attribute is guessed from
//! the rows before and its key only compared; a wrong guess costs a look-up by hash. Texts that repeat are in their column
//! once, see [`texts`]. A row takes 8 bytes, an attribute 4 beside its value, a text 4 beside its bytes.

mod distinct;
mod encode;
mod gather;
mod matching;
mod shapes;
mod texts;
mod values;

use std::collections::HashMap;

use tripod_wire::WireError;
use tripod_wire::proto::{Reader, WireType};

use self::shapes::{Shapes, Step};
use self::values::Values;
use super::ValueRef;
use super::value::{self, RawValue, ValueKind};

/// Rows of attributes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attributes {
    columns: Vec<Column>,
    /// The first column of a key.
    by_key: HashMap<Box<str>, u32, foldhash::fast::RandomState>,
    shapes: Shapes,
    rows: Vec<Row>,
    /// For each attribute of each row, which value of its column it is.
    cells: Vec<u32>,
    /// How far the row being built has come.
    step: Step,
    /// Bytes of texts and keys.
    text_bytes: usize,
    /// How many rows there are to be, where that is known.
    expected: usize,
}

/// The values of a key that are of one type.
#[derive(Debug, Clone)]
struct Column {
    key: Box<str>,
    values: Values,
    /// The next column of this key.
    next: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    shape: u32,
    /// Its first cell.
    first: u32,
}

impl Attributes {
    /// Says how many rows there are going to be, about: columns then take memory for as many values as that makes likely.
    pub(crate) fn expect(&mut self, rows: usize) {
        self.expected = rows;
        self.rows.reserve_exact(rows.saturating_sub(self.rows.len()));
    }

    /// Adds an attribute to the row being built.
    #[inline]
    pub(crate) fn push(&mut self, key: &str, value: ValueRef<'_>) {
        match self.guess(key.as_bytes(), value.kind()) {
            Some(column) => {
                self.put(column, value.into());
            }
            None => self.push_other(key, value),
        }
    }

    /// The column of this key and kind, if it is the one that followed here the last time; then the row takes the step.
    #[inline]
    fn guess(&mut self, key: &[u8], kind: ValueKind) -> Option<u32> {
        let (column, step) = self.shapes.guess(self.step)?;
        let guessed = &self.columns[column as usize];
        let right = guessed.key.as_bytes() == key && guessed.values.kind() == kind;
        right.then(|| {
            self.step = step;
            column
        })
    }

    fn push_other(&mut self, key: &str, value: ValueRef<'_>) {
        let column = self.column(key, value.kind());
        self.step = self.shapes.step(self.step, column);
        self.put(column, value.into());
    }

    /// Adds a value to a column, unless it is a text that is not UTF-8.
    #[inline]
    fn put(&mut self, column: u32, value: RawValue<'_>) -> Option<()> {
        let (rows, expected) = (self.rows.len(), self.expected);
        let (at, bytes) = self.columns[column as usize].values.push(value, |len| more(len, rows, expected))?;
        self.text_bytes += bytes;
        if self.cells.len() == self.cells.capacity() {
            self.cells.reserve_exact(more(self.cells.len(), rows, expected));
        }
        self.cells.push(at);
        Some(())
    }

    /// Reads a field that holds a `KeyValue`, its tag having been read, and adds it to the row being built.
    ///
    /// # Errors
    /// When the bytes are no `KeyValue`; the row is then left unfinished, and so is what it belongs to.
    #[inline]
    pub(crate) fn read(&mut self, reader: &mut Reader<'_>, wire_type: WireType) -> Result<(), WireError> {
        let as_usual = |bytes| {
            let Some((key, value)) = value::plain_entry(bytes) else { return false };
            // The bytes of a key that was guessed right have been looked at.
            self.guess(key, value.kind()).is_some_and(|column| self.put(column, value).is_some())
        };
        if reader.bytes_if(wire_type, as_usual) { Ok(()) } else { self.read_other(reader, wire_type) }
    }

    fn read_other(&mut self, reader: &mut Reader<'_>, wire_type: WireType) -> Result<(), WireError> {
        // Where a sender gives a value in two pieces, which counts as both joined.
        let mut joined = Vec::new();
        let (mut key, mut value, mut value_bytes) = ("", ValueRef::Other(&[]), None);
        reader.nested(wire_type, "KeyValue", |reader| {
            while let Some((number, wire_type)) = reader.next_field()? {
                match number {
                    1 => {
                        reader.name_field("key");
                        key = reader.string(wire_type)?;
                    }
                    2 => {
                        reader.name_field("value");
                        let bytes = reader.clone().bytes(wire_type)?;
                        value = ValueRef::read(reader, wire_type)?;
                        if let Some(before) = value_bytes.replace(bytes) {
                            joined.extend_from_slice(if joined.is_empty() { before } else { &[] });
                            joined.extend_from_slice(bytes);
                        }
                    }
                    _ => reader.skip(number, wire_type)?,
                }
            }
            Ok(())
        })?;
        self.push(key, if joined.is_empty() { value } else { ValueRef::of(&joined) });
        Ok(())
    }

    /// Ends the row being built; one to which nothing was added is a row too.
    #[inline]
    pub(crate) fn end_row(&mut self) {
        let (shape, len) = self.shapes.end(self.step);
        self.step = Step::default();
        self.rows.push(Row { shape, first: self.cells.len() as u32 - len });
    }

    /// How many rows were ended.
    pub(crate) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Attributes of all rows together.
    pub(crate) fn cells(&self) -> usize {
        self.cells.len()
    }

    /// The attributes of a row, in their order; `at` must be below [`Self::rows`].
    pub(crate) fn row(&self, at: usize) -> impl ExactSizeIterator<Item = (&str, ValueRef<'_>)> {
        let row = self.rows[at];
        let columns = self.shapes.columns(row.shape);
        let cells = &self.cells[row.first as usize..][..columns.len()];
        columns.iter().zip(cells).map(|(column, cell)| {
            let column = &self.columns[*column as usize];
            (&*column.key, column.values.get(*cell))
        })
    }

    /// A row's value of a key; the first, if it has several.
    pub(crate) fn get(&self, at: usize, key: &str) -> Option<ValueRef<'_>> {
        let row = self.rows[at];
        let mut cells = self.shapes.columns(row.shape).iter().zip(row.first..);
        let (column, cell) = cells.find(|(column, _)| *self.columns[**column as usize].key == *key)?;
        Some(self.columns[*column as usize].values.get(self.cells[cell as usize]))
    }

    /// The keys that rows have, each once, in the order they came.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let first = |at: usize, column: &Column| self.by_key.get(&column.key) == Some(&(at as u32));
        self.columns.iter().enumerate().filter(move |(at, column)| first(*at, column)).map(|(_, column)| &*column.key)
    }

    /// Bytes in memory, roughly; cheap.
    pub(crate) fn memory(&self) -> usize {
        let of_cell = size_of::<u32>() + size_of::<u64>();
        self.text_bytes
            + self.cells.len() * of_cell
            + self.rows.len() * size_of::<Row>()
            + self.columns.len() * 3 * size_of::<Column>()
            + self.shapes.memory()
    }

    /// The number of the column of this key and kind, made if there is none.
    fn column(&mut self, key: &str, kind: ValueKind) -> u32 {
        let new = self.columns.len() as u32;
        let mut at = self.by_key.get(key).copied();
        if at.is_none() {
            self.by_key.insert(key.into(), new);
        }
        while let Some(number) = at {
            let column = &mut self.columns[number as usize];
            if column.values.kind() == kind {
                return number;
            }
            at = column.next;
            column.next.get_or_insert(new);
        }
        self.add_column(key, kind)
    }

    fn add_column(&mut self, key: &str, kind: ValueKind) -> u32 {
        self.text_bytes += 2 * key.len();
        self.columns.push(Column { key: key.into(), values: Values::new(kind), next: None });
        self.columns.len() as u32 - 1
    }
}

/// How many more of what there are `len` of after so many rows to make room for, twice as many where nothing is expected.
#[cold]
fn more(len: usize, rows: usize, expected: usize) -> usize {
    let likely = if rows == 0 { 0 } else { len.saturating_mul(expected.saturating_sub(rows)).div_ceil(rows) };
    let least = if expected > rows { len / 8 } else { len };
    likely.max(least).max(4)
}

#[cfg(test)]
mod tests;
