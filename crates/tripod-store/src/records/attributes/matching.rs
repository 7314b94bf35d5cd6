//! Which rows have an attribute with a value.

use super::Attributes;
use super::texts::Texts;
use super::values::Values;

impl Attributes {
    /// The rows of which some attribute has this key and, written as text, this value; in order.
    ///
    /// A dictionary's texts are compared once each, so where it has none that is equal no row is looked at.
    pub(crate) fn rows_with(&self, key: &str, text: &str) -> Vec<u32> {
        let mut matching: Vec<Option<Vec<bool>>> = vec![None; self.columns.len()];
        let mut at = self.by_key.get(key).copied();
        while let Some(number) = at {
            let column = &self.columns[number as usize];
            matching[number as usize] = column.values.equal(text);
            at = column.next;
        }
        if matching.iter().all(Option::is_none) {
            return Vec::new();
        }
        // For each shape, where in its rows the columns stand that have such values.
        let places: Vec<Vec<u32>> = (0..self.shapes.len() as u32)
            .map(|shape| {
                let columns = self.shapes.columns(shape).iter().zip(0..);
                columns.filter(|(column, _)| matching[**column as usize].is_some()).map(|(_, place)| place).collect()
            })
            .collect();
        let has = |row: &super::Row| {
            places[row.shape as usize].iter().any(|place| {
                let column = self.shapes.columns(row.shape)[*place as usize];
                let value = self.cells[(row.first + place) as usize];
                matching[column as usize].as_ref().is_some_and(|matching| matching[value as usize])
            })
        };
        (0..).zip(&self.rows).filter(|(_, row)| has(row)).map(|(at, _)| at).collect()
    }
}

impl Values {
    /// For each value whether its text is this; `None` when no value's is.
    fn equal(&self, text: &str) -> Option<Vec<bool>> {
        let equal: Vec<bool> = match self {
            Self::Str(Texts::Plain(values)) => values.iter().map(|value| value == text.as_bytes()).collect(),
            Self::Str(Texts::Coded { distinct, codes }) => {
                let wanted = distinct.find(text.as_bytes())?;
                codes.iter().map(|code| *code == wanted).collect()
            }
            Self::Int(values) => {
                let wanted = text.parse::<i64>().ok().filter(|wanted| wanted.to_string() == text)? as u64;
                values.iter().map(|value| *value == wanted).collect()
            }
            _ => (0..self.len()).map(|at| self.get(at).is_text(text)).collect(),
        };
        equal.contains(&true).then_some(equal)
    }
}
