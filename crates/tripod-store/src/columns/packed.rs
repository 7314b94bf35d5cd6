//! Bytes, compressed with zstd where that makes them fewer.
//!
//! Level 1: on columns higher ones gain a percent for several times the work. A context is set up once a thread, for that costs
//! more than compressing a column of a block does.

use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};

use super::{Malformed, varint};

const LEVEL: i32 = 1;

const RAW: u8 = 0;
const ZSTD: u8 = 1;

/// Fewer bytes are not worth a frame.
const SHORT: usize = 24;

/// zstd makes no more than this of a block, whose head alone takes [`BLOCK_HEAD`] bytes.
const BLOCK: usize = 128 << 10;
const BLOCK_HEAD: usize = 3;

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Appends `raw`, compressed where that is smaller, after a byte that says whether it is.
pub(super) fn pack(raw: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    if raw.len() > SHORT {
        out.push(ZSTD);
        varint::put(raw.len() as u64, out);
        if compress(raw, out) && out.len() - start <= raw.len() {
            return;
        }
        out.truncate(start);
    }
    out.push(RAW);
    out.extend_from_slice(raw);
}

/// Appends a frame; false if there is none.
fn compress(raw: &[u8], out: &mut Vec<u8>) -> bool {
    COMPRESSOR.with_borrow_mut(|compressor| {
        if compressor.is_none() {
            *compressor = Compressor::new(LEVEL).ok();
        }
        let Some(compressor) = compressor else { return false };
        let start = out.len();
        out.resize(start + zstd::zstd_safe::compress_bound(raw.len()), 0);
        let len = compressor.compress_to_buffer(raw, &mut out[start..]);
        out.truncate(start + len.as_ref().copied().unwrap_or_default());
        len.is_ok()
    })
}

/// What [`pack`] was given, if it is at most `limit` bytes.
pub(super) fn unpack(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Malformed> {
    match bytes.split_first() {
        Some((&RAW, raw)) if raw.len() <= limit => Ok(raw.to_vec()),
        Some((&ZSTD, mut frame)) => {
            let len = varint::take(&mut frame)?;
            if len > limit as u64 || len as usize / BLOCK > frame.len() / BLOCK_HEAD {
                return Err(Malformed("a column is larger than its values can be"));
            }
            decompress(frame, len as usize)
        }
        _ => Err(Malformed("a column is packed in no known way")),
    }
}

fn decompress(frame: &[u8], len: usize) -> Result<Vec<u8>, Malformed> {
    DECOMPRESSOR.with_borrow_mut(|decompressor| {
        if decompressor.is_none() {
            *decompressor = Decompressor::new().ok();
        }
        let decompressor = decompressor.as_mut().ok_or(Malformed("there is no memory to decompress a column"))?;
        let raw = decompressor.decompress(frame, len).map_err(|_| Malformed("a column does not decompress"))?;
        if raw.len() == len { Ok(raw) } else { Err(Malformed("a column is of another length")) }
    })
}
