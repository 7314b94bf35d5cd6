//! JSON lines: the OTLP file format, a request a line, for whoever reads files: a collector's file receiver, `jq`, a later replay.
//!
//! A folder has one file a signal, as the format asks: `traces.jsonl`, `metrics.jsonl`, `logs.jsonl`. A file that is full or old is
//! set aside as `traces.000001.jsonl` and so on; of those, so many are kept. A line is whole or it is not there: what a full disk or a
//! killed process cut off is taken back, and the batch tried again if there is one. Lines are handed to the system one by one and
//! never synced: they survive the process, not a power cut. Decoding OTLP and writing it as JSON costs some microseconds a record,
//! on the exporter's own thread.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::json::to_json;
use super::line_file::{LineFile, Place, Rotation};
use crate::config::OtlpFile;
use crate::pipeline::{Batch, ExportError, Exported, Exporter, Signal, Signals};

/// Writes batches to files; see [`crate::Builder::exporter`].
///
/// ```no_run
/// use std::time::Duration;
/// use tripod::JsonlExporter;
/// # fn main() -> Result<(), tripod::Error> {
/// let files = JsonlExporter::new("/var/log/checkout").max_bytes(64 << 20).max_age(Duration::from_secs(86_400)).keep(7);
/// let _tripod = tripod::init().exporter(files).start()?;
/// # Ok(())
/// # }
/// ```
///
/// A folder, or a file, belongs to one process. A forked child writes to files of its own, with its number: `traces-4711.jsonl`.
#[derive(Debug)]
pub struct JsonlExporter {
    to: To,
    rotation: Rotation,
    signals: Signals,
}

#[derive(Debug)]
enum To {
    Stdout,
    /// By signal.
    Files(Box<[LineFile; 3]>),
}

impl JsonlExporter {
    /// Writes to this folder, which is made if it is missing. Without further settings a file is set aside at 100 MiB or after a day,
    /// and 10 of each signal are kept.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self::to(To::files(|signal| Place { folder: folder.clone(), stem: signal.as_str().to_owned() }))
    }

    /// Writes to stdout, where a container's runtime collects lines. Whatever else the program prints comes between them.
    pub fn stdout() -> Self {
        Self::to(To::Stdout)
    }

    /// Writes one signal to this file, whose name ends with `.jsonl`; `None` when it does not.
    pub(crate) fn file(path: &Path, signal: Signal) -> Option<Self> {
        let place = Place::of(path)?;
        let to = To::files(|_| place.clone());
        Some(Self { signals: Signals::default().with(signal), ..Self::to(to) })
    }

    pub(crate) fn from_config(config: &OtlpFile, signals: Signals) -> Self {
        let OtlpFile { folder, max_bytes, max_age, keep } = config;
        let mut files = Self { signals, ..Self::new(folder) };
        files.rotation.max_bytes = max_bytes.unwrap_or(files.rotation.max_bytes);
        files.rotation.max_age = max_age.unwrap_or(files.rotation.max_age);
        files.rotation.keep = keep.unwrap_or(files.rotation.keep);
        files
    }

    fn to(to: To) -> Self {
        let rotation = Rotation { max_bytes: 100 << 20, max_age: Duration::from_secs(86_400), keep: 10 };
        Self { to, rotation, signals: Signals::only(|_| true) }
    }

    /// Sets a file aside before it grows beyond so many bytes; a single line may be longer.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.rotation.max_bytes = bytes;
        self
    }

    /// Sets a file aside with the first line that comes so long after it was made.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.rotation.max_age = age;
        self
    }

    /// Files set aside that are kept, for each signal; older ones are deleted.
    #[must_use]
    pub fn keep(mut self, files: usize) -> Self {
        self.rotation.keep = files;
        self
    }

    fn write(&mut self, signal: Signal, line: &str) -> io::Result<()> {
        match &mut self.to {
            To::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(line.as_bytes()).and_then(|()| out.flush())
            }
            To::Files(files) => files[signal as usize].append(&self.rotation, line),
        }
    }
}

impl To {
    fn files(place: impl Fn(Signal) -> Place) -> Self {
        Self::Files(Box::new(Signals::ALL.map(|signal| LineFile::new(place(signal)))))
    }
}

impl Exporter for JsonlExporter {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn accepts(&self, signal: Signal) -> bool {
        self.signals.contains(signal)
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        let mut line = to_json(batch).map_err(|error| ExportError::Permanent { reason: error.to_string() })?;
        line.push('\n');
        self.write(batch.signal, &line).map_err(|error| match &self.to {
            To::Stdout => ExportError::Permanent { reason: format!("stdout: {error}") },
            To::Files(files) => {
                let folder = files[batch.signal as usize].place.folder.display();
                ExportError::Retry { after: None, reason: format!("{folder}: {error}") }
            }
        })?;
        Ok(Exported::default())
    }

    fn after_fork(&mut self) {
        if let To::Files(files) = &mut self.to {
            files.iter_mut().for_each(LineFile::after_fork);
        }
    }
}

#[cfg(test)]
mod tests;
