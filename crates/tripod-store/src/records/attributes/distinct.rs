//! The different values of a column, for indexes: the work is by value, not by row.

use std::collections::HashMap;
use std::hash::Hash;

use super::Attributes;
use super::texts::Texts;
use super::values::Values;
use crate::records::ValueRef;

impl Attributes {
    /// How many columns there are: one a key and type.
    pub(crate) fn column_count(&self) -> usize {
        self.columns.len()
    }

    /// The key of a column.
    pub(crate) fn column_key(&self, column: usize) -> &str {
        &self.columns[column].key
    }

    /// The same as [`Self::distinct`] for all columns, of some rows: with the number of the column.
    pub(crate) fn distinct_of(&self, rows: &[u32], visit: &mut dyn FnMut(usize, &[u8], u32)) {
        let mut cells: Vec<Vec<u32>> = vec![Vec::new(); self.columns.len()];
        for row in rows {
            let row = self.rows[*row as usize];
            for (column, at) in self.shapes.columns(row.shape).iter().zip(row.first as usize..) {
                cells[*column as usize].push(self.cells[at]);
            }
        }
        let mut buffer = String::new();
        for (column, cells) in cells.iter().enumerate().filter(|(_, cells)| !cells.is_empty()) {
            let values = &self.columns[column].values;
            if let Values::Str(Texts::Coded { distinct, codes }) = values {
                let counts = counts(distinct.len(), cells.iter().map(|cell| codes[*cell as usize] as usize));
                let counted = distinct.strings().iter().zip(counts).filter(|(_, count)| *count > 0);
                counted.for_each(|(text, count)| visit(column, text, count));
            } else {
                for cell in cells {
                    visit(column, values.get(*cell).text(&mut buffer).as_bytes(), 1);
                }
            }
        }
    }

    /// Each different value of a column as text, in UTF-8, with how many times it is there; one that few rows share may come
    /// several times.
    pub(crate) fn distinct(&self, column: usize, visit: &mut dyn FnMut(&[u8], u32)) {
        let mut buffer = String::new();
        let mut value = |value: ValueRef<'_>, count| visit(value.text(&mut buffer).as_bytes(), count);
        match &self.columns[column].values {
            Values::Str(Texts::Plain(values)) => count(values.iter(), visit),
            Values::Str(Texts::Coded { distinct, codes }) => {
                let counts = counts(distinct.len(), codes.iter().map(|code| *code as usize));
                let counted = distinct.strings().iter().zip(counts).filter(|(_, count)| *count > 0);
                counted.for_each(|(text, count)| visit(text, count));
            }
            Values::Bool(values) => {
                count(values.iter().map(|value| value[0] != 0), |it, count| value(ValueRef::Bool(it), count));
            }
            Values::Int(values) => count_ints(values, |it, count| value(ValueRef::Int(it as i64), count)),
            Values::Double(values) => {
                count(values.iter().map(|value| value.to_bits()), |bits, count| {
                    value(ValueRef::Double(f64::from_bits(bits)), count);
                });
            }
            Values::Other(values) => {
                (0..values.len()).for_each(|at| value(ValueRef::Other(values.get(at)), 1));
            }
        }
    }
}

/// How many times each number below `len` is there.
fn counts(len: usize, numbers: impl Iterator<Item = usize>) -> Vec<u32> {
    let mut counts = vec![0; len];
    numbers.for_each(|number| counts[number] += 1);
    counts
}

/// Numbers that lie near each other are counted in a list, which is faster than in a table.
fn count_ints(values: &[u64], mut visit: impl FnMut(u64, u32)) {
    let least = values.iter().copied().min().unwrap_or_default();
    let span = values.iter().copied().max().unwrap_or_default() - least;
    if span > 2 * values.len() as u64 {
        return count(values.iter().copied(), visit);
    }
    let counts = counts(span as usize + 1, values.iter().map(|value| (value - least) as usize));
    (0..).zip(counts).filter(|(_, count)| *count > 0).for_each(|(at, count)| visit(least + at, count));
}

/// After so many values it shows whether they repeat. Where they hardly do, each is handed out by itself: that is no less true, and
/// costs an index less than a table of all of them.
const SAMPLE: usize = 512;

fn count<T: Hash + Eq + Copy>(values: impl Iterator<Item = T>, mut visit: impl FnMut(T, u32)) {
    let mut counts: HashMap<T, u32, foldhash::fast::RandomState> = HashMap::default();
    let (mut runs, mut seen) = (Runs { values, next: None }, 0);
    while seen < SAMPLE
        && let Some((value, times)) = runs.next()
    {
        *counts.entry(value).or_default() += times;
        seen += times as usize;
    }
    if counts.len() > SAMPLE / 8 * 7 {
        runs.for_each(|(value, times)| visit(value, times));
    } else {
        runs.for_each(|(value, times)| *counts.entry(value).or_default() += times);
    }
    counts.into_iter().for_each(|(value, count)| visit(value, count));
}

/// Values with how many times each comes in a row: those of a trace's rows are often the same.
struct Runs<T, I> {
    values: I,
    next: Option<T>,
}

impl<T: Eq + Copy, I: Iterator<Item = T>> Iterator for Runs<T, I> {
    type Item = (T, u32);

    #[inline]
    fn next(&mut self) -> Option<(T, u32)> {
        let value = self.next.take().or_else(|| self.values.next())?;
        let mut times = 1;
        for next in self.values.by_ref() {
            if next != value {
                self.next = Some(next);
                break;
            }
            times += 1;
        }
        Some((value, times))
    }
}
