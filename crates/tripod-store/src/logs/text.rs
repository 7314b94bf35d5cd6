//! Which rows say something: words in any case, a regular expression.
//!
//! All texts of a block are folded into one piece of memory, which is searched as one: some gigabytes a second, and nothing is
//! allocated for a row.

use memchr::memmem::Finder;

use super::rows::Bodies;
use super::terms;
use crate::records::Attributes;

/// Texts in lower case, each of a row.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    bytes: Vec<u8>,
    /// Where each ends, and whose it is.
    ends: Vec<(usize, u32)>,
}

impl Folded {
    /// Adds what a body says.
    pub(crate) fn add_bodies(&mut self, bodies: &Bodies, rows: &[u32]) {
        let mut buffer = String::new();
        for row in rows {
            let at = *row as usize;
            if bodies.other.get(at) {
                terms::fold(bodies.get(at).text(&mut buffer), &mut self.bytes);
            } else {
                terms::fold_bytes(bodies.bytes.get(at), &mut self.bytes);
            }
            self.ends.push((self.bytes.len(), *row));
        }
    }

    /// Adds the values of all attributes.
    pub(crate) fn add_attributes(&mut self, attributes: &Attributes, rows: &[u32]) {
        let mut buffer = String::new();
        for row in rows {
            for (_, value) in attributes.row(*row as usize) {
                self.add(value.text(&mut buffer), *row);
            }
        }
    }

    fn add(&mut self, text: &str, row: u32) {
        terms::fold(text, &mut self.bytes);
        self.ends.push((self.bytes.len(), row));
    }

    /// Calls `found` with every row, in the order they were added, that has a text in which `word` occurs.
    pub(crate) fn find(&self, word: &Finder<'_>, mut found: impl FnMut(u32)) {
        let (mut at, mut text) = (0, 0);
        while let Some(place) = word.find(&self.bytes[at..]) {
            let start = at + place;
            text += self.ends[text..].partition_point(|(end, _)| *end <= start);
            let Some((end, row)) = self.ends.get(text) else { return };
            if start + word.needle().len() <= *end {
                found(*row);
                at = *end;
            } else {
                at = start + 1;
            }
        }
    }
}

/// Those of `rows`, which are in order, of which every word occurs in the body or in a value of an attribute.
pub(crate) fn with_words(rows: Vec<u32>, words: &[Finder<'_>], bodies: &Bodies, attributes: &Attributes) -> Vec<u32> {
    let mut rows = rows;
    let mut folded = Folded::default();
    folded.add_bodies(bodies, &rows);
    folded.add_attributes(attributes, &rows);
    for word in words.iter().filter(|word| !word.needle().is_empty()) {
        let mut has = Vec::new();
        folded.find(word, |row| has.push(row));
        has.sort_unstable();
        rows.retain(|row| has.binary_search(row).is_ok());
    }
    rows
}

/// Those of `rows` whose bodies the regular expression matches.
pub(crate) fn with_match(mut rows: Vec<u32>, regex: &regex::Regex, bodies: &Bodies) -> Vec<u32> {
    let mut buffer = String::new();
    rows.retain(|row| regex.is_match(bodies.get(*row as usize).text(&mut buffer)));
    rows
}
