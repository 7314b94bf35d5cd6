//! Counting log records by level and time.
//!
//! Without words or attributes to look for, from rows alone: some ten nanoseconds a record of the window. Otherwise the records
//! that are left after time, service and severity are read, as a search reads them.

use std::collections::BTreeMap;
use std::sync::Arc;

use tripod_wire::otlp::logs::SeverityNumber;

use super::fetch::Fetcher;
use super::find_logs::Search;
use super::segment::Segment;
use super::stats::step;
use crate::{LogQuery, LogVolume, StoreError, Window};

/// Counts all records of which all of the query is true.
pub(crate) fn count(segments: &[Arc<Segment>], query: &LogQuery, steps: usize) -> Result<LogVolume, StoreError> {
    let window = fitted(segments, query);
    let query = LogQuery { window, ..query.clone() };
    let mut counts = Counts { window, steps, levels: BTreeMap::new() };
    let mut search = Search::new(segments, &query);
    if search.must_read() {
        let mut fetcher = Fetcher::default();
        while let Some(candidates) = search.next_part() {
            for log in search.satisfying(&candidates, usize::MAX, &mut fetcher)? {
                counts.add(log.record.severity_number, log.time);
            }
        }
    } else {
        for segment in segments {
            let rows = segment.logs();
            for (_, entries) in search.lists_of(segment, &rows, &search.of_trace(&rows)) {
                let accepted =
                    entries.iter().map(|(_, number)| rows.row(*number)).filter(|row| search.accepts(&rows, row));
                accepted.for_each(|row| counts.add(row.severity(), row.time));
            }
        }
    }
    Ok(LogVolume { window, levels: counts.levels })
}

/// The query's window; an end left open is put where the records of the service or trace asked for end.
fn fitted(segments: &[Arc<Segment>], query: &LogQuery) -> Window {
    let Window { start, end } = query.window;
    if start != Window::ALL.start && end != Window::ALL.end {
        return query.window;
    }
    let search = Search::new(segments, query);
    let (mut oldest, mut newest) = (u64::MAX, 0);
    for segment in segments {
        let rows = segment.logs();
        for (_, entries) in search.lists_of(segment, &rows, &search.of_trace(&rows)) {
            oldest = entries.first().map_or(oldest, |(time, _)| oldest.min(*time));
            newest = entries.last().map_or(newest, |(time, _)| newest.max(*time));
        }
    }
    let start = if start == Window::ALL.start { oldest.min(newest) } else { start };
    Window { start, end: if end == Window::ALL.end { newest.max(start) } else { end } }
}

struct Counts {
    window: Window,
    steps: usize,
    levels: BTreeMap<&'static str, Vec<u64>>,
}

impl Counts {
    fn add(&mut self, severity: SeverityNumber, time: u64) {
        let counts = self.levels.entry(severity.level()).or_insert_with(|| vec![0; self.steps]);
        counts[step(time, self.window, self.steps)] += 1;
    }
}
