//! Writes a part: series come sorted by labels, one after the other, and go to the file at once; what says where they are is
//! kept, compactly, until the end, when the label pairs are known and sorted.
//!
//! Series of one target have the same times. A column of times is written once and found again by its hash (128 bits, with a
//! seed that is drawn for each part); so are values, which many buckets of a histogram share.
//!
//! Memory: about 20 bytes a series and its distinct label pairs as text, 100 MB for a million series of which each has a pair
//! of its own; postings are made in passes of at most [`PASS`] entries.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::Arc;

use twox_hash::XxHash3_128;

use super::entries::{Block, Chunk, Column, INLINE, Kind, SERIES, Values};
use super::file::{self, Footer, MAGIC, Packer, Place};
use super::interner::Interner;
use super::pairs::PairsWriter;
use super::pending::Entries;
use super::{exemplars, histograms, ints, metadata, values};
use crate::engine::NewPart;
use crate::samples::{EXEMPLARS_PER_SERIES, ExemplarRows, SeriesRows, nanos};
use crate::{Exemplar, Metadata, NativeHistogram, StoreError};

/// Chunks are cut where a window of time ends that has at most so many samples, and at least half as many: a power of two of
/// milliseconds since the epoch. So series of one target are cut alike, whenever each began, and share their times.
pub(super) const WINDOW: u64 = 4096;
/// The same for histograms.
pub(super) const WINDOW_OF_HISTOGRAMS: u64 = 512;
/// What repeats is looked for among the last so many columns of times, and pieces of values.
const REMEMBERED: usize = 1 << 17;
/// Entries of postings that are held at once.
const PASS: usize = 8 << 20;

/// A part that is being written.
pub(crate) struct SeriesWriter<'p> {
    part: NewPart<'p>,
    packer: Packer,
    pairs: Interner,
    /// Columns that chunks refer to by their place here.
    columns: Vec<Column>,
    columns_by_times: HashMap<u128, u32, foldhash::fast::RandomState>,
    places_by_values: HashMap<u128, Place, foldhash::fast::RandomState>,
    /// Nobody can know it beforehand and make two columns of one hash.
    seed: u64,
    entries: Entries,
    /// The chunks of the series that is being written.
    chunks: Vec<Chunk>,
    room: Room,
    /// Times as bytes, to be hashed.
    times: Vec<u8>,
}

/// Room to work in.
#[derive(Default)]
struct Room {
    times: Vec<i64>,
    values: Vec<f64>,
    bytes: Vec<u8>,
    labels: Vec<u32>,
}

impl<'p> SeriesWriter<'p> {
    /// Begins a part.
    pub(crate) fn new(mut part: NewPart<'p>) -> Result<Self, StoreError> {
        part.write(&MAGIC)?;
        Ok(Self {
            part,
            packer: Packer::new()?,
            pairs: Interner::default(),
            columns: Vec::new(),
            columns_by_times: HashMap::default(),
            places_by_values: HashMap::default(),
            seed: RandomState::default().hash_one(0),
            entries: Entries::default(),
            chunks: Vec::new(),
            room: Room::default(),
            times: Vec::new(),
        })
    }

    /// Adds a series with its samples. Series come sorted by labels, each once; one without samples is left out.
    pub(crate) fn push(&mut self, rows: &SeriesRows<'_>) -> Result<(), StoreError> {
        self.floats(rows.floats)?;
        self.histograms(rows.histograms)?;
        self.end_series(rows.labels);
        Ok(())
    }

    /// Adds a series with its exemplars, in a part of exemplars.
    pub(crate) fn push_exemplars(&mut self, rows: &ExemplarRows<'_>) -> Result<(), StoreError> {
        self.exemplars(rows.exemplars)?;
        self.end_series(rows.labels);
        Ok(())
    }

    /// Adds a chunk of exemplars, the newest ones, to the series that is being written.
    pub(super) fn exemplars(&mut self, list: &[Exemplar]) -> Result<(), StoreError> {
        let list = &list[list.len().saturating_sub(EXEMPLARS_PER_SERIES)..];
        if list.is_empty() {
            return Ok(());
        }
        let column = self.column(&list.iter().map(|exemplar| exemplar.time).collect::<Vec<_>>())?;
        let mut bytes = Vec::new();
        exemplars::encode(list, &mut bytes);
        self.chunk(Kind::Exemplars, column, &bytes)
    }

