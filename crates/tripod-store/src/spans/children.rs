//! What spans have several of: events and links, in columns of their own. A span's children stand next to one another.

use tripod_wire::otlp::KeyValue;
use tripod_wire::otlp::trace::{Event, Link};
use tripod_wire::{SpanId, TraceId};

use super::block::{Reading, put_fixed, put_ints, put_rare, put_text};
use crate::StoreError;
use crate::records::{Attributes, Coded, ColumnSet, Pick, Picks, Rare};

/// Which children belong to which row: where the last one of each ends.
#[derive(Debug, Clone, Default)]
pub(super) struct Ends(Vec<u32>);

impl Ends {
    /// The children of a row.
    pub(super) fn of(&self, row: usize) -> std::ops::Range<usize> {
        let start = if row == 0 { 0 } else { self.0[row - 1] as usize };
        start..self.0[row] as usize
    }

    /// The row that a child belongs to.
    pub(super) fn row_of(&self, child: u32) -> u32 {
        self.0.partition_point(|end| *end <= child) as u32
    }

    /// Ends a row whose last child is the one before `end`.
    pub(super) fn push(&mut self, end: usize) {
        self.0.push(end as u32);
    }

    /// Makes room for so many rows more.
    pub(super) fn reserve(&mut self, rows: usize) {
        self.0.reserve_exact(rows);
    }

    /// Adds the ends of many rows behind those that are there; their children are returned.
    fn gather<S>(&mut self, from: Picks<'_, S>, ends: impl Fn(&S) -> &Self) -> Vec<Pick> {
        let mut end = self.0.last().copied().unwrap_or_default() as usize;
        let mut children = Vec::new();
        for pick in from.picks {
            let range = ends(from.sources[pick.source as usize]).of(pick.row as usize);
            end += range.len();
            children.extend(range.map(|child| Pick { source: pick.source, row: child as u32 }));
            self.push(end);
        }
        children
    }

    fn encode(&self, name: &str, columns: &mut ColumnSet) {
        let counts: Vec<u64> = (0..self.0.len()).map(|row| self.of(row).len() as u64).collect();
        put_ints(columns, name, &counts);
    }

    /// The ends, and how many children there are.
    pub(super) fn decode(name: &str, block: Reading<'_>) -> Result<(Self, usize), StoreError> {
        let mut end = 0u64;
        let mut ends = Vec::with_capacity(block.rows);
        for count in block.ints(name)? {
            end = end.saturating_add(count);
            ends.push(end.min(u32::MAX.into()) as u32);
        }
        Ok((Self(ends), end as usize))
    }

    /// Whether there is no child at all.
    pub(super) fn none(&self) -> bool {
        self.0.last().is_none_or(|end| *end == 0)
    }

    fn memory(&self) -> usize {
        self.0.capacity() * size_of::<u32>()
    }
}

/// Moments in spans.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) ends: Ends,
    pub(super) time: Vec<u64>,
    pub(super) name: Coded,
    pub(super) dropped: Rare<u32>,
    pub(super) attributes: Attributes,
}

/// Pointers from spans to spans.
#[derive(Debug, Default)]
pub(super) struct Links {
    pub(super) ends: Ends,
    pub(super) trace: Vec<TraceId>,
    pub(super) span: Vec<SpanId>,
    pub(super) state: Coded,
    pub(super) flags: Rare<u32>,
    pub(super) dropped: Rare<u32>,
    pub(super) attributes: Attributes,
}

impl Events {
    /// The events of a row.
    pub(super) fn of(&self, row: usize) -> Vec<Event> {
        let event = |at| Event {
            time_unix_nano: self.time[at],
            name: self.name.text(at),
            attributes: key_values(&self.attributes, at),
            dropped_attributes_count: self.dropped.get(at),
        };
        self.ends.of(row).map(event).collect()
    }

    /// Adds those of many rows.
    pub(super) fn gather<S>(&mut self, from: Picks<'_, S>, events: impl Fn(&S) -> &Self) {
        let at = self.time.len();
        let children = self.ends.gather(from, |source| &events(source).ends);
        if !children.is_empty() {
            let children = Picks { picks: &children, ..from };
            self.time.extend(children.values(|source| &events(source).time));
            self.name.gather(at, children, |source| &events(source).name);
            self.dropped.gather(at, children, |source| &events(source).dropped);
            self.attributes.push_rows(children, |source| &events(source).attributes);
        }
    }

