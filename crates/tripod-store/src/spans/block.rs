//! Spans as the columns of a block, and back.
//!
//! Rows of a trace stand next to one another, in order of their start. So a trace's id is kept once, a parent is the distance to its
//! row where that is in the same trace and block, an end is a duration, and what all rows leave at its default has no column.

use std::collections::HashMap;
use std::ops::Range;

use tripod_wire::otlp::trace::SpanKind;
use tripod_wire::{SpanId, TraceId};

use super::children::{Ends, Events, Links};
use super::rows::Rows;
use crate::StoreError;
use crate::columns::varint::{unzigzag, zigzag};
use crate::columns::{MAX_VALUES, Malformed, fixed, ints};
use crate::records::{Attributes, ColumnSet, ColumnSource};
use crate::records::{Coded, Rare};

/// In the column of parents: no parent, one that is in the list of ids; from then on, distances.
const NO_PARENT: u64 = 0;
const PARENT_ELSEWHERE: u64 = 1;
const PARENT_HERE: u64 = 2;

/// Traces of more spans than this have them found by hash.
const FEW: usize = 32;

/// What is known of a row's being a call: an entry into its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    No = 0,
    Yes = 1,
    /// Its parent, which decides, is not in the block; or one of that id is, of another service, and there may be more.
    Undecided = 2,
}

/// Where a row's parent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parent {
    None,
    /// In this row of the block.
    Row(u32),
    /// In no row of the block.
    Elsewhere(SpanId),
}

/// Encodes rows; `services` says which service each of their contexts is of, by a number.
pub(super) fn encode(rows: &Rows, services: &[u32], columns: &mut ColumnSet) {
    let groups: Vec<Range<usize>> = groups(&rows.trace).collect();
    let ids: Vec<[u8; 16]> = groups.iter().map(|group| rows.trace[group.start].0).collect();
    put_fixed(columns, "trace", &ids);
    let mut firsts = vec![0; rows.len()];
    groups.iter().for_each(|group| firsts[group.start] = 1);
    put_ints(columns, "first", &firsts);
    let ids: Vec<[u8; 8]> = rows.span.iter().map(|id| id.0).collect();
    put_fixed(columns, "span", &ids);
    let links = relations(rows, &groups, services);
    put_ints(columns, "parent", &links.parents);
    if !links.elsewhere.is_empty() {
        put_fixed(columns, "parent.id", &links.elsewhere);
    }
    put_ints(columns, "call", &links.calls);
    put_ints(columns, "start", &rows.start);
    let durations: Vec<u64> = rows.start.iter().zip(&rows.end).map(|(start, end)| end.wrapping_sub(*start)).collect();
    put_ints(columns, "dur", &durations);
    let contexts: Vec<u64> = rows.context.iter().map(|context| u64::from(*context)).collect();
    put_ints(columns, "context", &contexts);
    put_text(columns, "name", &rows.name, rows.len());
    put_rare_signed(columns, "kind", &rows.kind, rows.len());
    put_rare_signed(columns, "status", &rows.status, rows.len());
    put_text(columns, "message", &rows.message, rows.len());
    put_text(columns, "state", &rows.state, rows.len());
    put_rare(columns, "flags", &rows.flags, rows.len());
    put_rare(columns, "drop", &rows.dropped_attributes, rows.len());
    put_rare(columns, "ev.dropped", &rows.dropped_events, rows.len());
    put_rare(columns, "ln.dropped", &rows.dropped_links, rows.len());
    rows.attributes.encode("at.", columns);
    rows.events.encode(&rows.start, columns);
    rows.links.encode(columns);
}

/// The runs of rows of one trace.
fn groups(traces: &[TraceId]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    traces.chunk_by(|a, b| a == b).map(move |run| {
        let range = start..start + run.len();
        start = range.end;
        range
    })
}

/// How rows are related.
struct Relations {
    parents: Vec<u64>,
    elsewhere: Vec<[u8; 8]>,
    calls: Vec<u64>,
}

