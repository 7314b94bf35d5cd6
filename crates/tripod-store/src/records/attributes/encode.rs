//! Attributes as columns of a block.
//!
//! Under a prefix `a` stand: `a`, the keys and types of the columns and the lists of the shapes; `a@`, each row's shape; and
//! `a0`, `a1`, …, the values of each column. A block whose rows have no attributes has none of these.

use super::values::Values;
use super::{Attributes, Row, Step};
use crate::StoreError;
use crate::columns::{MAX_VALUES, Malformed, Strings, ints};
use crate::records::ColumnSource;
use crate::records::block::ColumnSet;
use crate::records::pieces::{put_ints, put_strings, take_ints, take_strings};
use crate::records::value::ValueKind;

impl Attributes {
    /// Adds all rows to a block's columns.
    pub(crate) fn encode(&self, prefix: &str, columns: &mut ColumnSet) {
        if self.cells.is_empty() {
            return;
        }
        columns.add(prefix, |out| self.head().encode(out));
        let shapes: Vec<u64> = self.rows.iter().map(|row| u64::from(row.shape)).collect();
        columns.add(&format!("{prefix}@"), |out| ints::encode(&shapes, out));
        for (number, column) in self.columns.iter().enumerate() {
            columns.add(&format!("{prefix}{number}"), |out| column.values.encode(out));
        }
    }

    fn head(&self) -> Head {
        let columns = self.columns.iter().map(|column| (column.key.as_bytes(), column.values.kind()));
        let shapes = (0..self.shapes.len() as u32).map(|shape| self.shapes.columns(shape));
        let mut head = Head::default();
        for (key, kind) in columns {
            head.keys.push(key);
            head.kinds.push(kind as u64);
        }
        for list in shapes {
            head.lens.push(list.len() as u64);
            head.lists.extend(list.iter().map(|column| u64::from(*column)));
        }
        head
    }

    /// Decodes all attributes of `rows` rows.
    pub(crate) fn decode(prefix: &str, rows: usize, columns: &dyn ColumnSource) -> Result<Self, StoreError> {
        Self::decode_where(prefix, rows, columns, &|_| true)
    }

    /// Decodes the attributes of one key; the rows then have no others.
    pub(crate) fn decode_key(
        prefix: &str,
        rows: usize,
        key: &str,
        columns: &dyn ColumnSource,
    ) -> Result<Self, StoreError> {
        Self::decode_where(prefix, rows, columns, &|other| other == key)
    }

    /// Decodes the attributes whose keys are wanted.
    pub(crate) fn decode_where(
        prefix: &str,
        rows: usize,
        columns: &dyn ColumnSource,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Self, StoreError> {
        let mut attributes = Self::default();
        let damaged = |reason| columns.damaged(prefix, reason);
        let Some(head) = columns.column(prefix)? else {
            (0..rows).for_each(|_| attributes.end_row());
            return Ok(attributes);
        };
        let head = Head::decode(&head).map_err(damaged)?;
        // What a column of the block is called here, if it is wanted.
        let mut own = Vec::with_capacity(head.kinds.len());
        for (at, kind) in head.kinds.iter().enumerate() {
            let key = std::str::from_utf8(head.keys.get(at)).map_err(|_| damaged(Malformed("a key is not UTF-8")))?;
            let kind = ValueKind::of(*kind as u8).ok_or_else(|| damaged(Malformed("no type of values")))?;
            own.push(wanted(key).then(|| attributes.column(key, kind)));
        }
        if attributes.columns.is_empty() {
            (0..rows).for_each(|_| attributes.end_row());
            return Ok(attributes);
        }
        let shapes = attributes.add_shapes(&head, &own).map_err(damaged)?;
        let name = format!("{prefix}@");
        let codes = columns.column(&name)?.ok_or_else(|| columns.damaged(&name, Malformed("it is missing")))?;
        let codes = ints::decode(&codes, rows).map_err(|reason| columns.damaged(&name, reason))?;
        let counts = attributes.add_rows(&codes, &shapes).map_err(|reason| columns.damaged(&name, reason))?;
        for (number, (own, kind)) in own.iter().zip(&head.kinds).enumerate() {
            let (Some(own), Some(kind)) = (own, ValueKind::of(*kind as u8)) else { continue };
            let name = format!("{prefix}{number}");
            let bytes = columns.column(&name)?.ok_or_else(|| columns.damaged(&name, Malformed("it is missing")))?;
            let values = Values::decode(kind, &bytes, counts[*own as usize] as usize);
            attributes.columns[*own as usize].values = values.map_err(|reason| columns.damaged(&name, reason))?;
            attributes.text_bytes += bytes.len();
        }
        Ok(attributes)
    }

    /// Makes the shapes of a block, without what is not wanted; for each of the block's, which of ours it is.
    fn add_shapes(&mut self, head: &Head, own: &[Option<u32>]) -> Result<Vec<u32>, Malformed> {
        let mut rest = head.lists.as_slice();
        let mut shapes = Vec::with_capacity(head.lens.len());
        for len in &head.lens {
            let list;
            (list, rest) = rest.split_at_checked(*len as usize).ok_or(Malformed("a list of columns is cut off"))?;
            let mut step = Step::default();
            for column in list {
                let column = own.get(*column as usize).ok_or(Malformed("a list names a column that is not there"))?;
                if let Some(column) = column {
                    step = self.shapes.step(step, *column);
                }
            }
            shapes.push(self.shapes.end(step).0);
        }
        Ok(shapes)
    }

    /// Makes the rows of these shapes of the block; how many values each column must have is returned.
    fn add_rows(&mut self, codes: &[u64], shapes: &[u32]) -> Result<Vec<u32>, Malformed> {
        let mut next = vec![0; self.columns.len()];
        self.rows.reserve(codes.len());
        for code in codes {
            let shape = *shapes.get(*code as usize).ok_or(Malformed("a row of no shape"))?;
            let list = self.shapes.columns(shape);
            if self.cells.len() + list.len() > MAX_VALUES {
                return Err(Malformed("too many attributes"));
            }
            self.rows.push(Row { shape, first: self.cells.len() as u32 });
            for column in list {
                let next = &mut next[*column as usize];
                self.cells.push(*next);
                *next += 1;
            }
        }
        Ok(next)
    }
}

/// What is common to the rows of a block.
#[derive(Debug, Default)]
struct Head {
    /// The key of each column.
    keys: Strings,
    /// The kind of each column.
    kinds: Vec<u64>,
    /// The length of each shape's list.
    lens: Vec<u64>,
    /// The columns of all shapes, one list behind the other.
    lists: Vec<u64>,
}

impl Head {
    fn encode(&self, out: &mut Vec<u8>) {
        put_strings(&self.keys, out);
        for numbers in [&self.kinds, &self.lens, &self.lists] {
            put_ints(numbers, out);
        }
    }

    fn decode(mut bytes: &[u8]) -> Result<Self, Malformed> {
        let column = take_strings(&mut bytes)?;
        let mut keys = Strings::default();
        (0..column.len()).for_each(|at| keys.push(column.get(at)));
        let mut numbers = || take_ints(&mut bytes);
        let head = Self { keys, kinds: numbers()?, lens: numbers()?, lists: numbers()? };
        if head.kinds.len() == head.keys.len() { Ok(head) } else { Err(Malformed("a key without a type")) }
    }
}
