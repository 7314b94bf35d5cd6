//! Rows taken from other attributes: to sort them when they are written, to append a small batch to what is there.
//!
//! Keys and shapes are translated once a source, then each column is gathered by itself, in runs of values that lie side by
//! side. So rows that follow each other cost little more than copying their bytes.

use std::ops::Range;

use super::{Attributes, Row, Step};

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
                let taken = &mut translated.taken[*column as usize];
                self.cells.push(taken.next);
                taken.next += 1;
                match taken.runs.last_mut() {
                    Some(run) if run.end == *cell => run.end += 1,
                    _ => taken.runs.push(*cell..*cell + 1),
                }
            }
        }
        for ((column, source), taken) in translated.columns.iter().zip(&from.columns).zip(&translated.taken) {
            if let Some(column) = column {
                self.text_bytes += self.columns[*column as usize].values.gather(&source.values, &taken.runs);
            }
        }
    }
}

/// What a source's numbers are here; columns and shapes that no row taken has are not made.
struct Translation {
    columns: Vec<Option<u32>>,
    shapes: Vec<Option<u32>>,
    taken: Vec<Taken>,
}

/// What is taken of a column.
#[derive(Default)]
struct Taken {
    /// The number of the next value in ours.
    next: u32,
    /// Which of the source's are taken.
    runs: Vec<Range<u32>>,
}

impl Translation {
    fn new(from: &Attributes) -> Self {
        let taken = from.columns.iter().map(|_| Taken::default()).collect();
        Self { columns: vec![None; from.columns.len()], shapes: vec![None; from.shapes.len()], taken }
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
            let column = *column as usize;
            let own = *self.columns[column].get_or_insert_with(|| {
                let source = &from.columns[column];
                let own = to.column(&source.key, source.values.kind());
                self.taken[column].next = to.columns[own as usize].values.len();
                own
            });
            step = to.shapes.step(step, own);
        }
        let (own, _) = to.shapes.end(step);
        self.shapes[shape as usize] = Some(own);
        own
    }
}