fn relations(rows: &Rows, groups: &[Range<usize>], services: &[u32]) -> Relations {
    let with_room = || Vec::with_capacity(rows.len());
    let mut relations = Relations { parents: with_room(), elsewhere: Vec::new(), calls: with_room() };
    let service = |row: usize| services[rows.context[row] as usize];
    let mut by_id: HashMap<SpanId, Vec<u32>, foldhash::fast::RandomState> = HashMap::default();
    for group in groups {
        by_id.clear();
        if group.len() > FEW {
            group.clone().for_each(|row| by_id.entry(rows.span[row]).or_default().push(row as u32));
        }
        for row in group.clone() {
            let parent = rows.parent[row];
            // A row with the parent's id: one of the same service if there is one, as client and server may share an id.
            let mut found = None;
            let mut same = false;
            let mut look = |at: usize| {
                if found.is_none() || (!same && service(at) == service(row)) {
                    found = Some(at);
                    same = service(at) == service(row);
                }
            };
            if !parent.is_valid() {
            } else if group.len() > FEW {
                by_id.get(&parent).into_iter().flatten().for_each(|at| look(*at as usize));
            } else {
                group.clone().filter(|at| rows.span[*at] == parent).for_each(&mut look);
            }
            relations.parents.push(match found {
                _ if !parent.is_valid() => NO_PARENT,
                Some(at) => PARENT_HERE + zigzag(at as i64 - row as i64),
                None => {
                    relations.elsewhere.push(parent.0);
                    PARENT_ELSEWHERE
                }
            });
            let entry = matches!(SpanKind(rows.kind.get(row)), SpanKind::SERVER | SpanKind::CONSUMER);
            let call = match found {
                _ if entry || !parent.is_valid() => Call::Yes,
                Some(_) if same => Call::No,
                _ => Call::Undecided,
            };
            relations.calls.push(call as u64);
        }
    }
    relations
}

/// Decodes all columns.
pub(super) fn decode(block: Reading<'_>) -> Result<Rows, StoreError> {
    let trace = traces(block)?;
    let span = spans(block)?;
    let start = block.ints("start")?;
    let end = ends(block, &start)?;
    let parent = parents(block)?.into_iter().map(|parent| match parent {
        Parent::None => SpanId::NONE,
        Parent::Row(row) => span[row as usize],
        Parent::Elsewhere(id) => id,
    });
    Ok(Rows {
        parent: parent.collect(),
        context: contexts(block)?,
        name: block.text("name")?,
        kind: block.rare_signed("kind")?,
        status: block.rare_signed("status")?,
        message: block.text("message")?,
        state: block.text("state")?,
        flags: block.rare("flags")?,
        dropped_attributes: block.rare("drop")?,
        dropped_events: block.rare("ev.dropped")?,
        dropped_links: block.rare("ln.dropped")?,
        attributes: block.attributes("at.")?,
        events: Events::decode(&start, block)?,
        links: Links::decode(block)?,
        trace,
        span,
        start,
        end,
    })
}

/// The trace of each row: the next one begins at each row that is a first.
pub(super) fn traces(block: Reading<'_>) -> Result<Vec<TraceId>, StoreError> {
    let firsts = block.ints("first")?;
    let count = firsts.iter().filter(|first| **first != 0).count();
    let mut ids = block.of("first", count)?.fixed("trace")?.into_iter();
    let mut id = [0; 16];
    let mut traces = Vec::with_capacity(block.rows);
    for first in firsts {
        if first != 0 {
            id = ids.next().unwrap_or_default();
        }
        traces.push(TraceId(id));
    }
    Ok(traces)
}

/// The id of each row.
pub(super) fn spans(block: Reading<'_>) -> Result<Vec<SpanId>, StoreError> {
    Ok(block.fixed("span")?.into_iter().map(SpanId).collect())
}

/// The end of each row, by its start.
pub(super) fn ends(block: Reading<'_>, starts: &[u64]) -> Result<Vec<u64>, StoreError> {
    let mut ends = block.ints("dur")?;
    ends.iter_mut().zip(starts).for_each(|(end, start)| *end = end.wrapping_add(*start));
    Ok(ends)
}

/// The context of each row.
pub(super) fn contexts(block: Reading<'_>) -> Result<Vec<u32>, StoreError> {
    let contexts: Vec<u32> = block.ints("context")?.into_iter().map(|context| context as u32).collect();
    if contexts.iter().any(|context| *context >= block.contexts) {
        return Err(block.source.damaged("context", Malformed("a context that the block has not")));
    }
    Ok(contexts)
}

/// The parent of each row.
pub(super) fn parents(block: Reading<'_>) -> Result<Vec<Parent>, StoreError> {
    let codes = block.ints("parent")?;
    let elsewhere = codes.iter().filter(|code| **code == PARENT_ELSEWHERE).count();
    let ids = if elsewhere == 0 { Vec::new() } else { block.of("parent.id", elsewhere)?.fixed("parent.id")? };
    let mut ids = ids.into_iter();
    let parent = |(row, code): (usize, u64)| match code {
        NO_PARENT => Ok(Parent::None),
        PARENT_ELSEWHERE => Ok(Parent::Elsewhere(SpanId(ids.next().unwrap_or_default()))),
        distance => {
            let at = (row as i64).wrapping_add(unzigzag(distance - PARENT_HERE)) as usize;
            let out = || block.source.damaged("parent", Malformed("a parent out of the block"));
            if at < block.rows { Ok(Parent::Row(at as u32)) } else { Err(out()) }
        }
    };
    codes.into_iter().enumerate().map(parent).collect()
}