    /// Adds the columns; times count from the span's start.
    pub(super) fn encode(&self, starts: &[u64], columns: &mut ColumnSet) {
        if self.ends.none() {
            return;
        }
        self.ends.encode("ev.n", columns);
        let mut times = Vec::with_capacity(self.time.len());
        for (row, start) in starts.iter().enumerate() {
            times.extend(self.ends.of(row).map(|at| self.time[at].wrapping_sub(*start)));
        }
        put_ints(columns, "ev.time", &times);
        put_text(columns, "ev.name", &self.name, times.len());
        put_rare(columns, "ev.drop", &self.dropped, times.len());
        self.attributes.encode("ev.", columns);
    }

    /// What [`Self::encode`] wrote.
    pub(super) fn decode(starts: &[u64], block: Reading<'_>) -> Result<Self, StoreError> {
        let (ends, count) = Ends::decode("ev.n", block)?;
        let children = block.of("ev.n", count)?;
        let mut time = children.ints("ev.time")?;
        for (row, start) in starts.iter().enumerate() {
            time[ends.of(row)].iter_mut().for_each(|time| *time = time.wrapping_add(*start));
        }
        let (name, dropped) = (children.text("ev.name")?, children.rare("ev.drop")?);
        Ok(Self { ends, time, name, dropped, attributes: children.attributes("ev.")? })
    }

    pub(super) fn memory(&self) -> usize {
        self.ends.memory()
            + self.time.capacity() * size_of::<u64>()
            + self.name.memory()
            + self.dropped.memory()
            + self.attributes.memory()
    }
}

impl Links {
    /// The links of a row.
    pub(super) fn of(&self, row: usize) -> Vec<Link> {
        let link = |at| Link {
            trace_id: self.trace[at],
            span_id: self.span[at],
            trace_state: self.state.text(at),
            attributes: key_values(&self.attributes, at),
            dropped_attributes_count: self.dropped.get(at),
            flags: self.flags.get(at),
        };
        self.ends.of(row).map(link).collect()
    }

    /// Adds those of many rows.
    pub(super) fn gather<S>(&mut self, from: Picks<'_, S>, links: impl Fn(&S) -> &Self) {
        let at = self.trace.len();
        let children = self.ends.gather(from, |source| &links(source).ends);
        if !children.is_empty() {
            let children = Picks { picks: &children, ..from };
            self.trace.extend(children.values(|source| &links(source).trace));
            self.span.extend(children.values(|source| &links(source).span));
            self.state.gather(at, children, |source| &links(source).state);
            self.flags.gather(at, children, |source| &links(source).flags);
            self.dropped.gather(at, children, |source| &links(source).dropped);
            self.attributes.push_rows(children, |source| &links(source).attributes);
        }
    }

    /// Adds the columns.
    pub(super) fn encode(&self, columns: &mut ColumnSet) {
        if self.ends.none() {
            return;
        }
        self.ends.encode("ln.n", columns);
        let ids: Vec<[u8; 16]> = self.trace.iter().map(|id| id.0).collect();
        put_fixed(columns, "ln.trace", &ids);
        let ids: Vec<[u8; 8]> = self.span.iter().map(|id| id.0).collect();
        put_fixed(columns, "ln.span", &ids);
        put_text(columns, "ln.state", &self.state, self.trace.len());
        put_rare(columns, "ln.flags", &self.flags, self.trace.len());
        put_rare(columns, "ln.drop", &self.dropped, self.trace.len());
        self.attributes.encode("ln.", columns);
    }

    /// What [`Self::encode`] wrote.
    pub(super) fn decode(block: Reading<'_>) -> Result<Self, StoreError> {
        let (ends, count) = Ends::decode("ln.n", block)?;
        let children = block.of("ln.n", count)?;
        Ok(Self {
            ends,
            trace: children.fixed("ln.trace")?.into_iter().map(TraceId).collect(),
            span: children.fixed("ln.span")?.into_iter().map(SpanId).collect(),
            state: children.text("ln.state")?,
            flags: children.rare("ln.flags")?,
            dropped: children.rare("ln.drop")?,
            attributes: children.attributes("ln.")?,
        })
    }

    pub(super) fn memory(&self) -> usize {
        self.ends.memory()
            + self.trace.capacity() * size_of::<TraceId>()
            + self.span.capacity() * size_of::<SpanId>()
            + self.state.memory()
            + self.flags.memory()
            + self.dropped.memory()
            + self.attributes.memory()
    }
}

/// The attributes of a row as messages.
pub(super) fn key_values(attributes: &Attributes, row: usize) -> Vec<KeyValue> {
    attributes.row(row).map(|(key, value)| KeyValue { key: key.to_owned(), value: value.to_any() }).collect()
}
