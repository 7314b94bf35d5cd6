//! Reads pieces of values: those of series that lie together with one read, others one by one.

use super::entries::{Chunk, Values};
use super::file::{self, Place};
use crate::StoreError;
use crate::engine::PartFile;

/// At most so much is read at once.
const AT_ONCE: u64 = 1 << 20;
/// Reads that go on where the last one ended, or so close behind it, read ahead.
const CLOSE: u64 = 16 << 10;

/// A reader of pieces that keeps what it has read ahead.
pub(super) struct Pieces<'a> {
    file: &'a PartFile,
    buffer: Vec<u8>,
    start: u64,
    /// Where the last piece ended, and how far the next read goes.
    end: u64,
    ahead: u64,
    inline: Vec<u8>,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(file: &'a PartFile) -> Self {
        Self { file, buffer: Vec::new(), start: 0, end: 0, ahead: 0, inline: Vec::new() }
    }

    /// Looks at what a series will ask for: where it goes on where the one before ended, more is read each time.
    pub(super) fn plan(&mut self, chunks: &[Chunk]) {
        let first = chunks.iter().find_map(|chunk| match chunk.values {
            Values::Piece(place) => Some(place.offset),
            Values::Inline { .. } => None,
        });
        let Some(first) = first else { return };
        let close = first >= self.end && first - self.end <= CLOSE && self.end > 0;
        self.ahead = if close { (self.ahead * 2).clamp(CLOSE, AT_ONCE) } else { 0 };
    }

    /// The bytes of a piece, after a look at its checksum.
    pub(super) fn get<'s>(&'s mut self, values: &Values) -> Result<&'s [u8], StoreError> {
        let place = match values {
            Values::Inline { len, bytes } => {
                self.inline.clear();
                self.inline.extend_from_slice(&bytes[..usize::from(*len)]);
                return Ok(&self.inline);
            }
            Values::Piece(place) => *place,
        };
        if place.offset < self.start || place.end() > self.start + self.buffer.len() as u64 {
            self.fill(place)?;
        }
        self.end = place.end();
        let at = (place.offset - self.start) as usize;
        let piece = file::checked(&self.buffer[at..(place.end() - self.start) as usize]);
        piece.ok_or_else(|| self.file.damaged(place.offset, "the checksum is another"))
    }

    fn fill(&mut self, place: Place) -> Result<(), StoreError> {
        let len = (place.end() - place.offset).max(self.ahead.min(self.file.len().saturating_sub(place.offset)));
        self.buffer = self.file.read(place.offset, len as usize)?;
        self.start = place.offset;
        Ok(())
    }
}
