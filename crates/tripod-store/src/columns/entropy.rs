//! Numbers coded by how often they come, by pco.
//!
//! Only what [`encode`] writes is read again: numbers or their differences, classic bins. pco's other modes hold windows and
//! dictionaries whose size a few damaged bytes could name.

use pco::data_types::Number;
use pco::metadata::{DeltaEncoding, Mode};
use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DeltaSpec, ModeSpec, PagingSpec};

use super::{MAX_VALUES, Malformed};

/// pco's effort, of 12: more takes a part of a block's columns several times as long for bytes that are fewer by a percent or less.
const EFFORT: usize = 4;

/// Appends numbers, `differences` to one another if they are smaller. Numbers are from 1 to [`MAX_VALUES`].
pub(crate) fn encode<T: Number>(numbers: &[T], differences: bool, out: &mut Vec<u8>) {
    let delta = if differences { DeltaSpec::TryConsecutive(1) } else { DeltaSpec::NoOp };
    let config = ChunkConfig::default()
        .with_compression_level(EFFORT)
        .with_mode_spec(ModeSpec::Classic)
        .with_delta_spec(delta)
        .with_paging_spec(PagingSpec::Exact(vec![numbers.len()]));
    debug_assert!((1..=MAX_VALUES).contains(&numbers.len()));
    let file = FileCompressor::default();
    let mut write = || {
        file.write_header(&mut *out)?;
        let mut chunk = file.chunk_compressor(numbers, &config)?;
        chunk.write_meta(&mut *out)?;
        chunk.write_page(0, &mut *out).map(drop)
    };
    write().expect("a count that pco takes, and memory takes all bytes");
}

/// Decodes `count` numbers.
pub(crate) fn decode<T: Number + Default>(bytes: &[u8], count: usize) -> Result<Vec<T>, Malformed> {
    const DAMAGED: Malformed = Malformed("numbers that pco can't read");
    let (file, bytes) = FileDecompressor::new(bytes).map_err(|_| DAMAGED)?;
    let (mut chunk, bytes) = file.chunk_decompressor::<T, _>(bytes).map_err(|_| DAMAGED)?;
    let known = matches!(chunk.meta().delta_encoding, DeltaEncoding::NoOp | DeltaEncoding::Consecutive { .. });
    if !known || chunk.meta().mode != Mode::Classic {
        return Err(Malformed("numbers that pco coded in a way that is never used"));
    }
    let mut page = chunk.page_decompressor(bytes, count).map_err(|_| DAMAGED)?;
    let mut numbers = vec![T::default(); count];
    let progress = page.read(&mut numbers).map_err(|_| DAMAGED)?;
    if progress.n_processed == count { Ok(numbers) } else { Err(DAMAGED) }
}
