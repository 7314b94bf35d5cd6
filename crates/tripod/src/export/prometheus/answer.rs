//! A scrape's answer as HTTP has it: the page, smaller where the scraper takes it so.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::negotiate::takes_gzip;
use super::scrape;
use crate::export::gzip::gzip;

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
            // If it failed, the page would go as it is.
            if let Ok(body) = gzip(&body) {
                return Some(Self { content_type, is_gzip: true, body });
            }
        }
        Some(Self { content_type, is_gzip: false, body })
    }
}
