//! Rows sorted, freed of copies, and made into a block of a part.

use std::collections::HashMap;
use std::sync::Arc;

use super::block;
use super::operations::{Counter, Operations};
use super::rows::{MAX_WEIGHT, Rows, Source};
use crate::records::{BlockHead, BlockIndex, ColumnSet, Context, MAX_BLOCK_ROWS, NewBlock, Pick, Picks};

/// In indexes, the key of spans' names: no attribute of a real sender is called so.
pub(super) const NAME: &str = "\0name";

/// Copies of a span are looked for among so many rows of its ids and start.
const COPIES: usize = 8;

/// A row of several sources, by what it is sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    trace: u128,
    start: u64,
    span: u64,
    pub(super) source: u32,
    pub(super) row: u32,
}

/// All rows by trace, within a trace by start, each once.
pub(super) fn sorted(sources: &[Source<'_>]) -> Vec<Key> {
    let mut keys = keys(sources);
    let mut kept = 0;
    for at in 0..keys.len() {
        let key = keys[at];
        let twins = keys[kept.max(COPIES) - COPIES..kept].iter().rev().take_while(|twin| twin.is_twin(key));
        if !twins.into_iter().any(|twin| same(sources, *twin, key)) {
            keys[kept] = key;
            kept += 1;
        }
    }
    keys.truncate(kept);
    keys
}

/// So many runs are sorted each by itself: of random ids each then fits into a cache of the CPU.
const RUNS: usize = 256;

/// All rows, sorted.
fn keys(sources: &[Source<'_>]) -> Vec<Key> {
    // Where each run of traces with the same first byte begins.
    let mut next = [0; RUNS + 1];
    let traces = || sources.iter().flat_map(|source| &source.rows.trace);
    traces().for_each(|trace| next[usize::from(trace.0[0]) + 1] += 1);
    for run in 0..RUNS {
        next[run + 1] += next[run];
    }
    let starts = next;
    let mut keys = vec![Key::default(); starts[RUNS]];
    for (number, source) in (0..).zip(sources) {
        let rows = source.rows;
        for row in 0..rows.len() {
            let place = &mut next[usize::from(rows.trace[row].0[0])];
            keys[*place] = Key {
                trace: u128::from_be_bytes(rows.trace[row].0),
                start: rows.start[row],
                span: u64::from_be_bytes(rows.span[row].0),
                source: number,
                row: row as u32,
            };
            *place += 1;
        }
    }
    starts.windows(2).for_each(|run| keys[run[0]..run[1]].sort_unstable());
    keys
}

impl Key {
    fn is_twin(self, other: Self) -> bool {
        (self.trace, self.start, self.span) == (other.trace, other.start, other.span)
    }
}

/// Whether two rows of the same ids and start are the same span, from the same sender.
fn same(sources: &[Source<'_>], one: Key, other: Key) -> bool {
    use tripod_wire::proto::Message;
    let (a, b) = (&sources[one.source as usize], &sources[other.source as usize]);
    let (row_a, row_b) = (one.row as usize, other.row as usize);
    let context = |source: &Source<'_>, row: usize| source.contexts[source.rows.context[row] as usize];
    context(a, row_a) == context(b, row_b)
        && a.rows.end[row_a] == b.rows.end[row_b]
        && a.rows.name.get(row_a) == b.rows.name.get(row_b)
        && a.rows.span(row_a).encode_to_vec() == b.rows.span(row_b).encode_to_vec()
}

/// The traces of sorted rows, ordered by their first start.
pub(super) fn by_start(keys: &[Key]) -> Vec<&[Key]> {
    let mut traces: Vec<&[Key]> = keys.chunk_by(|a, b| a.trace == b.trace).collect();
    traces.sort_by_key(|trace| trace[0].start);
    traces
}

/// When a trace's first row started.
pub(super) fn first_start(trace: &[Key]) -> u64 {
    trace[0].start
}

/// Cuts traces into what fits into a block each. A trace is cut only if it is large.
pub(super) fn cut(sources: &[Source<'_>], traces: &[&[Key]], mut block: impl FnMut(&[Key]) -> Outcome) -> Outcome {
    let mut rows: Vec<Key> = Vec::with_capacity(MAX_BLOCK_ROWS);
    let mut weight = 0;
    for trace in traces {
        if rows.len() + trace.len() > MAX_BLOCK_ROWS && trace.len() <= MAX_BLOCK_ROWS / 8 {
            block(&rows)?;
            rows.clear();
            weight = 0;
        }
        for key in *trace {
            let more = sources[key.source as usize].rows.weight(key.row as usize);
            if rows.len() == MAX_BLOCK_ROWS || (weight + more > MAX_WEIGHT && !rows.is_empty()) {
                block(&rows)?;
                rows.clear();
                weight = 0;
            }
            rows.push(*key);
            weight += more;
        }
    }
    if rows.is_empty() { Ok(()) } else { block(&rows) }
}

type Outcome = Result<(), crate::StoreError>;

/// Makes a block of these rows, in their order; `context` gives a context by its number in the part. Operations are counted.
pub(super) fn build(
    sources: &[Source<'_>],
    keys: &[Key],
    context: &dyn Fn(u32) -> Arc<Context>,
    operations: &mut Operations,
) -> NewBlock {
    let (rows, contexts) = gather(sources, keys);
    let contexts_of: Vec<Arc<Context>> = contexts.iter().map(|number| context(*number)).collect();
    let mut columns = ColumnSet::default();
    block::encode(&rows, &services(&contexts_of), &mut columns);
    count(&rows, &contexts_of, operations);
    let (min_time, max_time) = rows.times();
    let index = index(&rows, &contexts_of);
    let (number, memory) = (rows.len() as u32, rows.memory() as u64);
    let head = BlockHead { rows: number, min_time, max_time, memory, contexts, ..BlockHead::default() };
    NewBlock { head, columns, index }
}

/// Gathers rows in their order. Contexts become places in the list that comes with them, which has the part's numbers.
fn gather(sources: &[Source<'_>], keys: &[Key]) -> (Rows, Vec<u32>) {
    // Of many sources a block has rows of few.
    let mut used: Vec<&Source<'_>> = Vec::new();
    let mut places = vec![None; sources.len()];
    let pick = |key: &Key| {
        let source = *places[key.source as usize].get_or_insert_with(|| {
            used.push(&sources[key.source as usize]);
            used.len() as u32 - 1
        });
        Pick { source, row: key.row }
    };
    let picks: Vec<Pick> = keys.iter().map(pick).collect();
    let mut rows = Rows::default();
    rows.gather(Picks { sources: &used, picks: &picks });
    let mut contexts = rows.context.clone();
    contexts.sort_unstable();
    contexts.dedup();
    let mut local = vec![0; contexts.last().map_or(0, |last| *last as usize + 1)];
    (0..).zip(&contexts).for_each(|(at, number)| local[*number as usize] = at);
    rows.context.iter_mut().for_each(|context| *context = local[*context as usize]);
    (rows, contexts)
}

/// For each context a number that those of the same service share.
fn services(contexts: &[Arc<Context>]) -> Vec<u32> {
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    contexts
        .iter()
        .map(|context| {
            let next = numbers.len() as u32;
            *numbers.entry(&context.service).or_insert(next)
        })
        .collect()
}

fn count(rows: &Rows, contexts: &[Arc<Context>], operations: &mut Operations) {
    let mut counter = Counter::default();
    for row in 0..rows.len() {
        counter.count(rows.context[row], rows.name.codes.get(row), rows.kind.get(row));
    }
    for ((context, name, kind), count) in counter.into_counts() {
        operations.add(&contexts[context as usize].service, rows.name.dictionary.get(name), kind, count);
    }
}

fn index(rows: &Rows, contexts: &[Arc<Context>]) -> BlockIndex {
    let mut index = BlockIndex::default();
    index.attributes(&rows.attributes);
    index.attributes(&rows.events.attributes);
    let mut counts = vec![0; contexts.len()];
    rows.context.iter().for_each(|context| counts[*context as usize] += 1);
    contexts.iter().zip(counts).for_each(|(context, count)| index.context(context, count));
    let mut counts = vec![0; rows.name.dictionary.len()];
    (0..rows.len()).for_each(|row| counts[rows.name.codes.get(row) as usize] += 1);
    for (name, count) in (0..).zip(counts).filter(|(_, count)| *count > 0) {
        index.pair(NAME, &String::from_utf8_lossy(rows.name.dictionary.get(name)), count);
    }
    let failed = (0..rows.len()).filter(|row| rows.failed(*row)).count();
    if failed > 0 {
        index.pair("error", "true", failed as u32);
    }
    for (row, trace) in rows.trace.iter().enumerate() {
        if row == 0 || rows.trace[row - 1] != *trace {
            index.trace(*trace, row as u32);
        }
    }
    index
}
