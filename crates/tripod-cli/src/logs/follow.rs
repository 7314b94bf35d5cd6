//! Records as they arrive: the server is asked again and again for the newest stretch of time, and what was not there before is shown.
//!
//! A record has no number of its own. What is told apart is therefore how many records of the same content have been shown: of two that
//! are alike in everything both are shown, and neither twice. A record that arrives later than [`LATE`] after it happened is not seen.
//! While the server is away, one waits, and then goes on from what was shown last.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::{Conditions, Printer};
use crate::client::{Client, ClientError};
use crate::outcome::{Failure, Found};
use crate::window::{Window, now};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// Between two looks for a server that is away, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// So long after it happened a record may arrive: exporters of most languages wait five seconds at most.
const LATE: u64 = 10_000_000_000;
/// Records that are asked for at once.
const PAGE: usize = 10_000;
/// Pages of one look; what is beyond is skipped, and said.
const PAGES: usize = 20;

/// Shows the newest `first` records from a time on, and then all that arrive.
pub(super) fn follow(
    client: &Client,
    conditions: &Conditions,
    start: u64,
    first: usize,
    printer: &Printer,
) -> Result<Found, Failure> {
    let mut seen = Seen::default();
    // What is wrong with the request is said at once; that nobody listens, too.
    let records = conditions.records(client, Window { start, end: now() }, first)?;
    let mut shown_until = records.last().map_or(start, time);
    printer.print(&seen.news(records))?;
    // What was cut off by the limit is old, and not to be taken for news.
    let earliest = if seen.len() < first { start } else { seen.oldest };
    let mut pause = PAUSE;
    loop {
        sleep(pause);
        let until = now();
        let window = Window { start: until.min(shown_until).saturating_sub(LATE).max(earliest), end: u64::MAX };
        match look(client, conditions, window) {
            Ok(records) => {
                if pause > PAUSE {
                    eprintln!("tripod: the server is back");
                }
                pause = PAUSE;
                let news = seen.news(records);
                shown_until = news.iter().map(time).fold(shown_until, u64::max).min(until.max(shown_until));
                printer.print(&news)?;
                seen.forget_before(shown_until.saturating_sub(2 * LATE));
            }
            Err(Failure::Client(error)) if is_away(&error) => {
                if pause == PAUSE {
                    eprintln!("tripod: {}; waiting for it", error.to_string().lines().next().unwrap_or_default());
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether it may be there again soon.
fn is_away(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::NothingListens { .. }
            | ClientError::Unreachable { .. }
            | ClientError::TimedOut { .. }
            | ClientError::Failed { .. }
    )
}

/// All records of a window, page by page from the newest back, in order of time.
fn look(client: &Client, conditions: &Conditions, window: Window) -> Result<Vec<Value>, Failure> {
    let mut pages = Vec::new();
    let mut end = window.end;
    for _ in 0..PAGES {
        let mut page = conditions.records(client, Window { end, ..window }, PAGE)?;
        let (count, oldest) = (page.len(), page.first().map_or(0, time));
        let newest = page.last().map_or(0, time);
        if count < PAGE || oldest == newest {
            pages.push(page);
            pages.reverse();
            return Ok(pages.into_iter().flatten().collect());
        }
        // Of the oldest moment there may be more than the page holds: it is asked for again, as a whole.
        page.retain(|record| time(record) > oldest);
        pages.push(page);
        end = oldest;
    }
    eprintln!("tripod: more than {} records came at once; older ones of them are not shown", PAGE * PAGES);
    pages.reverse();
    Ok(pages.into_iter().flatten().collect())
}

fn time(record: &Value) -> u64 {
    record["timestamp_unix_nano"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// What was shown, as far back as more may arrive.
struct Seen {
    hasher: RandomState,
    /// By content: when it happened, and how often it was shown.
    shown: HashMap<u64, (u64, usize)>,
    oldest: u64,
}

impl Default for Seen {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shown: HashMap::new(), oldest: u64::MAX }
    }
}

impl Seen {
    fn len(&self) -> usize {
        self.shown.values().map(|(_, count)| count).sum()
    }

    /// Those of the records that were not shown yet; they count as shown then.
    fn news(&mut self, records: Vec<Value>) -> Vec<Value> {
        let mut now: HashMap<u64, usize> = HashMap::new();
        let mut is_new = |record: &Value| {
            let content = self.hasher.hash_one(record.to_string());
            let count = now.entry(content).or_default();
            *count += 1;
            let happened = time(record);
            let shown = self.shown.entry(content).or_insert((happened, 0));
            self.oldest = self.oldest.min(happened);
            let new = *count > shown.1;
            shown.1 = shown.1.max(*count);
            new
        };
        records.into_iter().filter(|record| is_new(record)).collect()
    }

    fn forget_before(&mut self, time: u64) {
        self.shown.retain(|_, (happened, _)| *happened >= time);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(time: u64, body: &str) -> Value {
        json!({ "timestamp_unix_nano": time.to_string(), "body": body })
    }

    fn bodies(records: &[Value]) -> Vec<&str> {
        records.iter().filter_map(|record| record["body"].as_str()).collect()
    }

    #[test]
    fn a_record_is_shown_once_and_a_late_one_too() {
        let mut seen = Seen::default();
        assert_eq!(bodies(&seen.news(vec![record(5, "a"), record(6, "b")])), ["a", "b"]);
        assert_eq!(
            bodies(&seen.news(vec![record(4, "late"), record(5, "a"), record(6, "b"), record(7, "c")])),
            ["late", "c"]
        );
        assert!(seen.news(vec![record(4, "late"), record(7, "c")]).is_empty());
        assert_eq!((seen.len(), seen.oldest), (4, 4));
    }

    #[test]
    fn records_that_are_alike_are_all_shown() {
        let mut seen = Seen::default();
        assert_eq!(seen.news(vec![record(5, "a"), record(5, "a")]).len(), 2);
        assert_eq!(seen.news(vec![record(5, "a"), record(5, "a"), record(5, "a")]).len(), 1);
        assert!(seen.news(vec![record(5, "a"), record(5, "a"), record(5, "a")]).is_empty());
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let mut seen = Seen::default();
        seen.news(vec![record(5, "a"), record(9, "b")]);
        seen.forget_before(6);
        assert_eq!(seen.len(), 1);
    }
}
