//! Request bodies: read with a bound on size and time, decompressed with the same bound.

use std::io::Read;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::in_flight::Lease;
use super::refusal::{Kind, Refusal};

/// A body that has not arrived by then is given up, so that slow senders do not hold memory for ever.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// A body that is too large is read on for a moment, thrown away: a sender that still writes would not see the answer.
const DRAIN_BYTES: usize = 256 << 20;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest window a zstd frame may ask for, as a power of two: 64 MiB.
const ZSTD_WINDOW_LOG: u32 = 26;
const CHUNK: usize = 64 << 10;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Zstd,
}

impl Coding {
    /// The coding of this name in `content-encoding` or `grpc-encoding`.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn read(
    body: Body,
    announced: Option<u64>,
    limit: usize,
    lease: &mut Lease,
) -> Result<Bytes, Refusal> {
    if announced.is_some_and(|announced| announced > limit as u64) {
        drain(body).await;
        return Err(Refusal::too_large(limit));
    }
    match tokio::time::timeout(READ_TIMEOUT, collect(body, limit, lease)).await {
        Ok(result) => result,
        Err(_) => Err(Refusal::new(Kind::TimedOut, format!("the body did not arrive within {READ_TIMEOUT:?}"))),
    }
}

async fn collect(mut body: Body, limit: usize, lease: &mut Lease) -> Result<Bytes, Refusal> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal::invalid(format!("the body broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > limit {
            drain(body).await;
            return Err(Refusal::too_large(limit));
        }
        if let Err(refusal) = lease.grow(data.len()) {
            drain(body).await;
            return Err(refusal);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

async fn drain(mut body: Body) {
    let read = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > DRAIN_BYTES {
                return;
            }
        }
    };
    // Past the time the connection is simply closed.
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, read).await;
}

/// Decompresses a body into at most `limit` bytes. Blocks for as long as that takes.
pub(crate) fn decompress(coding: Coding, bytes: Bytes, limit: usize, lease: &mut Lease) -> Result<Bytes, Refusal> {
    match coding {
        Coding::Identity => Ok(bytes),
        Coding::Gzip => inflate(flate2::bufread::MultiGzDecoder::new(&bytes[..]), "gzip", limit, lease),
        Coding::Zstd => {
            let broken = |error: std::io::Error| Refusal::invalid(format!("not valid zstd: {error}"));
            let mut decoder = zstd::stream::read::Decoder::with_buffer(&bytes[..]).map_err(broken)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(broken)?;
            inflate(decoder, "zstd", limit, lease)
        }
    }
}

/// Claims memory for what a body of snappy becomes, which is at most `limit` bytes.
pub(crate) fn claim_snappy(bytes: &[u8], limit: usize, lease: &mut Lease) -> Result<(), Refusal> {
    let length = snap::raw::decompress_len(bytes).map_err(|error| invalid_snappy(&error))?;
    if length > limit {
        return Err(Refusal::too_large(limit));
    }
    lease.grow(length)
}

/// Decompresses a body of snappy, for which memory was claimed.
pub(crate) fn unsnap(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    snap::raw::Decoder::new().decompress_vec(bytes).map_err(|error| invalid_snappy(&error))
}

pub(crate) fn invalid_snappy(error: &snap::Error) -> Refusal {
    Refusal::invalid(format!("not valid snappy: {error}"))
}

fn inflate(mut decoder: impl Read, coding: &str, limit: usize, lease: &mut Lease) -> Result<Bytes, Refusal> {
    let mut whole = Vec::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = match decoder.read(&mut chunk) {
            Ok(0) => return Ok(whole.into()),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Refusal::invalid(format!("not valid {coding}: {error}"))),
        };
        if whole.len() + read > limit {
            return Err(Refusal::too_large(limit));
        }
        lease.grow(read)?;
        whole.extend_from_slice(&chunk[..read]);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::receive::in_flight::InFlight;

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    #[test]
    fn compressed_bytes_come_back_as_they_were() {
        let mut lease = InFlight::new(1 << 20).lease();
        let packed = zstd::encode_all(&b"hello"[..], 3).unwrap().into();
        assert_eq!(decompress(Coding::Zstd, packed, 100, &mut lease).unwrap(), "hello");
        assert_eq!(decompress(Coding::Gzip, gzip(b"hello"), 100, &mut lease).unwrap(), "hello");
    }

    #[test]
    fn a_bomb_is_too_large_before_it_goes_off() {
        let in_flight = InFlight::new(10 << 20);
        let zeros = vec![0; 20 << 20];
        for (coding, bytes) in
            [(Coding::Gzip, gzip(&zeros)), (Coding::Zstd, zstd::encode_all(&zeros[..], 3).unwrap().into())]
        {
            let mut lease = in_flight.lease();
            let refusal = decompress(coding, bytes, 1 << 20, &mut lease).unwrap_err();
            assert_eq!(refusal.kind, Kind::TooLarge);
            assert!(in_flight.used() <= 1 << 20);
        }
    }

    #[test]
    fn broken_compression_is_an_error_that_names_it() {
        let mut lease = InFlight::new(1 << 20).lease();
        for (coding, name) in [(Coding::Gzip, "gzip"), (Coding::Zstd, "zstd")] {
            let refusal = decompress(coding, Bytes::from_static(b"not at all"), 100, &mut lease).unwrap_err();
            assert!(refusal.reason.starts_with(&format!("not valid {name}")), "{refusal:?}");
        }
    }
}
