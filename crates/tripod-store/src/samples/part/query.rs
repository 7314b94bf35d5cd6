//! Questions to one part. A [`Query`] reads what it needs as it needs it, and forgets it at its end.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::entries::{Block, Chunk, Column, Kind, SERIES};
use super::file::{self, Footer, Place};
use super::pairs::Pairs;
use super::pieces::Pieces;
use super::{exemplars, histograms, ints, metadata, values};
use crate::columns::Malformed;
use crate::engine::PartFile;
use crate::samples::{ExemplarRows, LabelMatcher, Selector, SeriesRows};
use crate::{Exemplar, Metadata, NativeHistogram, StoreError};

/// So many times of columns are kept; then all are forgotten.
const CACHED_TIMES: usize = 1 << 21;
/// The same for label pairs as text.
const CACHED_PAIRS: usize = 1 << 16;

/// Called with the labels of a series, sorted by name.
type EachLabels<'f> = dyn FnMut(&[(&str, &str)]) -> Result<(), StoreError> + 'f;

/// A pair as text.
pub(crate) type Pair = (Arc<str>, Arc<str>);

/// A part that is open: all that is kept of it.
#[derive(Debug)]
pub(crate) struct SeriesPart {
    footer: Footer,
}

impl SeriesPart {
    /// Opens a part: reads its footer.
    pub(crate) fn open(file: &PartFile) -> Result<Self, StoreError> {
        Ok(Self { footer: Footer::read(file)? })
    }

    /// How many series it has.
    #[cfg(test)]
    pub(crate) fn series(&self) -> u32 {
        self.footer.series
    }

    /// Begins to ask.
    pub(crate) fn query<'a>(&self, file: &'a PartFile) -> Query<'a> {
        Query {
            file,
            footer: self.footer,
            pairs: Pairs::new(file, self.footer),
            texts: HashMap::default(),
            times: HashMap::default(),
            cached_times: 0,
            keep_times: CACHED_TIMES,
            scratch: values::Scratch::default(),
            decoded: Vec::new(),
        }
    }
}

/// Questions that share what was read for them.
pub(crate) struct Query<'a> {
    pub(super) file: &'a PartFile,
    pub(super) footer: Footer,
    pub(super) pairs: Pairs<'a>,
    texts: HashMap<u32, Pair, foldhash::fast::RandomState>,
    times: HashMap<u64, Rc<[i64]>, foldhash::fast::RandomState>,
    cached_times: usize,
    keep_times: usize,
    scratch: values::Scratch,
    decoded: Vec<f64>,
}

/// A series that was found.
pub(super) struct Found<'a> {
    pub(super) labels: &'a [(&'a str, &'a str)],
    pub(super) block: &'a Block,
    pub(super) chunks: &'a [Chunk],
}