    /// Adds chunks of histograms to the series that is being written.
    pub(super) fn histograms(&mut self, list: &[(i64, Arc<NativeHistogram>)]) -> Result<(), StoreError> {
        for range in windows(list.len(), |at| list[at].0, WINDOW_OF_HISTOGRAMS) {
            let mut start = range.start;
            while start < range.end {
                let mut buckets = 0;
                let end = (start..range.end).find(|at| {
                    buckets += histograms::buckets(&list[*at].1);
                    buckets > histograms::BUCKETS && *at > start
                });
                let run = &list[start..end.unwrap_or(range.end)];
                let column = self.column(&run.iter().map(|(time, _)| *time).collect::<Vec<_>>())?;
                let mut bytes = Vec::new();
                histograms::encode(run, &mut bytes);
                self.chunk(Kind::Histograms, column, &bytes)?;
                start += run.len();
            }
        }
        Ok(())
    }

    /// Adds chunks of floats to the series that is being written.
    pub(super) fn floats(&mut self, floats: &[(i64, f64)]) -> Result<(), StoreError> {
        for range in windows(floats.len(), |at| floats[at].0, WINDOW) {
            let mut room = std::mem::take(&mut self.room);
            room.times.clear();
            room.values.clear();
            for (time, value) in &floats[range] {
                room.times.push(*time);
                room.values.push(*value);
            }
            let column = self.column(&room.times)?;
            self.values(column, &room.values, &mut room.bytes)?;
            self.room = room;
        }
        Ok(())
    }

    /// Adds a chunk of floats whose times are known.
    pub(super) fn values(&mut self, column: u32, values: &[f64], bytes: &mut Vec<u8>) -> Result<(), StoreError> {
        bytes.clear();
        values::encode(values, bytes);
        self.chunk(Kind::Floats, column, bytes)
    }

    /// A column of these times; at least one.
    pub(super) fn column(&mut self, times: &[i64]) -> Result<u32, StoreError> {
        self.times.clear();
        self.times.extend(times.iter().flat_map(|time| time.to_le_bytes()));
        let hash = XxHash3_128::oneshot_with_seed(self.seed, &self.times);
        if let Some(column) = self.columns_by_times.get(&hash) {
            return Ok(*column);
        }
        let mut bytes = Vec::new();
        ints::encode(times, &mut bytes);
        let place = file::write(&mut self.part, &bytes)?;
        let (first, last) = (times[0], times[times.len() - 1]);
        if self.columns_by_times.len() >= REMEMBERED {
            self.columns_by_times.clear();
        }
        let column = self.columns.len() as u32;
        self.columns.push(Column { place, count: times.len() as u32, first, last });
        self.columns_by_times.insert(hash, column);
        Ok(column)
    }

    /// Adds a chunk to the series that is being written.
    pub(super) fn chunk(&mut self, kind: Kind, column: u32, bytes: &[u8]) -> Result<(), StoreError> {
        let times = self.columns[column as usize];
        self.part.count(times.count.into(), nanos(times.first), nanos(times.last));
        let values = if bytes.len() <= INLINE {
            let mut inline = [0; INLINE];
            inline[..bytes.len()].copy_from_slice(bytes);
            Values::Inline { len: bytes.len() as u8, bytes: inline }
        } else {
            let hash = XxHash3_128::oneshot_with_seed(self.seed, bytes);
            if self.places_by_values.len() >= REMEMBERED {
                self.places_by_values.clear();
            }
            let place = match self.places_by_values.get(&hash) {
                Some(place) => *place,
                None => file::write(&mut self.part, bytes)?,
            };
            self.places_by_values.insert(hash, place);
            Values::Piece(place)
        };
        self.chunks.push(Chunk { column, kind, values });
        Ok(())
    }

    /// Ends the series: its labels, sorted by name.
    pub(super) fn end_series(&mut self, labels: &[(&str, &str)]) {
        if self.chunks.is_empty() {
            return;
        }
        self.room.labels.clear();
        for (at, (name, value)) in labels.iter().enumerate() {
            let near = self.entries.before.get(at).copied();
            self.room.labels.push(self.pairs.intern(name, value, near));
        }
        self.entries.push(&self.room.labels, &self.chunks);
        self.chunks.clear();
    }

