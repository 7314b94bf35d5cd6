//! How a part's file is laid out.
//!
//! ```text
//! magic · blocks · sections · footer · footer's length u32 · its CRC-32 u32 · magic
//! a block: directory · columns · filter
//! the footer: (section's offset u64 · length u64 · CRC-32 u32) for each, in the order of [`Kind`]
//! ```

use crate::StoreError;
use crate::columns::Malformed;
use crate::engine::{NewPart, PartFile};
use crate::index;

/// At both ends of a file; its last character is the format's version.
const MAGIC: &[u8; 8] = b"TRIPREC1";

/// What a section holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// The contexts of all blocks.
    Contexts,
    /// What is known of each block.
    Heads,
    /// From a trace's id to its rows.
    Rows,
    /// From `key = value` to blocks.
    Postings,
    /// What the signal says of the part.
    Summary,
}

const KINDS: usize = 5;
const OF_SECTION: usize = 20;
const TAIL: usize = 16;

/// Where a section is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    offset: u64,
    len: u64,
    checksum: u32,
}

/// Where all sections are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Footer([Place; KINDS]);

/// Begins a file.
pub(super) fn begin(part: &mut NewPart<'_>) -> Result<(), StoreError> {
    part.write(MAGIC)
}

impl Footer {
    /// Writes a section; `write` gets a sink for its bytes.
    pub(super) fn section(
        &mut self,
        kind: Kind,
        part: &mut NewPart<'_>,
        write: impl FnOnce(&mut index::postings::Sink<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let offset = part.offset();
        let mut checksum = crc32fast::Hasher::new();
        write(&mut |bytes| {
            checksum.update(bytes);
            part.write(bytes)
        })?;
        self.0[kind as usize] = Place { offset, len: part.offset() - offset, checksum: checksum.finalize() };
        Ok(())
    }

    /// Ends the file.
    pub(super) fn write(&self, part: &mut NewPart<'_>) -> Result<(), StoreError> {
        let mut bytes = Vec::with_capacity(KINDS * OF_SECTION + TAIL);
        for place in &self.0 {
            bytes.extend_from_slice(&place.offset.to_le_bytes());
            bytes.extend_from_slice(&place.len.to_le_bytes());
            bytes.extend_from_slice(&place.checksum.to_le_bytes());
        }
        let (len, checksum) = (bytes.len() as u32, crc32fast::hash(&bytes));
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes.extend_from_slice(MAGIC);
        part.write(&bytes)
    }

    /// Reads where the sections are.
    pub(super) fn read(file: &PartFile) -> Result<Self, StoreError> {
        let all = MAGIC.len() + KINDS * OF_SECTION + TAIL;
        let Some(start) = file.len().checked_sub((all - MAGIC.len()) as u64).filter(|start| *start >= 8) else {
            return Err(file.damaged(0, format!("it has {} bytes, a part has at least {all}", file.len())));
        };
        let bytes = file.read(start, all - MAGIC.len())?;
        let (sections, tail) = bytes.split_at(KINDS * OF_SECTION);
        if file.read(0, MAGIC.len())? != MAGIC || tail[8..] != *MAGIC {
            return Err(file.damaged(0, "it does not begin and end as a part of records of this version does"));
        }
        if tail[..4] != (sections.len() as u32).to_le_bytes() || tail[4..8] != crc32fast::hash(sections).to_le_bytes() {
            return Err(file.damaged(start, "the footer's checksum is another"));
        }
        let mut footer = Self::default();
        let (sections, _) = sections.as_chunks::<OF_SECTION>();
        for (place, bytes) in footer.0.iter_mut().zip(sections) {
            let [a, b, c, d, e, f, g, h, rest @ ..] = *bytes;
            let [i, j, k, l, m, n, o, p, checksum @ ..] = rest;
            *place = Place {
                offset: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
                len: u64::from_le_bytes([i, j, k, l, m, n, o, p]),
                checksum: u32::from_le_bytes(checksum),
            };
            if place.offset.checked_add(place.len).is_none_or(|end| end > start) {
                return Err(file.damaged(start, "a section is not within the file"));
            }
        }
        Ok(footer)
    }

    /// A section's place.
    pub(super) fn place(&self, kind: Kind) -> Place {
        self.0[kind as usize]
    }

    /// All of a section, verified.
    pub(super) fn load(&self, kind: Kind, file: &PartFile) -> Result<Vec<u8>, StoreError> {
        let place = self.place(kind);
        let bytes = file.read(place.offset, place.len as usize)?;
        check(file, place.offset, &bytes, place.checksum, "a section")?;
        Ok(bytes)
    }

    /// Reads all sections, a piece at a time, and compares their checksums.
    pub(super) fn verify(&self, file: &PartFile) -> Result<(), StoreError> {
        const PIECE: u64 = 1 << 20;
        for place in &self.0 {
            let mut checksum = crc32fast::Hasher::new();
            for at in (0..place.len).step_by(PIECE as usize) {
                checksum.update(&file.read(place.offset + at, PIECE.min(place.len - at) as usize)?);
            }
            if checksum.finalize() != place.checksum {
                return Err(file.damaged(place.offset, "the checksum of a section is another"));
            }
        }
        Ok(())
    }
}

/// An error unless these bytes have the checksum.
pub(super) fn check(file: &PartFile, offset: u64, bytes: &[u8], checksum: u32, what: &str) -> Result<(), StoreError> {
    if crc32fast::hash(bytes) == checksum {
        Ok(())
    } else {
        Err(file.damaged(offset, format!("the checksum of {what} is another")))
    }
}

/// A section that is read here and there.
#[derive(Debug)]
pub(super) struct Range<'a> {
    pub(super) file: &'a PartFile,
    pub(super) place: Place,
}

impl index::Section for Range<'_> {
    fn len(&self) -> u64 {
        self.place.len
    }

    fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        self.file.read(self.place.offset + offset, len)
    }

    fn damaged(&self, offset: u64, what: Malformed) -> StoreError {
        self.file.damaged(self.place.offset + offset, what.0)
    }
}
