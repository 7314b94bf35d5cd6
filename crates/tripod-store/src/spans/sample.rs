//! Some of the spans that satisfy a query, each as likely as any other.
//!
//! Goes through the columns that the query is about, of all blocks that may have such spans, and remembers where a few of them are
//! (a reservoir: memory of the sample alone); only those are put together.

use std::sync::{Arc, RwLock};

use super::blocks::{Block, Stored};
use super::memory::{self, MemoryBlock};
use super::{Spans, search};
use crate::engine::{Part, View};
use crate::{SpanSample, StoreError, TraceQuery};

/// A sample of at most `query.limit` spans of which all of the query is true.
pub(super) fn sample(view: &View<Spans>, query: &TraceQuery) -> Result<SpanSample, StoreError> {
    let mut reservoir = Reservoir { limit: query.limit, total: 0, state: SEED, places: Vec::new() };
    let blocks: Vec<Place<'_>> = places(view, query)?;
    for (number, place) in (0..).zip(&blocks) {
        let rows = place.read(|block| search::satisfying(block, query, 0))?;
        rows.into_iter().for_each(|row| reservoir.offer((number, row)));
    }
    let Reservoir { total, mut places, .. } = reservoir;
    places.sort_unstable();
    let mut spans = Vec::with_capacity(places.len());
    for run in places.chunk_by(|a, b| a.0 == b.0) {
        blocks[run[0].0 as usize].read(|block| {
            for (_, row) in run {
                spans.push(block.stored_span(*row as usize)?);
            }
            Ok(())
        })?;
    }
    Ok(SpanSample { total, spans })
}

/// A block.
enum Place<'a> {
    Memory(Arc<RwLock<MemoryBlock>>),
    Part(&'a Part<Spans>, u32),
}

impl Place<'_> {
    fn read<T>(&self, read: impl FnOnce(&Block<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match self {
            Self::Memory(block) => read(&Block::Memory(&memory::read(block))),
            Self::Part(part, number) => read(&Stored::open(part, *number)?),
        }
    }
}

/// The blocks that may have what is asked for.
fn places<'a>(view: &'a View<Spans>, query: &TraceQuery) -> Result<Vec<Place<'a>>, StoreError> {
    let mut places = Vec::new();
    if query.window.start > query.window.end {
        return Ok(places);
    }
    places.extend(view.memories.iter().flat_map(|memory| memory.blocks()).map(Place::Memory));
    for part in &view.parts {
        let meta = &part.file.meta;
        if meta.min_time <= query.window.end && meta.max_time >= query.window.start {
            places.extend(search::candidates(part, query)?.into_iter().map(|number| Place::Part(part, number)));
        }
    }
    Ok(places)
}

/// Any odd number: the same question has the same answer.
const SEED: u64 = 0x2545_f491_4f6c_dd1d;

/// At most `limit` of all that was offered.
struct Reservoir {
    limit: usize,
    total: u64,
    state: u64,
    places: Vec<(u32, u32)>,
}

impl Reservoir {
    fn offer(&mut self, place: (u32, u32)) {
        self.total += 1;
        if self.places.len() < self.limit {
            self.places.push(place);
            return;
        }
        let at = self.random() % self.total;
        if let Some(kept) = self.places.get_mut(at as usize) {
            *kept = place;
        }
    }

    /// The next number of a xorshift generator.
    fn random(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_as_likely_as_any_other() {
        let mut kept = [0u32; 10];
        let mut reservoir = Reservoir { limit: 20, total: 0, state: SEED, places: Vec::new() };
        for _ in 0..2000 {
            (reservoir.total, reservoir.places) = (0, Vec::new());
            (0..200).for_each(|row| reservoir.offer((0, row)));
            assert_eq!((reservoir.places.len(), reservoir.total), (20, 200));
            reservoir.places.iter().for_each(|(_, row)| kept[*row as usize / 20] += 1);
        }
        // 4,000 are expected in each tenth; six standard deviations are 360.
        assert!(kept.iter().all(|kept| kept.abs_diff(4000) < 360), "{kept:?}");
    }
}
