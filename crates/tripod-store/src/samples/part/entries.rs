//! Series in blocks of 128: the labels of each as places of pairs, its chunks, and the columns of times that these share.
//!
//! Labels are told by their difference to the series before, which is sorted just below. A column of times is told once a
//! block, with its first and last time, so a chunk is two or three bytes: which column, how many bytes of values. Values of
//! no more than [`INLINE`] bytes stand right here.

use super::file::Place;
use crate::columns::Malformed;
use crate::columns::varint::{self, unzigzag, zigzag};

/// Series of a block.
pub(super) const SERIES: u32 = 128;
/// Values of so many bytes are no piece of their own.
pub(super) const INLINE: usize = 12;
/// The most samples of a chunk.
pub(super) const MAX_SAMPLES: u32 = 1 << 16;

/// Times that chunks share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) place: Place,
    pub(super) count: u32,
    pub(super) first: i64,
    pub(super) last: i64,
}

/// What a chunk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Floats = 0,
    Histograms = 1,
    Exemplars = 2,
}

/// Values of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    Inline { len: u8, bytes: [u8; INLINE] },
    Piece(Place),
}

/// A chunk: which column of times it has, and its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) column: u32,
    pub(super) kind: Kind,
    pub(super) values: Values,
}

/// A block of series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) columns: Vec<Column>,
    labels: Vec<u32>,
    chunks: Vec<Chunk>,
    /// Where labels and chunks of each series end.
    ends: Vec<(u32, u32)>,
}

impl Block {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn push(&mut self, labels: impl IntoIterator<Item = u32>, chunks: impl IntoIterator<Item = Chunk>) {
        self.labels.extend(labels);
        self.chunks.extend(chunks);
        self.ends.push((self.labels.len() as u32, self.chunks.len() as u32));
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn start(&self, at: usize) -> (usize, usize) {
        at.checked_sub(1).map_or((0, 0), |at| (self.ends[at].0 as usize, self.ends[at].1 as usize))
    }

    /// The labels of a series, as places of pairs; sorted.
    pub(super) fn labels(&self, at: usize) -> &[u32] {
        &self.labels[self.start(at).0..self.ends[at].0 as usize]
    }

    /// The chunks of a series, in order of time within each kind.
    pub(super) fn chunks(&self, at: usize) -> &[Chunk] {
        &self.chunks[self.start(at).1..self.ends[at].1 as usize]
    }

    pub(super) fn column(&self, chunk: &Chunk) -> &Column {
        &self.columns[chunk.column as usize]
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        varint::put(self.columns.len() as u64, out);
        let (mut offset, mut first) = (0, 0);
        for column in &self.columns {
            varint::put(zigzag(column.place.offset.wrapping_sub(offset) as i64), out);
            varint::put(column.place.len.into(), out);
            varint::put(column.count.into(), out);
            varint::put(zigzag(column.first.wrapping_sub(first)), out);
            varint::put(column.last.wrapping_sub(column.first) as u64, out);
            (offset, first) = (column.place.end(), column.first);
        }
        let mut expected = 0;
        let mut before: &[u32] = &[];
        for at in 0..self.len() {
            put_labels(before, self.labels(at), out);
            before = self.labels(at);
            varint::put(self.chunks(at).len() as u64, out);
            for chunk in self.chunks(at) {
                put_chunk(chunk, &mut expected, out);
            }
        }
    }

