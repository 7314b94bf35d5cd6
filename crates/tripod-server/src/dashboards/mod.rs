//! Grafana dashboard JSON in, panels out.
//!
//! - [`read`] makes the [`model`] that the page draws, and says what it can't draw.
//! - [`library`] is where dashboards are: those that come with the program, those of a folder that somebody else keeps
//!   ([`Config::dashboards`](crate::Config::dashboards)), and those that were saved here.
//! - [`folder`] looks through a folder of files; [`saved`] writes one.

mod folder;
pub(crate) mod library;
pub(crate) mod model;
pub(crate) mod read;
mod saved;
#[cfg(test)]
mod tests;

/// The largest dashboard; Grafana's own limit is about as much.
pub(crate) const MAX_BYTES: usize = 4 << 20;

/// Whether a text can name a dashboard, as Grafana has it: then it can also name a file.
pub(crate) fn is_uid(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=MAX_UID).contains(&text.len()) && text.bytes().all(allowed) && !WORDS.contains(&text)
}

/// What stands where uids do in addresses: of the API, and of the page.
const WORDS: [&str; 2] = ["read", "new"];

/// The longest uid.
pub(crate) const MAX_UID: usize = 40;

/// Stands for the bytes of a file: who changes a dashboard says which ones they saw.
pub(crate) fn revision(bytes: &[u8]) -> String {
    format!("{:032x}", twox_hash::XxHash3_128::oneshot(bytes))
}
