//! Small whole numbers in few bits: all in as many as most of them need, or by pco.

use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DeltaSpec, ModeSpec, PagingSpec};

use crate::columns::Malformed;
use crate::columns::varint;

/// The widest number that is read with one load of eight bytes, at any bit of the first.
const WIDEST: u32 = 57;
/// pco's level; higher ones gain nothing here.
const LEVEL: usize = 8;

pub(super) fn bits(value: u64) -> u32 {
    64 - value.leading_zeros()
}

/// The best width by how many numbers have each length, and what it costs in bits: a number that has more takes a byte for its
/// place and a byte for seven bits of its rest. More than half of them never stand apart.
pub(super) fn width(lengths: &[usize; 65], count: usize) -> (u32, usize) {
    let longest = lengths.iter().rposition(|count| *count > 0).unwrap_or_default();
    let apart = |width: usize| {
        (width + 1..=longest).map(|len| lengths[len] * (8 + 8 * (len - width).div_ceil(7))).sum::<usize>()
    };
    let mut best = (0, usize::MAX);
    let mut above = 0;
    for width in (0..=longest).rev() {
        if width <= WIDEST as usize {
            let cost = count * width + apart(width);
            if cost < best.1 {
                best = (width as u32, cost);
            }
        }
        above += lengths[width];
        if above > count / 2 && best.1 < usize::MAX {
            break;
        }
    }
    best
}

pub(super) fn pack_bits(offsets: &[u64], width: u32, out: &mut Vec<u8>) {
    let mask = mask(width);
    out.push(width as u8);
    let larger = offsets.iter().enumerate().filter(|(_, offset)| **offset > mask);
    varint::put(larger.clone().count() as u64, out);
    let mut next = 0;
    for (at, offset) in larger {
        varint::put((at - next) as u64, out);
        varint::put(offset >> width, out);
        next = at + 1;
    }
    let (mut word, mut filled) = (0u128, 0);
    for offset in offsets {
        word |= u128::from(offset & mask) << filled;
        filled += width;
        if filled >= 64 {
            out.extend_from_slice(&(word as u64).to_le_bytes());
            word >>= 64;
            filled -= 64;
        }
    }
    out.extend_from_slice(&word.to_le_bytes()[..filled.div_ceil(8) as usize]);
}

fn mask(width: u32) -> u64 {
    (1 << width) - 1
}

pub(super) fn unpack_bits(mut bytes: &[u8], offsets: &mut [u64]) -> Result<(), Malformed> {
    const CUT: Malformed = Malformed("numbers of a chunk are cut off");
    let (width, rest) = bytes.split_first().ok_or(CUT)?;
    let width = u32::from(*width);
    if width > WIDEST {
        return Err(Malformed("numbers of a chunk are too wide"));
    }
    bytes = rest;
    let larger = varint::take(&mut bytes)?;
    let mut exceptions = bytes;
    for _ in 0..larger {
        varint::take(&mut bytes)?;
        varint::take(&mut bytes)?;
    }
    if (offsets.len() * width as usize).div_ceil(8) != bytes.len() {
        return Err(CUT);
    }
    if width == 0 {
        offsets.fill(0);
    } else {
        unpack_words(bytes, width, offsets);
    }
    let mut next = 0usize;
    for _ in 0..larger {
        let at = next.saturating_add(varint::take(&mut exceptions)? as usize);
        let offset = offsets.get_mut(at).ok_or(Malformed("a large number of a chunk has no place"))?;
        *offset |= varint::take(&mut exceptions)? << width;
        next = at + 1;
    }
    Ok(())
}

fn unpack_words(bytes: &[u8], width: u32, offsets: &mut [u64]) {
    let mask = mask(width);
    let width = width as usize;
    // Those whose eight bytes lie within.
    let whole = (bytes.len().saturating_sub(7) * 8).div_ceil(width).min(offsets.len());
    let (fast, slow) = offsets.split_at_mut(whole);
    let mut at = 0;
    for offset in fast {
        let word = bytes[at / 8..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
        *offset = word >> (at % 8) & mask;
        at += width;
    }
    for offset in slow {
        let word = bytes[at / 8..].iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        *offset = word >> (at % 8) & mask;
        at += width;
    }
}

pub(super) fn pack_pco(offsets: &[u64], largest: u64) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(offsets.len());
    match bits(largest) {
        0..=8 => pco_as::<u8>(offsets, |offset| offset as u8, &mut out),
        9..=16 => pco_as::<u16>(offsets, |offset| offset as u16, &mut out),
        17..=32 => pco_as::<u32>(offsets, |offset| offset as u32, &mut out),
        _ => pco_as::<u64>(offsets, |offset| offset, &mut out),
    }
    .ok()?;
    Some(out)
}

fn pco_as<T: pco::data_types::Number>(
    offsets: &[u64],
    narrow: impl Fn(u64) -> T,
    out: &mut Vec<u8>,
) -> Result<(), pco::errors::PcoError> {
    let narrowed: Vec<T> = offsets.iter().map(|offset| narrow(*offset)).collect();
    out.push(size_of::<T>() as u8);
    let config = ChunkConfig::default()
        .with_compression_level(LEVEL)
        .with_mode_spec(ModeSpec::Classic)
        .with_delta_spec(DeltaSpec::NoOp)
        .with_paging_spec(PagingSpec::EqualPagesUpTo(offsets.len()))
        .with_enable_8_bit(true);
    let file = FileCompressor::default();
    file.write_header(&mut *out)?;
    let mut chunk = file.chunk_compressor(&narrowed, &config)?;
    chunk.write_meta(&mut *out)?;
    chunk.write_page(0, out)?;
    Ok(())
}

pub(super) fn unpack_pco(bytes: &[u8], offsets: &mut [u64]) -> Result<(), Malformed> {
    let unpacked = match bytes.split_first() {
        Some((1, rest)) => unpco_as::<u8>(rest, offsets, u64::from),
        Some((2, rest)) => unpco_as::<u16>(rest, offsets, u64::from),
        Some((4, rest)) => unpco_as::<u32>(rest, offsets, u64::from),
        Some((8, rest)) => unpco_as::<u64>(rest, offsets, |offset| offset),
        _ => return Err(Malformed("numbers of a chunk of no known size")),
    };
    unpacked.map_err(|_| Malformed("numbers of a chunk do not decompress"))
}

fn unpco_as<T: pco::data_types::Number + Default + Copy>(
    bytes: &[u8],
    offsets: &mut [u64],
    widen: impl Fn(T) -> u64,
) -> Result<(), pco::errors::PcoError> {
    let (file, rest) = FileDecompressor::new(bytes)?;
    let (mut chunk, rest) = file.chunk_decompressor::<T, _>(rest)?;
    let mut narrow = vec![T::default(); offsets.len()];
    chunk.page_decompressor(rest, offsets.len())?.read(&mut narrow)?;
    offsets.iter_mut().zip(narrow).for_each(|(offset, narrow)| *offset = widen(narrow));
    Ok(())
}
