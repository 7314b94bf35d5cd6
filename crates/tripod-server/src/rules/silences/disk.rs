//! The silences' file: a JSON list of silences as the API gives them.

use std::io::{self, ErrorKind};
use std::path::Path;

use serde_json::Value;

use super::silence::{Silence, SilenceRequest};
use crate::{ServerError, durable};

/// The silences of a file; none where there is no file.
pub(super) fn read(path: &Path) -> Result<Vec<Silence>, ServerError> {
    let wrong = |reason: String| {
        ServerError::Config(format!(
            "silences can't be read from {}: {reason}; to begin without, take it away",
            path.display()
        ))
    };
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(|error| wrong(error.to_string()))?,
    };
    let list: Vec<SilenceRequest> = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    list.into_iter().map(SilenceRequest::restored).collect::<Result<_, _>>().map_err(wrong)
}

/// Writes all of them; when this returns `Ok`, they are on disk.
pub(super) fn write(path: &Path, silences: &[Silence]) -> io::Result<()> {
    let list: Value = silences.iter().map(|silence| silence.json(silence.updated_at)).collect();
    durable::replace(path, &serde_json::to_vec_pretty(&list)?)
}
