//! The newest traces of which some span satisfies all conditions.
//!
//! Goes from the newest block to the oldest, by the latest start in each. A block of a part is read only if the part's indexes say
//! that it may have what is asked for, and only the columns that conditions are about; the search ends where no older block can
//! have anything newer than what was found.

use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use roaring::RoaringBitmap;
use tripod_wire::TraceId;

use super::blocks::{Block, Stored};
use super::build::NAME;
use super::memory::{self, MemoryBlock};
use super::rows::duration;
use super::{Spans, matching};
use crate::engine::{Part, View};
use crate::{StoreError, TraceQuery};

/// Ids of traces.
pub(super) type Ids = HashSet<TraceId, foldhash::fast::RandomState>;

/// The ids of the newest `limit` traces, by the newest of their spans that satisfies the query.
pub(super) fn newest(view: &View<Spans>, query: &TraceQuery, limit: usize) -> Result<Vec<TraceId>, StoreError> {
    let found = newest_but(view, query, limit, &Ids::default())?;
    Ok(found.into_iter().map(|(id, _)| id).collect())
}

/// The same without those that were `seen`, each with when that span started.
pub(super) fn newest_but(
    view: &View<Spans>,
    query: &TraceQuery,
    limit: usize,
    seen: &Ids,
) -> Result<Vec<(TraceId, u64)>, StoreError> {
    if limit == 0 || query.window.start > query.window.end {
        return Ok(Vec::new());
    }
    let mut search = Search { query, limit, seen, found: HashMap::default(), oldest: 0 };
    let mut places = BinaryHeap::new();
    for block in view.memories.iter().flat_map(|memory| memory.blocks()) {
        let (earliest, latest) = memory::read(&block).rows.times();
        search.push(&mut places, earliest, latest, What::Memory(block));
    }
    for part in &view.parts {
        search.push(&mut places, part.file.meta.min_time, part.file.meta.max_time, What::Part(part));
    }
    while let Some(Place { latest, what }) = places.pop() {
        if latest < search.oldest {
            break;
        }
        match what {
            What::Memory(block) => search.look_at(&Block::Memory(&memory::read(&block)))?,
            What::Block(part, number) => search.look_at(&Stored::open(part, number)?)?,
            What::Part(part) => {
                for number in candidates(part, query)? {
                    let head = part.inner.records.head(number);
                    search.push(&mut places, head.min_time, head.max_time, What::Block(part, number));
                }
            }
        }
    }
    search.keep_newest();
    let mut found: Vec<(TraceId, u64)> = search.found.into_iter().collect();
    found.sort_unstable_by(newer);
    Ok(found)
}

/// Of traces that are as new as one another the one of the lower id comes first: an answer does not depend on where rows are.
fn newer(a: &(TraceId, u64), b: &(TraceId, u64)) -> std::cmp::Ordering {
    b.1.cmp(&a.1).then(a.0.cmp(&b.0))
}

/// Where rows are, by the latest start of them.
struct Place<'a> {
    latest: u64,
    what: What<'a>,
}

enum What<'a> {
    Memory(Arc<RwLock<MemoryBlock>>),
    Part(&'a Part<Spans>),
    Block(&'a Part<Spans>, u32),
}

impl PartialEq for Place<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.latest == other.latest
    }
}

impl Eq for Place<'_> {}

impl PartialOrd for Place<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.latest.cmp(&other.latest)
    }
}

struct Search<'a> {
    query: &'a TraceQuery,
    limit: usize,
    seen: &'a Ids,
    /// The newest span found of each trace.
    found: HashMap<TraceId, u64, foldhash::fast::RandomState>,
    /// What is older can't be among the newest.
    oldest: u64,
}

impl<'a> Search<'a> {
    fn push(&self, places: &mut BinaryHeap<Place<'a>>, earliest: u64, latest: u64, what: What<'a>) {
        let window = self.query.window;
        if earliest <= window.end && latest >= window.start {
            places.push(Place { latest: latest.min(window.end), what });
        }
    }

