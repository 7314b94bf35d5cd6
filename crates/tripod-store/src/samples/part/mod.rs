//! Samples and exemplars at rest: chunks of one series, and the files of parts.
//!
//! In memory a series' samples are [`small`] chunks. On disk a part has the series of one day, sorted by labels: a chunk of
//! up to some thousand samples is a column of values ([`values`]) and a column of times, which all series of one target
//! share. Label pairs are sorted and numbered ([`pairs`]), a series is a list of such numbers and of its chunks
//! ([`entries`]). A part of exemplars is the same file with chunks of another kind.
//!
//! What it costs is in `docs/decisions/0034-samples-on-disk.md`.

mod cursor;
mod entries;
mod exemplars;
mod file;
mod histograms;
mod interner;
mod ints;
mod matching;
#[cfg(test)]
mod measure;
mod merge;
mod metadata;
mod packing;
mod pairs;
mod pending;
mod pieces;
mod query;
pub(crate) mod small;
#[cfg(test)]
mod tests;
mod values;
mod verify;
mod writer;

pub(crate) use self::cursor::Cursor;
pub(crate) use self::merge::merge;
pub(crate) use self::query::{Pair, Query, SeriesPart};
pub(crate) use self::verify::verify;
pub(crate) use self::writer::SeriesWriter;
