//! The blocks of a view, in memory and in parts, as a query meets them: one kind of thing, read in one way.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::Logs;
use super::block::{Block, Reading};
use super::levels::Levels;
use super::search::{OfContext, Search};
use crate::engine::{Part, View};
use crate::records::{BlockHead, Context};
use crate::{StoreError, Window};

/// What is known of a block without reading it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) min_time: u64,
    pub(crate) max_time: u64,
    /// `None` where they have to be counted.
    pub(crate) levels: Option<Levels>,
}

/// A block that a query may find something in.
pub(crate) struct Unit<'v> {
    pub(crate) known: Known,
    place: Place<'v>,
    /// What the block's contexts say.
    contexts: Vec<OfContext>,
}

enum Place<'v> {
    Memory(Arc<Block>),
    Part(&'v Part<Logs>, u32),
}

/// Blocks that may have rows within the window that satisfy the query, as far as heads, postings and the filters of attributes say.
pub(crate) fn units<'v>(
    view: &'v View<Logs>,
    search: &Search<'_>,
    window: Window,
) -> Result<Vec<Unit<'v>>, StoreError> {
    let mut units = Vec::new();
    if search.query.trace_id.is_some_and(|id| !id.is_valid()) {
        return Ok(units);
    }
    for block in view.memories.iter().flat_map(|memory| memory.blocks()) {
        let known = Known::of(&block);
        let contexts: Vec<OfContext> = block.contexts.iter().map(|context| search.of_context(context)).collect();
        if search.accepts(&known, window) && contexts.iter().any(|context| context.wanted) {
            units.push(Unit { known, place: Place::Memory(block), contexts });
        }
    }
    for part in &view.parts {
        let meta = &part.file.meta;
        if meta.min_time <= window.end && meta.max_time >= window.start {
            units_of_part(part, search, window, &mut units)?;
        }
    }
    Ok(units)
}

fn units_of_part<'v>(
    part: &'v Part<Logs>,
    search: &Search<'_>,
    window: Window,
    units: &mut Vec<Unit<'v>>,
) -> Result<(), StoreError> {
    let contexts: Vec<OfContext> = part.inner.contexts().iter().map(|context| search.of_context(context)).collect();
    let has_wanted = |head: &BlockHead| head.contexts.iter().any(|context| contexts[*context as usize].wanted);
    let wanted = |head: &BlockHead| search.accepts(&Known::of_head(head), window) && has_wanted(head);
    let mut blocks: RoaringBitmap =
        (0..).zip(part.inner.heads()).filter(|(_, head)| wanted(head)).map(|(block, _)| block).collect();
    if let Some(id) = search.query.trace_id {
        let of_trace = part.inner.trace_rows(&part.file, id)?;
        blocks &= of_trace.into_iter().map(|(block, _)| block).collect::<RoaringBitmap>();
    }
    for block in search.with_attributes(&part.inner, &part.file, &contexts, blocks)? {
        let head = part.inner.head(block);
        units.push(Unit {
            known: Known::of_head(head),
            place: Place::Part(part, block),
            contexts: head.contexts.iter().map(|context| contexts[*context as usize].clone()).collect(),
        });
    }
    Ok(())
}

impl Known {
    fn of(block: &Block) -> Self {
        let times = &block.rows.time;
        let (min_time, max_time) =
            times.iter().fold((u64::MAX, 0), |(min, max), time| (min.min(*time), max.max(*time)));
        Self { min_time, max_time, levels: None }
    }

    fn of_head(head: &BlockHead) -> Self {
        Self { min_time: head.min_time, max_time: head.max_time, levels: Levels::decode(&head.extra) }
    }
}

impl Unit<'_> {
    /// Whether its filter says that what is searched for may be in it.
    pub(crate) fn may_say(&self, search: &Search<'_>) -> Result<bool, StoreError> {
        match &self.place {
            // Looking at the texts is no dearer than making a filter of them.
            Place::Memory(_) => Ok(true),
            Place::Part(part, block) => search.may_say(&part.inner, &part.file, *block),
        }
    }

    /// Whether who emitted them excludes none of its rows.
    pub(crate) fn is_wanted(&self) -> bool {
        self.contexts.iter().all(|context| context.wanted)
    }

    /// How many rows it has.
    pub(crate) fn len(&self) -> usize {
        match &self.place {
            Place::Memory(block) => block.rows.len(),
            Place::Part(part, block) => part.inner.head(*block).rows as usize,
        }
    }

    /// Whether all its rows satisfy the query, which heads alone may tell.
    pub(crate) fn is_whole(&self, search: &Search<'_>, window: Window) -> bool {
        let Known { min_time, max_time, .. } = self.known;
        !search.must_read()
            && !search.tells_levels_apart()
            && window.contains(min_time)
            && window.contains(max_time)
            && self.is_wanted()
    }

    /// Lets `read` read it.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(Reading<'_>, &[OfContext]) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match &self.place {
            Place::Memory(block) => read(Reading::Memory(&block.rows), &self.contexts),
            Place::Part(part, number) => {
                let block = part.inner.block(&part.file, *number)?;
                read(Reading::Disk(&block, block.rows(), self.contexts.len()), &self.contexts)
            }
        }
    }

    /// How many contexts its rows may name.
    pub(crate) fn context_count(&self) -> usize {
        self.contexts.len()
    }

    /// The context that rows call by this number, which was checked when it was read.
    pub(crate) fn context(&self, number: u32) -> &Context {
        match &self.place {
            Place::Memory(block) => block.contexts.get(number),
            Place::Part(part, block) => part.inner.context(part.inner.head(*block).contexts[number as usize]),
        }
    }
}
