//! The different values of a column, for indexes: the work is by value, not by row.

use std::collections::HashMap;
use std::hash::Hash;

use super::Attributes;
use super::values::Values;
use crate::columns::strings::StringColumn;
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

    /// Each different value of a column as text, with how many times it is there; one that few rows share may come several times.
    pub(crate) fn distinct(&self, column: usize, visit: &mut dyn FnMut(&str, u32)) {
        let mut buffer = String::new();
        let mut value = |value: ValueRef<'_>, count| visit(value.text(&mut buffer), count);
        match &self.columns[column].values {
            Values::Str(StringColumn::Plain(values)) => count(values.iter(), |text, times| value(text_of(text), times)),
            Values::Str(StringColumn::Dictionary { values, codes }) => {
                let mut counts = vec![0u32; values.len()];
                codes.iter().for_each(|code| counts[*code as usize] += 1);
                for (text, count) in values.iter().zip(counts).filter(|(_, count)| *count > 0) {
                    value(text_of(text), count);
                }
            }
            Values::Bool(values) => {
                count(values.iter().map(|value| value[0] != 0), |it, count| value(ValueRef::Bool(it), count));
            }
            Values::Int(values) => {
                count(values.iter().copied(), |it, count| value(ValueRef::Int(it as i64), count));
            }
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

fn text_of(bytes: &[u8]) -> ValueRef<'_> {
    ValueRef::Str(std::str::from_utf8(bytes).unwrap_or_default())
}

/// After so many values it shows whether they repeat. Where they hardly do, each is handed out by itself: that is no less true, and
/// costs an index less than a table of all of them.
const SAMPLE: usize = 512;

fn count<T: Hash + Eq + Copy>(mut values: impl Iterator<Item = T>, mut visit: impl FnMut(T, u32)) {
    let mut counts: HashMap<T, u32, foldhash::fast::RandomState> = HashMap::default();
    for value in values.by_ref().take(SAMPLE) {
        *counts.entry(value).or_default() += 1;
    }
    if counts.len() > SAMPLE / 8 * 7 {
        values.for_each(|value| visit(value, 1));
    } else {
        values.for_each(|value| *counts.entry(value).or_default() += 1);
    }
    counts.into_iter().for_each(|(value, count)| visit(value, count));
}
