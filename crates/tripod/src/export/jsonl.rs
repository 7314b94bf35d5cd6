//! JSON lines: the OTLP file format, a request a line, for whoever reads files: a collector's file receiver, `jq`, a later replay.
//!
//! A folder has one file a signal, as the format asks: `traces.jsonl`, `metrics.jsonl`, `logs.jsonl`. A file that is full or old is
//! set aside as `traces.000001.jsonl` and so on; of those, so many are kept. A line is whole or it is not there: what a full disk
//! cut off is taken back, and the batch tried again. Decoding OTLP and writing it as JSON costs some microseconds a record, on
//! the exporter's own thread.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tripod_wire::WireError;
use tripod_wire::otlp::{LogsData, MetricsData, TracesData};
use tripod_wire::proto::Message;

use crate::pipeline::{Batch, ExportError, Exported, Exporter, Signal};

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
#[derive(Debug)]
pub struct JsonlExporter {
    folder: PathBuf,
    rotation: Rotation,
    /// By signal; opened with the first batch.
    files: [Option<Current>; 3],
}

/// When a file is set aside, and how many such are kept.
#[derive(Debug)]
struct Rotation {
    max_bytes: u64,
    max_age: Duration,
    keep: usize,
}

/// The file that is written.
#[derive(Debug)]
struct Current {
    file: File,
    bytes: u64,
    since: Instant,
}

impl JsonlExporter {
    /// Writes to this folder, which is made if it is missing. Without further settings a file is set aside at 100 MiB or after a day,
    /// and 10 of each signal are kept.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let rotation = Rotation { max_bytes: 100 << 20, max_age: Duration::from_secs(86_400), keep: 10 };
        Self { folder: folder.into(), rotation, files: Default::default() }
    }

    /// Sets a file aside before it grows beyond so many bytes; a single line may be longer.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.rotation.max_bytes = bytes;
        self
    }

    /// Sets a file aside once it has been written to for so long.
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
        let slot = &mut self.files[signal as usize];
        if slot.as_ref().is_some_and(|current| self.rotation.is_due(current, line.len())) {
            *slot = None;
            self.rotation.set_aside(&self.folder, signal)?;
        }
        let current = match slot {
            Some(current) => current,
            None => slot.insert(Current::open(&self.folder, signal)?),
        };
        let written = current.append(line);
        if written.is_err() {
            // Opened anew by the next try: the folder may have been moved away.
            *slot = None;
        }
        written
    }
}

impl Rotation {
    fn is_due(&self, current: &Current, more: usize) -> bool {
        let full = current.bytes > 0 && current.bytes + more as u64 > self.max_bytes;
        full || current.since.elapsed() >= self.max_age
    }

    fn set_aside(&self, folder: &Path, signal: Signal) -> io::Result<()> {
        let mut numbers = set_aside(folder, signal)?;
        let next = numbers.last().map_or(1, |last| last + 1);
        fs::rename(path(folder, signal), path_aside(folder, signal, next))?;
        numbers.push(next);
        for old in &numbers[..numbers.len().saturating_sub(self.keep)] {
            fs::remove_file(path_aside(folder, signal, *old))?;
        }
        Ok(())
    }
}

impl Current {
    fn open(folder: &Path, signal: Signal) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let file = OpenOptions::new().create(true).append(true).open(path(folder, signal))?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes, since: Instant::now() })
    }

    fn append(&mut self, line: &str) -> io::Result<()> {
        let written = self.file.write_all(line.as_bytes());
        if written.is_err() {
            // Half a line would spoil the file for its readers.
            self.file.set_len(self.bytes)?;
        }
        written?;
        self.bytes += line.len() as u64;
        Ok(())
    }
}

fn path(folder: &Path, signal: Signal) -> PathBuf {
    folder.join(format!("{}.jsonl", signal.as_str()))
}

fn path_aside(folder: &Path, signal: Signal, number: u64) -> PathBuf {
    folder.join(format!("{}.{number:06}.jsonl", signal.as_str()))
}

