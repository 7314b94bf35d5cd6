//! The file of a part: pieces of bytes with a checksum each, and a footer that says where to begin.
//!
//! ```text
//! magic · pieces: columns of times, chunks of values | blocks of series | postings, leaves and nodes of label pairs | metadata
//! places of the blocks (8 bytes each) · footer · its CRC-32 · its length (4 bytes each) · magic
//! ```
//! Whoever opens a part reads the footer, about 40 bytes, and keeps nothing else.

use crate::StoreError;
use crate::columns::Malformed;
use crate::columns::varint;
use crate::engine::{NewPart, PartFile};

/// At both ends of a file; the last byte is the format's version.
pub(super) const MAGIC: [u8; 8] = *b"TRIPSER\x01";
/// A checksum stands behind each piece.
const CRC: usize = 4;
/// Behind the footer: its checksum, its length, the magic.
const TAIL: usize = CRC + 4 + MAGIC.len();
/// No footer is longer.
const MAX_FOOTER: usize = 256;
/// zstd's level; higher ones gain little on blocks this small.
const LEVEL: i32 = 1;
/// No compressed piece is larger when it is not, whatever it says.
const MAX_PIECE: usize = 64 << 20;

/// Where a piece is, without its checksum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) len: u32,
}

impl Place {
    /// Where the next piece stands.
    pub(super) fn end(self) -> u64 {
        self.offset.saturating_add(u64::from(self.len) + CRC as u64)
    }
}

/// Adds a piece.
pub(super) fn write(part: &mut NewPart<'_>, bytes: &[u8]) -> Result<Place, StoreError> {
    let place = Place { offset: part.offset(), len: bytes.len() as u32 };
    part.write(bytes)?;
    part.write(&crc32fast::hash(bytes).to_le_bytes())?;
    Ok(place)
}

/// Reads a piece, and compares its checksum.
pub(super) fn read(file: &PartFile, place: Place) -> Result<Vec<u8>, StoreError> {
    let mut bytes = file.read(place.offset, place.len as usize + CRC)?;
    if checked(&bytes).is_none() {
        return Err(file.damaged(place.offset, "the checksum is another"));
    }
    bytes.truncate(place.len as usize);
    Ok(bytes)
}

/// A piece out of the bytes of it and its checksum, if this is right.
pub(super) fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (bytes, crc) = bytes.split_last_chunk::<CRC>()?;
    (crc32fast::hash(bytes).to_le_bytes() == *crc).then_some(bytes)
}

/// Compresses pieces; what it needs for that is used again.
pub(super) struct Packer(zstd::bulk::Compressor<'static>);

impl Packer {
    pub(super) fn new() -> Result<Self, StoreError> {
        let made = zstd::bulk::Compressor::new(LEVEL);
        Ok(Self(made.map_err(|source| StoreError::io("cannot compress", std::path::Path::new("a part"), source))?))
    }

    /// Adds a piece, compressed where that is smaller, behind its length (0 where it is not compressed).
    pub(super) fn write(&mut self, part: &mut NewPart<'_>, raw: &[u8]) -> Result<Place, StoreError> {
        let mut bytes = Vec::with_capacity(raw.len() + 4);
        match self.0.compress(raw) {
            Ok(packed) if packed.len() + 3 < raw.len() => {
                varint::put(raw.len() as u64, &mut bytes);
                bytes.extend_from_slice(&packed);
            }
            _ => {
                bytes.push(0);
                bytes.extend_from_slice(raw);
            }
        }
        write(part, &bytes)
    }
}

/// What [`Packer::write`] was given.
pub(super) fn read_packed(file: &PartFile, place: Place) -> Result<Vec<u8>, StoreError> {
    let bytes = read(file, place)?;
    unpack(&bytes).map_err(|malformed| file.damaged(place.offset, malformed.to_string()))
}

fn unpack(mut bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    let len = varint::take(&mut bytes)? as usize;
    if len == 0 {
        return Ok(bytes.to_vec());
    }
    if len > MAX_PIECE {
        return Err(Malformed("a piece is larger than any may be"));
    }
    let raw = zstd::bulk::decompress(bytes, len).map_err(|_| Malformed("a piece does not decompress"))?;
    if raw.len() == len { Ok(raw) } else { Err(Malformed("a piece has another length")) }
}

/// Where things are in a part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Footer {
    /// Series, in blocks of [`super::entries::SERIES`].
    pub(super) series: u32,
    /// Distinct label pairs.
    pub(super) pairs: u32,
    /// The top of the tree of pairs.
    pub(super) root: Place,
    /// Where the places of the blocks are: the offset of each, and of what is behind the last.
    pub(super) table: u64,
    pub(super) table_crc: u32,
    /// Type, help and unit by metric family.
    pub(super) metadata: Place,
}

impl Footer {
    /// Writes the end of a part.
    pub(super) fn write(&self, part: &mut NewPart<'_>) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        let numbers = [
            u64::from(self.series),
            u64::from(self.pairs),
            self.root.offset,
            u64::from(self.root.len),
            self.table,
            u64::from(self.table_crc),
            self.metadata.offset,
            u64::from(self.metadata.len),
        ];
        numbers.iter().for_each(|number| varint::put(*number, &mut bytes));
        part.write(&bytes)?;
        part.write(&crc32fast::hash(&bytes).to_le_bytes())?;
        part.write(&(bytes.len() as u32).to_le_bytes())?;
        part.write(&MAGIC)
    }

    /// Reads the end of a part.
    pub(super) fn read(file: &PartFile) -> Result<Self, StoreError> {
        let damaged = |reason: &str| file.damaged(file.len(), reason);
        let len = file.len().min((MAX_FOOTER + TAIL) as u64);
        let end = file.read(file.len() - len, len as usize)?;
        let (rest, magic) = end.split_last_chunk::<8>().ok_or_else(|| damaged("no part of series: it is too short"))?;
        if *magic != MAGIC {
            return Err(damaged("no part of series that this version reads"));
        }
        let (rest, len) = rest.split_last_chunk::<4>().ok_or_else(|| damaged("no footer"))?;
        let len = u32::from_le_bytes(*len) as usize;
        let footer = rest.len().checked_sub(len.saturating_add(CRC)).and_then(|start| checked(&rest[start..]));
        let footer = footer.ok_or_else(|| damaged("the checksum of the footer is another"))?;
        Self::decode(footer).map_err(|malformed| damaged(malformed.0))
    }

    fn decode(mut bytes: &[u8]) -> Result<Self, Malformed> {
        const TOO_LARGE: Malformed = Malformed("a footer with too large a number");
        let mut next = || varint::take(&mut bytes);
        let small = |number: Result<u64, Malformed>| u32::try_from(number?).map_err(|_| TOO_LARGE);
        Ok(Self {
            series: small(next())?,
            pairs: small(next())?,
            root: Place { offset: next()?, len: small(next())? },
            table: next()?,
            table_crc: small(next())?,
            metadata: Place { offset: next()?, len: small(next())? },
        })
    }
}
