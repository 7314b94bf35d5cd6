//! Parts of one day as one: series come together by labels, series by series, so memory does not grow with what is merged
//! beyond what a writer keeps.
//!
//! Chunks that are long, or alone in their window of time, are copied as bytes. Neighbours that are short are decoded and
//! encoded as one; their times are put together once for all series that share them. Only where chunks of a series overlap in
//! time are its samples merged one by one: of equal times the later part's stays.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::entries::{Block, Chunk, Column, Kind, SERIES};
use super::pieces::Pieces;
use super::query::{Pair, Query, SeriesPart};
use super::writer::{self, SeriesWriter, WINDOW, WINDOW_OF_HISTOGRAMS};
use super::{exemplars, histograms, values};
use crate::engine::{NewPart, PartFile};
use crate::samples::gather;
use crate::{Exemplar, Metadata, NativeHistogram, StoreError};

/// So many columns of times that were put together are found again; then all are forgotten.
const REMEMBERED: usize = 1 << 17;
/// Times of columns that are kept of each input: what was put together once is not read again.
const KEPT_TIMES: usize = 1 << 18;

/// Writes parts of one kind and day as one. They come oldest first.
pub(crate) fn merge<'p>(parts: &[(&SeriesPart, &PartFile)], into: NewPart<'p>) -> Result<NewPart<'p>, StoreError> {
    let mut inputs = parts.iter().map(|(part, file)| Input::new(part, file)).collect::<Result<Vec<_>, _>>()?;
    let mut merger = Merger {
        writer: SeriesWriter::new(into)?,
        columns: HashMap::default(),
        scratch: values::Scratch::default(),
        decoded: Vec::new(),
        values: Vec::new(),
        bytes: Vec::new(),
    };
    while let Some(chosen) = lowest(&inputs) {
        merger.series(&mut inputs, &chosen)?;
        for at in chosen {
            inputs[at].next()?;
        }
    }
    let mut metadata = BTreeMap::<String, Metadata>::new();
    for input in &inputs {
        metadata.append(&mut input.query.metadata()?);
    }
    merger.writer.finish(metadata.iter().map(|(family, metadata)| (family.as_str(), metadata)))
}

/// A part that is read series by series.
struct Input<'a> {
    query: Query<'a>,
    pieces: Pieces<'a>,
    block: Block,
    /// The series it is at, and that one's labels.
    series: u32,
    labels: Vec<Pair>,
}

impl<'a> Input<'a> {
    fn new(part: &'a SeriesPart, file: &'a PartFile) -> Result<Self, StoreError> {
        let query = part.query(file).keeping_times(KEPT_TIMES);
        let mut input =
            Self { query, pieces: Pieces::new(file), block: Block::default(), series: 0, labels: Vec::new() };
        input.load()?;
        Ok(input)
    }

    fn ended(&self) -> bool {
        self.series >= self.query.footer.series
    }

    fn next(&mut self) -> Result<(), StoreError> {
        self.series += 1;
        self.load()
    }

    fn load(&mut self) -> Result<(), StoreError> {
        if self.ended() {
            return Ok(());
        }
        if self.series.is_multiple_of(SERIES) {
            self.block = self.query.block(self.series / SERIES)?;
        }
        self.query.texts(self.block.labels((self.series % SERIES) as usize), &mut self.labels)?;
        self.pieces.plan(self.block.chunks(self.at()));
        Ok(())
    }

    fn at(&self) -> usize {
        (self.series % SERIES) as usize
    }
}