    /// Ends the part, with what is known of metric families.
    pub(crate) fn finish<'a>(
        mut self,
        metadata: impl IntoIterator<Item = (&'a str, &'a Metadata)>,
    ) -> Result<NewPart<'p>, StoreError> {
        drop((std::mem::take(&mut self.columns_by_times), std::mem::take(&mut self.places_by_values)));
        let order = self.pairs.order();
        let mut places = vec![0u32; order.len()];
        for (place, pair) in order.iter().enumerate() {
            places[*pair as usize] = place as u32;
        }
        let offsets = self.blocks(&places)?;
        let (pairs, root) = self.postings(&order, &places)?;
        let metadata = self.packer.write(&mut self.part, &metadata::encode(metadata))?;
        let table: Vec<u8> = offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect();
        let footer = Footer {
            series: self.entries.series,
            pairs,
            root,
            table: self.part.offset(),
            table_crc: crc32fast::hash(&table),
            metadata,
        };
        self.part.write(&table)?;
        footer.write(&mut self.part)?;
        Ok(self.part)
    }

    /// Writes the blocks of series; gives where each begins and the last ends.
    fn blocks(&mut self, places: &[u32]) -> Result<Vec<u64>, StoreError> {
        let mut offsets = vec![self.part.offset()];
        let mut block = Block::default();
        let mut columns = HashMap::<u32, u32, foldhash::fast::RandomState>::default();
        let mut entries = self.entries.read();
        let mut raw = Vec::new();
        for at in 0..self.entries.series {
            entries.next();
            let chunks = entries.chunks.iter().map(|chunk| {
                let next = block.columns.len() as u32;
                let column = *columns.entry(chunk.column).or_insert_with(|| {
                    block.columns.push(self.columns[chunk.column as usize]);
                    next
                });
                Chunk { column, ..*chunk }
            });
            let chunks: Vec<Chunk> = chunks.collect();
            block.push(entries.labels.iter().map(|label| places[*label as usize]), chunks);
            if block.len() == SERIES as usize || at + 1 == self.entries.series {
                raw.clear();
                block.encode(&mut raw);
                self.packer.write(&mut self.part, &raw)?;
                offsets.push(self.part.offset());
                block.clear();
                columns.clear();
            }
        }
        Ok(offsets)
    }

    /// Writes the label pairs in their order, each with its series.
    fn postings(&mut self, order: &[u32], places: &[u32]) -> Result<(u32, Place), StoreError> {
        let mut counts = vec![0u32; order.len()];
        let mut entries = self.entries.read();
        for _ in 0..self.entries.series {
            entries.next();
            entries.labels.iter().for_each(|label| counts[places[*label as usize] as usize] += 1);
        }
        let mut writer = PairsWriter::new();
        let mut first = 0;
        while first < order.len() {
            let mut total = 0;
            let mut starts = Vec::new();
            for count in &counts[first..] {
                if total + *count as usize > PASS && !starts.is_empty() {
                    break;
                }
                starts.push(total);
                total += *count as usize;
            }
            let pass = first..first + starts.len();
            let (members, ends) = self.members(&pass, places, starts.clone(), total);
            for (at, (start, end)) in pass.clone().zip(starts.into_iter().zip(ends)) {
                writer.push(self.pairs.key(order[at]), &members[start..end], &mut self.part, &mut self.packer)?;
            }
            first = pass.end;
        }
        writer.finish(&mut self.part, &mut self.packer)
    }

    /// The series of the pairs of a pass, pair by pair; where each begins is given, where it ends comes back.
    fn members(
        &self,
        pass: &Range<usize>,
        places: &[u32],
        mut next: Vec<usize>,
        total: usize,
    ) -> (Vec<u32>, Vec<usize>) {
        let mut members = vec![0; total];
        let mut entries = self.entries.read();
        for series in 0..self.entries.series {
            entries.next();
            for label in entries.labels.iter().map(|label| places[*label as usize] as usize) {
                if pass.contains(&label) {
                    members[next[label - pass.start]] = series;
                    next[label - pass.start] += 1;
                }
            }
        }
        (members, next)
    }
}

/// Where a list of times is cut: where a window ends.
pub(super) fn windows(len: usize, time: impl Fn(usize) -> i64, most: u64) -> Vec<Range<usize>> {
    if len == 0 {
        return Vec::new();
    }
    let (first, last) = (time(0), time(len - 1));
    let shift = window(first, last, len as u64, most);
    if first >> shift == last >> shift && len as u64 <= 2 * most {
        return std::iter::once(0..len).collect();
    }
    let mut ranges = Vec::new();
    let mut start = 0;
    for at in 1..len {
        if time(at) >> shift != time(start) >> shift || (at - start) as u64 >= 2 * most {
            ranges.push(start..at);
            start = at;
        }
    }
    ranges.push(start..len);
    ranges
}

/// The size of windows, as a power of two of milliseconds, in which so many samples from `first` to `last` have at most `most`.
pub(super) fn window(first: i64, last: i64, count: u64, most: u64) -> u32 {
    let step = (last.abs_diff(first) / (count - 1).max(1)).max(1);
    step.saturating_mul(most).ilog2().min(63)
}
