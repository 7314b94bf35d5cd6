//! Finding records, the newest or the oldest first, up to a limit.
//!
//! Blocks are visited by their newest (oldest) row. As soon as there are as many rows as asked for and none of the blocks that are left
//! can have a newer (older) one, it is done.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::Logs;
use super::search::Search;
use super::units::{Unit, units};
use crate::engine::View;
use crate::{LogOrder, LogQuery, StoreError, StoredLog};

/// A row that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    pub(crate) time: u64,
    pub(crate) unit: usize,
    pub(crate) row: u32,
}

/// The first records of which all of the query is true.
pub(crate) fn find(view: &View<Logs>, query: &LogQuery) -> Result<Vec<StoredLog>, StoreError> {
    if query.limit == 0 {
        return Ok(Vec::new());
    }
    let search = Search::new(query);
    let mut units = units(view, &search, query.window)?;
    match query.order {
        LogOrder::NewestFirst => units.sort_by_key(|unit| Reverse(unit.known.max_time)),
        LogOrder::OldestFirst => units.sort_by_key(|unit| unit.known.min_time),
    }
    let hits = first(&units, &search)?;
    read(&units, &hits)
}

/// The first rows, in order.
fn first(units: &[Unit<'_>], search: &Search<'_>) -> Result<Vec<Hit>, StoreError> {
    let limit = search.query.limit;
    let mut window = search.query.window;
    let mut hits: Vec<Hit> = Vec::new();
    for (number, unit) in units.iter().enumerate() {
        if hits.len() >= limit {
            let last = hits[limit - 1].time;
            // What is as old as the last one would not be kept.
            match search.query.order {
                LogOrder::NewestFirst if unit.known.max_time <= last => break,
                LogOrder::OldestFirst if unit.known.min_time >= last => break,
                LogOrder::NewestFirst => window.start = last.saturating_add(1),
                LogOrder::OldestFirst => window.end = last.saturating_sub(1),
            }
        }
        if !unit.may_say(search)? {
            continue;
        }
        let rows = search.rows(unit, window)?;
        if rows.is_empty() {
            continue;
        }
        let time = unit.read(|block, _| Ok(block.time()?.into_owned()))?;
        hits.extend(rows.into_iter().map(|row| Hit { time: time[row as usize], unit: number, row }));
        match search.query.order {
            LogOrder::NewestFirst => hits.sort_unstable_by_key(|hit| Reverse(*hit)),
            LogOrder::OldestFirst => hits.sort_unstable(),
        }
        hits.truncate(limit);
    }
    Ok(hits)
}

/// The records of rows, in their order. Each block is read once.
pub(crate) fn read(units: &[Unit<'_>], hits: &[Hit]) -> Result<Vec<StoredLog>, StoreError> {
    let mut by_unit: HashMap<usize, Vec<usize>> = HashMap::new();
    for (at, hit) in hits.iter().enumerate() {
        by_unit.entry(hit.unit).or_default().push(at);
    }
    let mut logs: Vec<Option<StoredLog>> = vec![None; hits.len()];
    for (unit, hits_of_unit) in by_unit {
        let unit = &units[unit];
        unit.read(|block, _| {
            let rows = block.rows()?;
            for at in hits_of_unit {
                let row = hits[at].row as usize;
                let context = unit.context(rows.context[row]);
                logs[at] = Some(StoredLog {
                    resource: Arc::clone(&context.resource),
                    scope: Arc::clone(&context.scope),
                    time: rows.time[row],
                    record: rows.record(row),
                });
            }
            Ok(())
        })?;
    }
    Ok(logs.into_iter().flatten().collect())
}
