//! JSON lines: the OTLP file format, a request a line, for whoever reads files: a collector's file receiver, `jq`, a later replay.
//!
//! A folder has one file a signal, as the format asks: `traces.jsonl`, `metrics.jsonl`, `logs.jsonl`. A file that is full or old is
//! set aside as `traces.000001.jsonl` and so on; of those, so many are kept. A line is whole or it is not there: what a full disk or a
//! killed process cut off is taken back, and the batch tried again if there is one. Lines are handed to the system one by one and
//! never synced: they survive the process, not a power cut. Decoding OTLP and writing it as JSON costs some microseconds a record,
//! on the exporter's own thread.

mod file;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::file::{Current, Place, Rotation};
use super::json::to_json;
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
    Files(Box<[Written; 3]>),
}

#[derive(Debug)]
struct Written {
    place: Place,
    /// Opened with the first batch.
    current: Option<Current>,
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
        let stem = path.file_name()?.to_str()?.strip_suffix(".jsonl").filter(|stem| !stem.is_empty())?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let to = To::files(|_| Place { folder: folder.to_owned(), stem: stem.to_owned() });
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
        let Written { place, current: slot } = match &mut self.to {
            To::Stdout => {
                let mut out = io::stdout().lock();
                return out.write_all(line.as_bytes()).and_then(|()| out.flush());
            }
            To::Files(files) => &mut files[signal as usize],
        };
        if slot.is_none() {
            // One of an earlier run may be full or old already.
            *slot = Some(Current::open(place)?);
        }
        if slot.as_ref().is_some_and(|current| self.rotation.is_due(current, line.len())) {
            *slot = None;
            self.rotation.set_aside(place)?;
        }
        let current = match slot {
            Some(current) => current,
            None => slot.insert(Current::open(place)?),
        };
        let written = current.append(line);
        if written.is_err() {
            // Opened anew by the next try: the folder may have been moved away.
            *slot = None;
        }
        written
    }
}

impl To {
    fn files(place: impl Fn(Signal) -> Place) -> Self {
        Self::Files(Box::new(Signals::ALL.map(|signal| Written { place: place(signal), current: None })))
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
            for Written { place, current } in files.iter_mut() {
                place.stem = format!("{}-{}", place.stem, std::process::id());
                *current = None;
            }
        }
    }
}

#[cfg(test)]
mod tests;