    pub(super) fn decode(mut bytes: &[u8], series: usize) -> Result<Self, Malformed> {
        let mut block = Self::default();
        let bytes = &mut bytes;
        let (mut offset, mut first) = (0u64, 0i64);
        for _ in 0..varint::take(bytes)? {
            let place =
                Place { offset: offset.wrapping_add(unzigzag(varint::take(bytes)?) as u64), len: short(bytes)? };
            let count = short(bytes)?;
            first = first.wrapping_add(unzigzag(varint::take(bytes)?));
            let last = first.wrapping_add(varint::take(bytes)? as i64);
            if count == 0 || count > MAX_SAMPLES {
                return Err(Malformed("a chunk of too many samples"));
            }
            block.columns.push(Column { place, count, first, last });
            offset = place.end();
        }
        let mut expected = 0;
        for _ in 0..series {
            let before = block.start(block.len());
            let before = block.len().checked_sub(1).map_or(0, |at| block.start(at).0)..before.0;
            take_labels(before, &mut block.labels, bytes)?;
            for _ in 0..varint::take(bytes)? {
                let chunk = take_chunk(&mut expected, bytes)?;
                if chunk.column as usize >= block.columns.len() {
                    return Err(Malformed("a chunk has no times"));
                }
                block.chunks.push(chunk);
            }
            block.ends.push((block.labels.len() as u32, block.chunks.len() as u32));
        }
        Ok(block)
    }
}

fn short(bytes: &mut &[u8]) -> Result<u32, Malformed> {
    u32::try_from(varint::take(bytes)?).map_err(|_| Malformed("a series with too large a number"))
}

/// What the series before has at the same place is left out as long as it is the same; the rest is told by the difference to it,
/// and where it has nothing, to the label before.
fn put_labels(before: &[u32], labels: &[u32], out: &mut Vec<u8>) {
    let shared = before.iter().zip(labels).take_while(|(before, label)| before == label).count();
    varint::put(shared as u64, out);
    varint::put((labels.len() - shared) as u64, out);
    let mut last = 0;
    for (at, label) in labels.iter().enumerate() {
        if at >= shared {
            let near = before.get(at).copied().unwrap_or(last);
            varint::put(zigzag(i64::from(*label) - i64::from(near)), out);
        }
        last = *label;
    }
}

fn take_labels(before: std::ops::Range<usize>, labels: &mut Vec<u32>, bytes: &mut &[u8]) -> Result<(), Malformed> {
    const BAD: Malformed = Malformed("a series without sense in its labels");
    let (shared, rest) = (short(bytes)? as usize, short(bytes)? as usize);
    if shared > before.len() || rest > bytes.len() {
        return Err(BAD);
    }
    labels.extend_from_within(before.start..before.start + shared);
    for at in shared..shared + rest {
        let near = match before.start + at {
            near if near < before.end => labels[near],
            _ if at == 0 => 0,
            _ => labels.last().copied().unwrap_or_default(),
        };
        let label = i64::from(near).wrapping_add(unzigzag(varint::take(bytes)?));
        labels.push(u32::try_from(label).map_err(|_| BAD)?);
    }
    Ok(())
}

pub(super) fn put_chunk(chunk: &Chunk, expected: &mut u64, out: &mut Vec<u8>) {
    varint::put(chunk.column.into(), out);
    let kind = (chunk.kind as u64) << 1;
    match chunk.values {
        Values::Inline { len, bytes } => {
            varint::put(u64::from(len) << 3 | kind | 1, out);
            out.extend_from_slice(&bytes[..len.into()]);
        }
        Values::Piece(place) => {
            varint::put(u64::from(place.len) << 3 | kind, out);
            varint::put(zigzag(place.offset.wrapping_sub(*expected) as i64), out);
            *expected = place.end();
        }
    }
}

pub(super) fn take_chunk(expected: &mut u64, bytes: &mut &[u8]) -> Result<Chunk, Malformed> {
    let (column, head) = (short(bytes)?, varint::take(bytes)?);
    let kind = match head >> 1 & 3 {
        0 => Kind::Floats,
        1 => Kind::Histograms,
        2 => Kind::Exemplars,
        _ => return Err(Malformed("a chunk of no known kind")),
    };
    let len = u32::try_from(head >> 3).map_err(|_| Malformed("a chunk is too large"))?;
    let values = if head & 1 == 1 {
        let mut inline = [0; INLINE];
        let (taken, rest) = bytes.split_at_checked(len as usize).ok_or(Malformed("a chunk is cut off"))?;
        inline.get_mut(..taken.len()).ok_or(Malformed("a chunk is too large"))?.copy_from_slice(taken);
        *bytes = rest;
        Values::Inline { len: len as u8, bytes: inline }
    } else {
        let offset = expected.wrapping_add(unzigzag(varint::take(bytes)?) as u64);
        *expected = Place { offset, len }.end();
        Values::Piece(Place { offset, len })
    };
    Ok(Chunk { column, kind, values })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block() -> impl Strategy<Value = Block> {
        let column = (0u64..1 << 40, 0u32..5000, 1u32..4000, any::<i64>(), 0i64..1 << 30).prop_map(
            |(offset, len, count, first, span)| Column {
                place: Place { offset, len },
                count,
                first,
                last: first.wrapping_add(span),
            },
        );
        let chunk = (
            any::<u32>(),
            0u8..3,
            prop::collection::vec(any::<u8>(), 0..=INLINE),
            prop::option::of((0u64..1 << 40, 0u32..9000)),
        );
        let series = (prop::collection::btree_set(0u32..50, 0..6), prop::collection::vec(chunk, 0..4));
        (prop::collection::vec(column, 1..6), prop::collection::vec(series, 0..20)).prop_map(|(columns, series)| {
            let mut block = Block { columns, ..Block::default() };
            let columns = block.columns.len() as u32;
            for (labels, chunks) in series {
                let chunks = chunks.into_iter().map(|(column, kind, small, piece)| {
                    let mut bytes = [0; INLINE];
                    bytes[..small.len()].copy_from_slice(&small);
                    Chunk {
                        column: column % columns,
                        kind: [Kind::Floats, Kind::Histograms, Kind::Exemplars][kind as usize],
                        values: match piece {
                            Some((offset, len)) => Values::Piece(Place { offset, len }),
                            None => Values::Inline { len: small.len() as u8, bytes },
                        },
                    }
                });
                block.push(labels, chunks);
            }
            block
        })
    }

    proptest! {
        #[test]
        fn a_block_comes_back(block in block()) {
            let mut bytes = Vec::new();
            block.encode(&mut bytes);
            prop_assert_eq!(Block::decode(&bytes, block.len()).unwrap(), block);
        }

        #[test]
        fn any_bytes_are_decoded_without_a_panic(block in block(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
            let mut bytes = Vec::new();
            block.encode(&mut bytes);
            let at = at.index(bytes.len());
            bytes[at] = to;
            let _ = Block::decode(&bytes, block.len() + 1);
            let _ = Block::decode(&bytes[..at], block.len());
        }
    }
}