/// Numbers of the files that were set aside, ascending.
fn set_aside(folder: &Path, signal: Signal) -> io::Result<Vec<u64>> {
    let number =
        |name: &str| name.strip_prefix(signal.as_str())?.strip_prefix('.')?.strip_suffix(".jsonl")?.parse::<u64>().ok();
    let mut numbers = Vec::new();
    for file in fs::read_dir(folder)? {
        numbers.extend(file?.file_name().to_str().and_then(number));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

impl Exporter for JsonlExporter {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        let mut line = to_json(batch).map_err(|error| ExportError::Permanent { reason: error.to_string() })?;
        line.push('\n');
        self.write(batch.signal, &line).map_err(|error| {
            let reason = format!("{}: {error}", self.folder.display());
            ExportError::Retry { after: None, reason }
        })?;
        Ok(Exported::default())
    }
}

fn to_json(batch: &Batch) -> Result<String, WireError> {
    Ok(match batch.signal {
        Signal::Traces => TracesData::decode(&batch.body)?.to_json(),
        Signal::Metrics => MetricsData::decode(&batch.body)?.to_json(),
        Signal::Logs => LogsData::decode(&batch.body)?.to_json(),
    })
}

#[cfg(test)]
mod tests {
    use tripod_wire::otlp::{LogRecord, ResourceLogs, ScopeLogs};

    use super::*;

    fn batch(text: &str) -> Batch {
        let log_records = vec![LogRecord { event_name: text.to_owned(), ..Default::default() }];
        let scope_logs = vec![ScopeLogs { log_records, ..Default::default() }];
        let data = LogsData { resource_logs: vec![ResourceLogs { scope_logs, ..Default::default() }] };
        Batch { signal: Signal::Logs, records: 1, body: data.encode_to_vec() }
    }

    /// The files of a folder, each with the events of its lines.
    fn read(folder: &Path) -> Vec<(String, Vec<String>)> {
        let event = |line: &str| {
            let data = LogsData::from_json(line.as_bytes()).unwrap();
            data.resource_logs[0].scope_logs[0].log_records[0].event_name.clone()
        };
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap())
            .map(|file| {
                let text = fs::read_to_string(file.path()).unwrap();
                (file.file_name().into_string().unwrap(), text.lines().map(event).collect())
            })
            .collect();
        files.sort();
        files
    }

    fn export(exporter: &mut JsonlExporter, events: &[&str]) {
        for event in events {
            exporter.export(&batch(event)).unwrap();
        }
    }

    #[test]
    fn each_batch_is_a_line_and_a_later_run_goes_on_where_the_last_one_ended() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("made/for/it");
        export(&mut JsonlExporter::new(&below), &["one", "two"]);
        export(&mut JsonlExporter::new(&below), &["three"]);
        let events = ["one", "two", "three"].map(str::to_owned).to_vec();
        assert_eq!(read(&below), [("logs.jsonl".to_owned(), events)]);
    }

    #[test]
    fn a_full_file_is_set_aside_and_the_oldest_are_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let line = to_json(&batch("1")).unwrap().len() as u64 + 1;
        let mut exporter = JsonlExporter::new(folder.path()).max_bytes(2 * line).keep(2);
        export(&mut exporter, &["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
        let files =
            [("logs.000003.jsonl", vec!["5", "6"]), ("logs.000004.jsonl", vec!["7", "8"]), ("logs.jsonl", vec!["9"])];
        let files = files.map(|(name, events)| (name.to_owned(), events.into_iter().map(str::to_owned).collect()));
        assert_eq!(read(folder.path()), files);
    }

    #[test]
    fn an_old_file_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let mut exporter = JsonlExporter::new(folder.path()).max_age(Duration::ZERO);
        export(&mut exporter, &["one", "two"]);
        assert_eq!(read(folder.path()).len(), 2);
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_tried_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = JsonlExporter::new(file.path()).export(&batch("one")).unwrap_err();
        let ExportError::Retry { reason, .. } = error else { panic!("{error:?}") };
        assert!(reason.contains(&file.path().display().to_string()));
    }
}
