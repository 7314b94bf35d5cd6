//! Makes what is sent smaller, on the exporter's own thread.

use std::borrow::Cow;

use crate::config::Compression;
use crate::export::gzip::gzip;

/// Fast rather than small: telemetry is repetitive, so the first level finds most of what there is.
#[cfg(feature = "zstd")]
const ZSTD_LEVEL: i32 = 1;

/// What was compressed, and the name of how; as it was where that was not asked for.
pub(super) fn compress(body: &[u8], how: Compression) -> (Cow<'_, [u8]>, Option<&'static str>) {
    let compressed = match how {
        Compression::None => None,
        Compression::Gzip => gzip(body).ok().map(|body| (body, "gzip")),
        #[cfg(feature = "zstd")]
        Compression::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL).ok().map(|body| (body, "zstd")),
    };
    // Compressing in memory does not fail; if it did, the body goes as it is.
    compressed.map_or((Cow::Borrowed(body), None), |(body, name)| (Cow::Owned(body), Some(name)))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn body() -> Vec<u8> {
        b"spans and spans and spans and spans".repeat(50)
    }

    #[test]
    fn gzip_is_undone_by_gunzip() {
        let body = body();
        let (sent, name) = compress(&body, Compression::Gzip);
        assert_eq!(name, Some("gzip"));
        assert!(sent.len() * 10 < body.len(), "{} of {}", sent.len(), body.len());
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&*sent).read_to_end(&mut back).unwrap();
        assert_eq!(back, body);
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn zstd_is_undone_by_its_decoder() {
        let body = body();
        let (sent, name) = compress(&body, Compression::Zstd);
        assert_eq!(name, Some("zstd"));
        assert!(sent.len() * 10 < body.len(), "{} of {}", sent.len(), body.len());
        assert_eq!(zstd::bulk::decompress(&sent, 1 << 20).unwrap(), body);
    }

    #[test]
    fn nothing_is_copied_where_nothing_is_asked_for() {
        assert!(matches!(compress(&body(), Compression::None), (Cow::Borrowed(_), None)));
    }
}
