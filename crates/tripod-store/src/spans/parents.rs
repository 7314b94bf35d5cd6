//! Parents that are not in their child's block: which services they are of.
//!
//! Few are looked up trace by trace. Many are found by a pass over ids, of memory and of the blocks of parts that began at most an
//! hour before the window: what runs longer than that has its late children counted as calls.

use std::collections::HashMap;
use std::collections::HashSet;

use tripod_wire::{SpanId, TraceId};

use super::blocks::{Block, Stored};
use super::{Spans, fetch, memory};
use crate::engine::View;
use crate::{StoreError, Window};

/// More traces than this are not looked up one by one.
const FEW: usize = 512;

/// How long before the window a parent may have begun where many are looked for, in nanoseconds.
const BEFORE: u64 = 60 * 60 * 1_000_000_000;

/// A span by its ids.
pub(super) type Ids = (TraceId, SpanId);

/// The services of spans by their ids.
pub(super) type Found = HashMap<Ids, Vec<u32>, foldhash::fast::RandomState>;

/// Services by number.
#[derive(Debug, Default)]
pub(super) struct Services {
    pub(super) names: Vec<String>,
    numbers: HashMap<String, u32, foldhash::fast::RandomState>,
}

impl Services {
    /// For each context of a block, the number of its service.
    pub(super) fn of(&mut self, block: &Block<'_>) -> Vec<u32> {
        block.contexts().map(|context| self.number(&context.service)).collect()
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }
}

/// The services of the spans that are known by these parents' ids; with each comes its child's service. One id may be several
/// spans'. Parts are asked where what is in memory does not suffice: `enough` is told it, and the child's service.
pub(super) fn services(
    view: &View<Spans>,
    wanted: impl Iterator<Item = (Ids, u32)> + Clone,
    window: Window,
    services: &mut Services,
    enough: impl Fn(&[u32], u32) -> bool,
) -> Result<Found, StoreError> {
    let mut found: Found = wanted.clone().map(|(ids, _)| (ids, Vec::new())).collect();
    if found.is_empty() {
        return Ok(found);
    }
    for block in view.memories.iter().flat_map(|memory| memory.blocks()) {
        let block = memory::read(&block);
        let of_context = services.of(&Block::Memory(&block));
        let rows = &block.rows;
        for row in 0..rows.len() {
            if let Some(known) = found.get_mut(&(rows.trace[row], rows.span[row])) {
                known.push(of_context[rows.context[row] as usize]);
            }
        }
    }
    let missing: HashSet<Ids> =
        wanted.filter(|(ids, child)| !enough(&found[ids], *child)).map(|(ids, _)| ids).collect();
    let traces: HashSet<TraceId> = missing.iter().map(|(trace, _)| *trace).collect();
    if traces.len() <= FEW {
        let traces: Vec<TraceId> = traces.into_iter().collect();
        fetch::in_parts(view, &traces, &mut |which, block, row| {
            let ids = (traces[which], block.span()?[row]);
            if let Some(known) = found.get_mut(&ids).filter(|_| missing.contains(&ids)) {
                let context = block.context_of(block.context()?[row]);
                known.push(services.number(&context.service));
            }
            Ok(())
        })?;
    } else {
        let window = Window { start: window.start.saturating_sub(BEFORE), end: window.end };
        scan(view, &missing, window, services, &mut found)?;
    }
    Ok(found)
}

fn scan(
    view: &View<Spans>,
    missing: &HashSet<Ids>,
    window: Window,
    services: &mut Services,
    found: &mut Found,
) -> Result<(), StoreError> {
    let spans: HashSet<SpanId, foldhash::fast::RandomState> = missing.iter().map(|(_, span)| *span).collect();
    for part in &view.parts {
        for (number, head) in (0..).zip(part.inner.records.heads()) {
            if head.min_time > window.end || head.max_time < window.start {
                continue;
            }
            let block = Stored::open(part, number)?;
            let of_context = services.of(&block);
            for (row, span) in block.span()?.iter().enumerate().filter(|(_, span)| spans.contains(span)) {
                let ids = (block.trace()?[row], *span);
                if let Some(known) = found.get_mut(&ids).filter(|_| missing.contains(&ids)) {
                    known.push(of_context[block.context()?[row] as usize]);
                }
            }
        }
    }
    Ok(())
}
