//! What exporters share that send gzip.

use std::io;
use std::io::Write;

use flate2::write::GzEncoder;

/// The bytes, smaller: fast rather than small, as telemetry is so repetitive that the first level finds most of what there is.
///
/// # Errors
/// None is known, as writing into memory does not fail.
pub(super) fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), flate2::Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}