    /// Takes in what a block has.
    fn look_at(&mut self, block: &Block<'_>) -> Result<(), StoreError> {
        let rows = satisfying(block, self.query, self.oldest)?;
        if rows.is_empty() {
            return Ok(());
        }
        let (starts, traces) = (block.start()?, block.trace()?);
        for row in rows {
            if self.seen.contains(&traces[row as usize]) {
                continue;
            }
            let newest = self.found.entry(traces[row as usize]).or_default();
            *newest = starts[row as usize].max(*newest);
        }
        if self.found.len() >= self.limit {
            self.keep_newest();
        }
        Ok(())
    }

    fn keep_newest(&mut self) {
        if self.found.len() < self.limit {
            return;
        }
        let mut found: Vec<(TraceId, u64)> = self.found.drain().collect();
        let (newest, last, _) = found.select_nth_unstable_by(self.limit - 1, newer);
        self.oldest = last.1;
        self.found.extend(newest.iter().copied());
        self.found.insert(last.0, last.1);
    }
}

/// The blocks of a part that may have what is asked for.
pub(super) fn candidates(part: &Part<Spans>, query: &TraceQuery) -> Result<RoaringBitmap, StoreError> {
    let records = &part.inner.records;
    let of_service = |service: &String| -> Vec<bool> {
        records.contexts().iter().map(|context| context.service == *service).collect()
    };
    let contexts = query.service.as_ref().map(of_service);
    let may = (0..).zip(records.heads()).filter(|(_, head)| {
        let has = |contexts: &Vec<bool>| head.contexts.iter().any(|context| contexts[*context as usize]);
        head.min_time <= query.window.end && head.max_time >= query.window.start && contexts.as_ref().is_none_or(has)
    });
    let mut blocks: RoaringBitmap = may.map(|(number, _)| number).collect();
    if let Some(name) = &query.operation {
        blocks = records.candidates(&part.file, NAME, name, &blocks)?;
    }
    for wanted in &query.attributes {
        blocks = records.candidates(&part.file, &wanted.key, &wanted.value, &blocks)?;
    }
    Ok(blocks)
}

/// The rows of a block of which all of the query is true and that are not older than `oldest`.
pub(super) fn satisfying(block: &Block<'_>, query: &TraceQuery, oldest: u64) -> Result<Vec<u32>, StoreError> {
    let mut rows: Vec<u32> = (0..block.len() as u32).collect();
    if let Some(service) = &query.service {
        let of_service: Vec<bool> = block.contexts().map(|context| context.service == *service).collect();
        if !of_service.contains(&true) {
            return Ok(Vec::new());
        }
        if of_service.contains(&false) {
            let contexts = block.context()?;
            rows.retain(|row| of_service[contexts[*row as usize] as usize]);
        }
    }
    if let Some(name) = &query.operation {
        let names = block.name()?;
        let Some(code) = names.dictionary.find(name.as_bytes()) else { return Ok(Vec::new()) };
        rows.retain(|row| names.codes.get(*row as usize) == code);
    }
    for wanted in &query.attributes {
        if rows.is_empty() {
            return Ok(rows);
        }
        let of_context: Vec<bool> = block.contexts().map(|context| matching::context_has(context, wanted)).collect();
        if !of_context.contains(&false) {
            continue;
        }
        let mut has = vec![false; block.len()];
        block.rows_with(&wanted.key, &wanted.value)?.into_iter().for_each(|row| has[row as usize] = true);
        if wanted.key == "error" && wanted.value == "true" {
            let status = block.status()?;
            (0..block.len()).for_each(|row| has[row] |= matching::is_error(status.get(row)));
        }
        if of_context.contains(&true) {
            let contexts = block.context()?;
            has.iter_mut().zip(contexts).for_each(|(has, context)| *has |= of_context[*context as usize]);
        }
        rows.retain(|row| has[*row as usize]);
    }
    if rows.is_empty() {
        return Ok(rows);
    }
    let starts = block.start()?;
    rows.retain(|row| query.window.contains(starts[*row as usize]) && starts[*row as usize] >= oldest);
    if query.min_duration.is_some() || query.max_duration.is_some() {
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let wanted = query.min_duration.map_or(0, nanos)..=query.max_duration.map_or(u64::MAX, nanos);
        let ends = block.end()?;
        rows.retain(|row| wanted.contains(&duration(starts[*row as usize], ends[*row as usize])));
    }
    Ok(rows)
}
