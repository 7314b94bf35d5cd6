//! Rows taken from other attributes: to sort them when they are written, to append a small batch to what is there.
//!
//! Keys and shapes are translated once a source. Values are copied in runs that lie side by side in their column, so rows that
//! follow each other cost little more than copying their bytes.

use std::ops::Range;

use super::{Attributes, Column, Row, Step};

impl Attributes {
    /// Adds rows of others, in the order asked for; each must be below `from.rows()`. No row may be half built.
    pub(crate) fn push_rows(&mut self, from: &Self, rows: impl IntoIterator<Item = usize>) {
        let mut translated = Translation::new(from);
        for at in rows {
            let row = from.rows[at];
            let shape = translated.shape(from, row.shape, self);
            self.rows.push(Row { shape, first: self.cells.len() as u32 });
            let list = from.shapes.columns(row.shape);
            let cells = &from.cells[row.first as usize..][..list.len()];
            for (column, cell) in list.iter().zip(cells) {
                let taken = &mut translated.columns[*column as usize];
                self.cells.push(taken.next);
                taken.next += 1;
                if taken.run.end == *cell {
                    taken.run.end += 1;
                } else {
                    let run = std::mem::replace(&mut taken.run, *cell..*cell + 1);
                    self.take(taken.own, &from.columns[*column as usize], run);
                }
            }
        }
        for (taken, source) in translated.columns.into_iter().zip(&from.columns) {
            self.take(taken.own, source, taken.run);
        }
    }

    #[inline]
    fn take(&mut self, column: u32, source: &Column, run: Range<u32>) {
        if !run.is_empty() {
            self.text_bytes += self.columns[column as usize].values.extend(&source.values, run);
        }
    }
}

/// What a source's numbers are here; columns and shapes that no row taken has are not made.
struct Translation {
    columns: Vec<Taken>,
    shapes: Vec<Option<u32>>,
}

/// What is taken of a column.
#[derive(Clone)]
struct Taken {
    /// Its number here; none yet while no shape has it.
    own: u32,
    /// The number of the next value in ours.
    next: u32,
    /// Which values come next and have not been copied yet.
    run: Range<u32>,
}

/// Not a column's number.
const NONE: u32 = u32::MAX;

impl Translation {
    fn new(from: &Attributes) -> Self {
        let none = Taken { own: NONE, next: 0, run: 0..0 };
        Self { columns: vec![none; from.columns.len()], shapes: vec![None; from.shapes.len()] }
    }

    #[inline]
    fn shape(&mut self, from: &Attributes, shape: u32, to: &mut Attributes) -> u32 {
        match self.shapes[shape as usize] {
            Some(shape) => shape,
            None => self.new_shape(from, shape, to),
        }
    }

    #[cold]
    fn new_shape(&mut self, from: &Attributes, shape: u32, to: &mut Attributes) -> u32 {
        let mut step = Step::default();
        for column in from.shapes.columns(shape) {
            let taken = &mut self.columns[*column as usize];
            if taken.own == NONE {
                let source = &from.columns[*column as usize];
                taken.own = to.column(&source.key, source.values.kind());
                taken.next = to.columns[taken.own as usize].values.len();
            }
            step = to.shapes.step(step, taken.own);
        }
        let (own, _) = to.shapes.end(step);
        self.shapes[shape as usize] = Some(own);
        own
    }
}
