//! Export to Parquet, for DuckDB, pandas and whatever else reads it.
//!
//! One file a signal, columns typed, rows in order of time. Attributes are JSON in a text column: types survive, every reader has it, and
//! `attributes->>'http.route'` reaches one in DuckDB. The store is asked for a slice of time after the other, each so short that
//! few rows come; a row group ends at 64 MiB or 131,072 rows. So memory stays bounded whatever is exported.
//!
//! Nothing is locked meanwhile: what is dropped by retention before its slice is asked for is not in the file.

mod json;
mod logs;
mod samples;
mod spans;
mod table;
#[cfg(test)]
mod tests;

use std::io::Write;

use self::table::Table;
use crate::{Store, StoreError, Window};

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportSignal {
    /// Spans, by the time they start.
    Spans,
    /// Log records.
    Logs,
    /// Samples, a series after the other.
    Samples,
}

impl ExportSignal {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Spans, Self::Logs, Self::Samples];

    /// `spans`, `logs` or `samples`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spans => "spans",
            Self::Logs => "logs",
            Self::Samples => "samples",
        }
    }
}

impl std::str::FromStr for ExportSignal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|signal| signal.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is not one of spans, logs, samples"))
    }
}

/// Writes what a store has of a signal within a window as a Parquet file. How many rows that were is returned.
///
/// # Errors
/// What the store says, or [`StoreError::Export`] when `out` refuses. What was written until then is no whole file.
pub fn export(
    store: &dyn Store,
    signal: ExportSignal,
    window: Window,
    out: impl Write + Send,
) -> Result<u64, StoreError> {
    match signal {
        ExportSignal::Spans => spans::export(store, window, out),
        ExportSignal::Logs => logs::export(store, window, out),
        ExportSignal::Samples => samples::export(store, window, out),
    }
}

/// Visits what lies in a window, in order of its slices. `fetch` answers what is in a slice, at most so many of them; where that many
/// come, there may be more, and the slice is cut in halves.
fn by_slices<T>(
    window: Window,
    limit: usize,
    mut fetch: impl FnMut(Window, usize) -> Result<Vec<T>, StoreError>,
    mut visit: impl FnMut(Window, Vec<T>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut slices = vec![(window, limit)];
    while let Some((slice, limit)) = slices.pop() {
        let found = fetch(slice, limit)?;
        if found.len() < limit {
            visit(slice, found)?;
            continue;
        }
        drop(found);
        if slice.start == slice.end {
            // What happened within one nanosecond can't be cut.
            slices.push((slice, limit * 4));
            continue;
        }
        let middle = slice.start.midpoint(slice.end);
        slices.push((Window { start: middle + 1, ..slice }, limit));
        slices.push((Window { end: middle, ..slice }, limit));
    }
    Ok(())
}