impl Query<'_> {
    /// The same, which keeps at most so many times of columns.
    pub(crate) fn keeping_times(self, keep_times: usize) -> Self {
        Self { keep_times, ..self }
    }

    /// Series that satisfy a selector, sorted by labels, with their samples from `start` to `end`; not those without any.
    pub(crate) fn select(
        &mut self,
        selector: &Selector,
        start: i64,
        end: i64,
        each: &mut dyn FnMut(SeriesRows<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (mut floats, mut histograms) = (Vec::new(), Vec::new());
        let mut pieces = Pieces::new(self.file);
        self.each(selector, start, end, &mut |query, found| {
            floats.clear();
            histograms.clear();
            query.read(found, &mut pieces, start, end, &mut floats, &mut histograms)?;
            if floats.is_empty() && histograms.is_empty() {
                return Ok(());
            }
            each(SeriesRows { labels: found.labels, floats: &floats, histograms: &histograms })
        })
    }

    /// Appends the samples of a series from `start` to `end`.
    pub(super) fn read(
        &mut self,
        found: &Found<'_>,
        pieces: &mut Pieces<'_>,
        start: i64,
        end: i64,
        floats: &mut Vec<(i64, f64)>,
        list: &mut Vec<(i64, Arc<NativeHistogram>)>,
    ) -> Result<(), StoreError> {
        pieces.plan(found.chunks);
        for chunk in found.chunks {
            let column = found.block.column(chunk);
            if column.last < start || column.first > end {
                continue;
            }
            let times = self.times(column)?;
            let range = times.partition_point(|time| *time < start)..times.partition_point(|time| *time <= end);
            if range.is_empty() {
                continue;
            }
            let bytes = pieces.get(&chunk.values)?;
            match chunk.kind {
                Kind::Floats => {
                    let (count, mut decoded) = (column.count as usize, std::mem::take(&mut self.decoded));
                    values::decode(bytes, count, &mut self.scratch, &mut decoded)
                        .map_err(|malformed| self.damaged(column, malformed))?;
                    floats.extend(times[range.clone()].iter().copied().zip(decoded[range].iter().copied()));
                    self.decoded = decoded;
                }
                Kind::Histograms => {
                    let histograms = histograms::decode(bytes, column.count as usize)
                        .map_err(|malformed| self.damaged(column, malformed))?;
                    let wanted = histograms.into_iter().skip(range.start);
                    list.extend(times[range].iter().copied().zip(wanted));
                }
                Kind::Exemplars => {}
            }
        }
        Ok(())
    }

    /// Labels of the series that satisfy a selector and have samples from `start` to `end`; sorted.
    pub(crate) fn series(
        &mut self,
        selector: &Selector,
        start: i64,
        end: i64,
        each: &mut EachLabels<'_>,
    ) -> Result<(), StoreError> {
        self.each(selector, start, end, &mut |query, found| {
            if query.has_samples(found, start, end)? { each(found.labels) } else { Ok(()) }
        })
    }

    fn has_samples(&mut self, found: &Found<'_>, start: i64, end: i64) -> Result<bool, StoreError> {
        for chunk in found.chunks {
            let column = found.block.column(chunk);
            // Its first and last time are known; those between have to be read.
            let ends = [column.first, column.last];
            if ends.iter().any(|time| (start..=end).contains(time)) {
                return Ok(true);
            }
            if column.first < start && column.last > end {
                let times = self.times(column)?;
                if times.get(times.partition_point(|time| *time < start)).is_some_and(|time| *time <= end) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Exemplars from `start` to `end` of the series that satisfy a selector; series sorted by labels, exemplars by time.
    pub(crate) fn exemplars(
        &mut self,
        selector: &Selector,
        start: i64,
        end: i64,
        each: &mut dyn FnMut(ExemplarRows<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut pieces = Pieces::new(self.file);
        self.each(selector, start, end, &mut |query, found| {
            pieces.plan(found.chunks);
            let mut list: Vec<Exemplar> = Vec::new();
            for chunk in found.chunks.iter().filter(|chunk| chunk.kind == Kind::Exemplars) {
                let column = found.block.column(chunk);
                let times = query.times(column)?;
                let decoded = exemplars::decode(pieces.get(&chunk.values)?, &times)
                    .map_err(|malformed| query.damaged(column, malformed))?;
                list.extend(decoded.into_iter().filter(|exemplar| (start..=end).contains(&exemplar.time)));
            }
            if list.is_empty() { Ok(()) } else { each(ExemplarRows { labels: found.labels, exemplars: &list }) }
        })
    }

    /// The values of a label, sorted, each with how many series have it, whatever the time of their samples.
    pub(crate) fn label_values(
        &mut self,
        name: &str,
        each: &mut dyn FnMut(&str, u32) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for at in self.pairs.range(name, "")? {
            let (_, value) = self.pairs.pair(at)?;
            each(&value, self.pairs.count(at)?)?;
        }
        Ok(())
    }

    /// The names of labels, sorted, each with how many values it has.
    pub(crate) fn label_names(&mut self) -> Result<Vec<(Box<str>, u32)>, StoreError> {
        Ok(self.pairs.names()?.into_iter().map(|(name, range)| (name, range.end - range.start)).collect())
    }

    /// Type, help and unit by metric family.
    pub(crate) fn metadata(&self) -> Result<BTreeMap<String, Metadata>, StoreError> {
        let bytes = file::read_packed(self.file, self.footer.metadata)?;
        metadata::decode(&bytes).map_err(|malformed| self.file.damaged(self.footer.metadata.offset, malformed.0))
    }

    /// Calls back with each series that satisfies a selector and has a chunk that overlaps the time.
    fn each(
        &mut self,
        selector: &Selector,
        start: i64,
        end: i64,
        each: &mut dyn FnMut(&mut Self, &Found<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut walk = self.walk(selector, start, end)?;
        let mut texts = Vec::new();
        while walk.next(self, &mut texts)? {
            let labels: Vec<(&str, &str)> = texts.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
            each(self, &walk.found(&labels))?;
        }
        Ok(())
    }

    /// Begins to walk along the series that satisfy a selector and have a chunk that overlaps the time.
    pub(super) fn walk<'s>(&mut self, selector: &'s Selector, start: i64, end: i64) -> Result<Walk<'s>, StoreError> {
        let (set, rest) = self.matching(selector)?;
        Ok(Walk { set: set.into_iter(), rest, start, end, number: None, block: Block::default(), at: 0 })
    }

    /// A block of series.
    pub(super) fn block(&self, number: u32) -> Result<Block, StoreError> {
        let place = self.place_of_block(number)?;
        let raw = file::read_packed(self.file, place)?;
        let series = self.footer.series.saturating_sub(number.saturating_mul(SERIES)).min(SERIES);
        Block::decode(&raw, series as usize).map_err(|malformed| self.file.damaged(place.offset, malformed.0))
    }

    /// Where a block of series is.
    pub(super) fn place_of_block(&self, number: u32) -> Result<Place, StoreError> {
        let bytes = self.file.read(self.footer.table.saturating_add(u64::from(number) * 8), 16)?;
        let (start, end) = bytes.split_at(8);
        let [start, end] = [start, end].map(|bytes| bytes.try_into().map_or(0, u64::from_le_bytes));
        let len = end.checked_sub(start).and_then(|len| u32::try_from(len).ok()).and_then(|len| len.checked_sub(4));
        let len = len.ok_or_else(|| self.file.damaged(self.footer.table, "a block of series has no place"))?;
        Ok(Place { offset: start, len })
    }

    /// Label pairs as text.
    pub(super) fn texts(&mut self, labels: &[u32], texts: &mut Vec<Pair>) -> Result<(), StoreError> {
        texts.clear();
        for label in labels {
            texts.push(self.text(*label)?);
        }
        Ok(())
    }

    fn text(&mut self, label: u32) -> Result<Pair, StoreError> {
        if let Some(pair) = self.texts.get(&label) {
            return Ok(pair.clone());
        }
        if self.texts.len() >= CACHED_PAIRS {
            self.texts.clear();
        }
        let (name, value) = self.pairs.pair(label)?;
        let pair: Pair = (name.into(), value.into());
        self.texts.insert(label, pair.clone());
        Ok(pair)
    }

    /// The times of a column.
    pub(super) fn times(&mut self, column: &Column) -> Result<Rc<[i64]>, StoreError> {
        if let Some(times) = self.times.get(&column.place.offset).filter(|times| times.len() == column.count as usize) {
            return Ok(Rc::clone(times));
        }
        let bytes = file::read(self.file, column.place)?;
        let mut numbers = Vec::new();
        ints::decode(&bytes, column.count as usize, &mut numbers)
            .map_err(|malformed| self.damaged(column, malformed))?;
        let times: Rc<[i64]> = numbers.iter().map(|number| *number as i64).collect();
        self.cached_times += times.len();
        if self.cached_times > self.keep_times {
            self.cached_times = times.len();
            self.times.clear();
        }
        self.times.insert(column.place.offset, Rc::clone(&times));
        Ok(times)
    }

    pub(super) fn damaged(&self, column: &Column, malformed: Malformed) -> StoreError {
        self.file.damaged(column.place.offset, malformed.0)
    }
}

/// A way along the series of a part, in order of labels.
pub(super) struct Walk<'s> {
    set: roaring::bitmap::IntoIter,
    rest: Vec<&'s LabelMatcher>,
    start: i64,
    end: i64,
    /// The block that it is in, and at which series of it.
    number: Option<u32>,
    block: Block,
    at: usize,
}

impl Walk<'_> {
    /// Goes on to the next series, and gives its labels; false at the end.
    pub(super) fn next(&mut self, query: &mut Query<'_>, labels: &mut Vec<Pair>) -> Result<bool, StoreError> {
        for series in self.set.by_ref() {
            if series >= query.footer.series {
                let reason = "a label pair has a series that the part does not";
                return Err(query.file.damaged(query.footer.root.offset, reason));
            }
            let number = series / SERIES;
            if self.number != Some(number) {
                self.block = query.block(number)?;
                self.number = Some(number);
            }
            self.at = (series % SERIES) as usize;
            let block = &self.block;
            let overlaps = |chunk: &Chunk| {
                let column = block.column(chunk);
                column.first <= self.end && column.last >= self.start
            };
            if !block.chunks(self.at).iter().any(overlaps) {
                continue;
            }
            query.texts(block.labels(self.at), labels)?;
            if self.rest.iter().all(|matcher| matcher.matches(value_of(labels, &matcher.name))) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The series that it is at.
    pub(super) fn found<'a>(&'a self, labels: &'a [(&'a str, &'a str)]) -> Found<'a> {
        Found { labels, block: &self.block, chunks: self.block.chunks(self.at) }
    }
}

fn value_of<'a>(labels: &'a [Pair], name: &str) -> &'a str {
    labels.binary_search_by(|(known, _)| known.as_ref().cmp(name)).map_or("", |at| &labels[at].1)
}