/// What is known of each row's being a call.
pub(super) fn calls(block: Reading<'_>) -> Result<Vec<Call>, StoreError> {
    let call = |code| match code {
        0 => Ok(Call::No),
        1 => Ok(Call::Yes),
        2 => Ok(Call::Undecided),
        _ => Err(block.source.damaged("call", Malformed("neither a call nor none"))),
    };
    block.ints("call")?.into_iter().map(call).collect()
}

/// The children's rows, for their attributes: which row each event belongs to.
pub(super) fn events(block: Reading<'_>) -> Result<(Ends, usize), StoreError> {
    Ends::decode("ev.n", block)
}

/// A block that is being decoded.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) source: &'a dyn ColumnSource,
    pub(super) rows: usize,
    /// How many contexts its rows may name.
    pub(super) contexts: u32,
}

impl Reading<'_> {
    /// The same with another number of values: those of column `name`, which says how many.
    pub(super) fn of(self, name: &str, rows: usize) -> Result<Self, StoreError> {
        if rows > MAX_VALUES {
            return Err(self.source.damaged(name, Malformed("more rows than a block can have")));
        }
        Ok(Self { rows, ..self })
    }

    fn bytes(self, name: &str) -> Result<Vec<u8>, StoreError> {
        self.source.column(name)?.ok_or_else(|| self.source.damaged(name, Malformed("the column is missing")))
    }

    /// Numbers; a column that is not there holds zeros.
    pub(super) fn ints(self, name: &str) -> Result<Vec<u64>, StoreError> {
        match self.source.column(name)? {
            Some(bytes) => ints::decode(&bytes, self.rows).map_err(|reason| self.source.damaged(name, reason)),
            None => Ok(vec![0; self.rows]),
        }
    }

    pub(super) fn fixed<const N: usize>(self, name: &str) -> Result<Vec<[u8; N]>, StoreError> {
        match self.rows {
            0 => Ok(Vec::new()),
            rows => fixed::decode(&self.bytes(name)?, rows).map_err(|reason| self.source.damaged(name, reason)),
        }
    }

    pub(super) fn text(self, name: &str) -> Result<Coded, StoreError> {
        match self.source.column(name)? {
            Some(bytes) => Coded::decode(&bytes, self.rows).map_err(|reason| self.source.damaged(name, reason)),
            None => Ok(Coded::default()),
        }
    }

    pub(super) fn rare(self, name: &str) -> Result<Rare<u32>, StoreError> {
        Ok(match self.source.column(name)? {
            Some(_) => self.ints(name)?.into_iter().map(|value| value as u32).collect::<Vec<_>>().into(),
            None => Rare::default(),
        })
    }

    pub(super) fn rare_signed(self, name: &str) -> Result<Rare<i32>, StoreError> {
        Ok(match self.source.column(name)? {
            Some(_) => self.ints(name)?.into_iter().map(|value| unzigzag(value) as i32).collect::<Vec<_>>().into(),
            None => Rare::default(),
        })
    }

    pub(super) fn attributes(self, prefix: &str) -> Result<Attributes, StoreError> {
        Attributes::decode(prefix, self.rows, self.source)
    }
}

/// Adds a column of numbers, unless all are zero.
pub(super) fn put_ints(columns: &mut ColumnSet, name: &str, values: &[u64]) {
    if values.iter().any(|value| *value != 0) {
        columns.add(name, |out| ints::encode(values, out));
    }
}

pub(super) fn put_fixed<const N: usize>(columns: &mut ColumnSet, name: &str, values: &[[u8; N]]) {
    columns.add(name, |out| fixed::encode(values, out));
}

pub(super) fn put_text(columns: &mut ColumnSet, name: &str, values: &Coded, rows: usize) {
    if !values.codes.is_empty() {
        columns.add(name, |out| values.encode(rows, out));
    }
}

pub(super) fn put_rare(columns: &mut ColumnSet, name: &str, values: &Rare<u32>, rows: usize) {
    if !values.is_empty() {
        put_ints(columns, name, &(0..rows).map(|row| values.get(row).into()).collect::<Vec<_>>());
    }
}

fn put_rare_signed(columns: &mut ColumnSet, name: &str, values: &Rare<i32>, rows: usize) {
    if !values.is_empty() {
        put_ints(columns, name, &(0..rows).map(|row| zigzag(values.get(row).into())).collect::<Vec<_>>());
    }
}