/// The inputs that are at the lowest labels, in their order; none at the end.
fn lowest(inputs: &[Input<'_>]) -> Option<Vec<usize>> {
    let mut chosen: Vec<usize> = Vec::new();
    for (at, input) in inputs.iter().enumerate().filter(|(_, input)| !input.ended()) {
        match chosen.first().map_or(Ordering::Less, |first| input.labels.cmp(&inputs[*first].labels)) {
            Ordering::Less => chosen = vec![at],
            Ordering::Equal => chosen.push(at),
            Ordering::Greater => {}
        }
    }
    (!chosen.is_empty()).then_some(chosen)
}

/// A chunk of an input.
#[derive(Clone, Copy)]
struct Source {
    input: usize,
    chunk: Chunk,
    column: Column,
}

struct Merger<'p> {
    writer: SeriesWriter<'p>,
    /// Columns of the part that is written, by those of the inputs that they were made of.
    columns: HashMap<Vec<(u32, u64)>, u32, foldhash::quality::RandomState>,
    scratch: values::Scratch,
    decoded: Vec<f64>,
    values: Vec<f64>,
    bytes: Vec<u8>,
}

impl Merger<'_> {
    fn series(&mut self, inputs: &mut [Input<'_>], chosen: &[usize]) -> Result<(), StoreError> {
        for kind in [Kind::Floats, Kind::Histograms, Kind::Exemplars] {
            let mut sources: Vec<Source> = Vec::new();
            for input in chosen {
                let block = &inputs[*input].block;
                let chunks = block.chunks(inputs[*input].at()).iter().filter(|chunk| chunk.kind == kind);
                sources.extend(chunks.map(|chunk| Source {
                    input: *input,
                    chunk: *chunk,
                    column: *block.column(chunk),
                }));
            }
            if sources.is_empty() {
                continue;
            }
            // Chunks of one part never overlap; of two that begin at once the older part's comes first.
            sources.sort_by_key(|source| source.column.first);
            let apart = sources.windows(2).all(|pair| pair[0].column.last < pair[1].column.first);
            match kind {
                Kind::Floats if apart => self.floats(inputs, &sources)?,
                Kind::Floats => {
                    let floats = self.overlapping(inputs, sources)?;
                    self.writer.floats(&floats)?;
                }
                Kind::Histograms if apart => self.histograms(inputs, &sources)?,
                Kind::Histograms => {
                    sources.sort_by_key(|source| source.input);
                    let mut list = decode_histograms(inputs, &sources)?;
                    gather::in_order(&mut list);
                    self.writer.histograms(&list)?;
                }
                Kind::Exemplars => {
                    let list = decode_exemplars(inputs, &sources)?;
                    self.writer.exemplars(&list)?;
                }
            }
        }
        let labels = &inputs[chosen[0]].labels;
        let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
        self.writer.end_series(&labels);
        Ok(())
    }

    fn floats(&mut self, inputs: &mut [Input<'_>], sources: &[Source]) -> Result<(), StoreError> {
        for group in groups(sources, WINDOW) {
            let sources = &sources[group];
            let column = self.column(inputs, sources)?;
            if let [source] = sources {
                let bytes = inputs[source.input].pieces.get(&source.chunk.values)?;
                self.writer.chunk(Kind::Floats, column, bytes)?;
                continue;
            }
            self.values.clear();
            for source in sources {
                self.decode(inputs, source)?;
                self.values.extend_from_slice(&self.decoded);
            }
            self.writer.values(column, &self.values, &mut self.bytes)?;
        }
        Ok(())
    }

    /// Decodes the values of a chunk of floats.
    fn decode(&mut self, inputs: &mut [Input<'_>], source: &Source) -> Result<(), StoreError> {
        let input = &mut inputs[source.input];
        let bytes = input.pieces.get(&source.chunk.values)?;
        values::decode(bytes, source.column.count as usize, &mut self.scratch, &mut self.decoded)
            .map_err(|malformed| input.query.damaged(&source.column, malformed))
    }

    /// The column of the new part with the times of these chunks.
    fn column(&mut self, inputs: &mut [Input<'_>], sources: &[Source]) -> Result<u32, StoreError> {
        let key: Vec<_> = sources.iter().map(|source| (source.input as u32, source.column.place.offset)).collect();
        if let Some(column) = self.columns.get(&key) {
            return Ok(*column);
        }
        let mut times = Vec::new();
        for source in sources {
            times.extend_from_slice(&inputs[source.input].query.times(&source.column)?);
        }
        let column = self.writer.column(&times)?;
        if self.columns.len() >= REMEMBERED {
            self.columns.clear();
        }
        self.columns.insert(key, column);
        Ok(column)
    }

    /// Samples of chunks that overlap, in order of time.
    fn overlapping(
        &mut self,
        inputs: &mut [Input<'_>],
        mut sources: Vec<Source>,
    ) -> Result<Vec<(i64, f64)>, StoreError> {
        sources.sort_by_key(|source| source.input);
        let mut floats = Vec::new();
        for source in &sources {
            self.decode(inputs, source)?;
            let times = inputs[source.input].query.times(&source.column)?;
            floats.extend(times.iter().copied().zip(self.decoded.iter().copied()));
        }
        gather::in_order(&mut floats);
        Ok(floats)
    }

    fn histograms(&mut self, inputs: &mut [Input<'_>], sources: &[Source]) -> Result<(), StoreError> {
        for group in groups(sources, WINDOW_OF_HISTOGRAMS) {
            let sources = &sources[group];
            if let [source] = sources {
                let column = self.column(inputs, sources)?;
                let bytes = inputs[source.input].pieces.get(&source.chunk.values)?;
                self.writer.chunk(Kind::Histograms, column, bytes)?;
            } else {
                let list = decode_histograms(inputs, sources)?;
                self.writer.histograms(&list)?;
            }
        }
        Ok(())
    }
}

/// Chunks, in order of time, that become one: neighbours in a window of time that are less than half full.
fn groups(sources: &[Source], most: u64) -> Vec<Range<usize>> {
    let count: u64 = sources.iter().map(|source| u64::from(source.column.count)).sum();
    let (Some(first), Some(last)) = (sources.first(), sources.last()) else { return Vec::new() };
    let shift = writer::window(first.column.first, last.column.last, count, most);
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut held = 0;
    for (at, source) in sources.iter().enumerate() {
        let count = u64::from(source.column.count);
        let joins = groups.last().is_some_and(|group| {
            let start = &sources[group.start].column;
            start.first >> shift == source.column.first >> shift && held < most / 2 && count < most / 2
        });
        match groups.last_mut() {
            Some(group) if joins && held + count <= 2 * most => group.end = at + 1,
            _ => {
                groups.push(at..at + 1);
                held = 0;
            }
        }
        held += count;
    }
    groups
}

fn decode_histograms(
    inputs: &mut [Input<'_>],
    sources: &[Source],
) -> Result<Vec<(i64, Arc<NativeHistogram>)>, StoreError> {
    let mut list = Vec::new();
    for source in sources {
        let input = &mut inputs[source.input];
        let times = input.query.times(&source.column)?;
        let decoded = histograms::decode(input.pieces.get(&source.chunk.values)?, times.len())
            .map_err(|malformed| input.query.damaged(&source.column, malformed))?;
        list.extend(times.iter().copied().zip(decoded));
    }
    Ok(list)
}

/// Exemplars of a series, each once, in order of time.
fn decode_exemplars(inputs: &mut [Input<'_>], sources: &[Source]) -> Result<Vec<Exemplar>, StoreError> {
    let mut list: Vec<Exemplar> = Vec::new();
    for source in sources {
        let input = &mut inputs[source.input];
        let times = input.query.times(&source.column)?;
        let decoded = exemplars::decode(input.pieces.get(&source.chunk.values)?, &times)
            .map_err(|malformed| input.query.damaged(&source.column, malformed))?;
        list.extend(decoded);
    }
    list.sort_by_key(|exemplar| (exemplar.time, exemplar.trace_id.0, exemplar.span_id.0));
    list.dedup_by(|a, b| {
        (a.time, a.value.to_bits(), a.trace_id, a.span_id) == (b.time, b.value.to_bits(), b.trace_id, b.span_id)
            && a.labels == b.labels
    });
    Ok(list)
}
