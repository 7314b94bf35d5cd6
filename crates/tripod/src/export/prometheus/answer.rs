//! A scrape's answer as HTTP has it: the page, smaller where the scraper takes it so.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::negotiate::takes_gzip;
use super::scrape;

/// Smaller pages are sent as they are.
const WORTH_GZIP: usize = 1024;

/// A page and what its headers say.
pub(super) struct Answer {
    pub(super) content_type: String,
    pub(super) is_gzip: bool,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// To these headers; `None` if it panics, which is to cost no more than this answer.
    pub(super) fn to(accept: &str, accept_encoding: &str) -> Option<Self> {
        let (content_type, body) = catch_unwind(AssertUnwindSafe(|| scrape(accept))).ok()?;
        if body.len() >= WORTH_GZIP && takes_gzip(accept_encoding) {
            let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
            // Writing into memory does not fail; if it did, the page goes as it is.
            if let Ok(body) = encoder.write_all(&body).and_then(|()| encoder.finish()) {
                return Some(Self { content_type, is_gzip: true, body });
            }
        }
        Some(Self { content_type, is_gzip: false, body })
    }
}
