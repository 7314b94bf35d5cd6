//! Files of parts: how they are named, made and read.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Pace;
use crate::disk::{self, Disk, Reader, Writer};
use crate::{StoreError, interrupt};

/// Nanoseconds of a day.
const DAY: u64 = 24 * 60 * 60 * 1_000_000_000;

/// What the manifest knows of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartMeta {
    /// Its number, never used again.
    pub(crate) id: u64,
    /// Its place in the order of arrival: what a part with a greater one has came later. A merge takes neighbours, and has the
    /// greatest of theirs; equal ones go by number.
    pub(crate) sequence: u64,
    /// Its signal's name.
    pub(crate) signal: String,
    /// What is in it, where a signal has parts of several kinds; empty where it has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) kind: String,
    /// The day of its rows, counted from the Unix epoch (UTC).
    pub(crate) day: u64,
    /// How many merges are behind it.
    pub(crate) level: u32,
    /// Rows (spans, records, samples, exemplars).
    pub(crate) rows: u64,
    /// The file's bytes.
    pub(crate) bytes: u64,
    /// The earliest row's time, nanoseconds since the Unix epoch.
    pub(crate) min_time: u64,
    /// The latest row's time.
    pub(crate) max_time: u64,
}

impl PartMeta {
    /// The day of a time in nanoseconds.
    pub(crate) fn day_of(time: u64) -> u64 {
        time / DAY
    }

    /// Where its file is, below the store's directory.
    pub(crate) fn path(&self) -> PathBuf {
        let (year, month, day) = civil(self.day);
        format!("parts/{year:04}-{month:02}-{day:02}/{}-{:010}.part", self.signal, self.id).into()
    }
}

/// Year, month and day of a day counted from the Unix epoch, in the proleptic Gregorian calendar: days are counted from the first
/// of March of year 0, so that the leap day is a year's last.
fn civil(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, of_year - (153 * from_march + 2) / 5 + 1)
}

/// A part's file, open.
#[derive(Debug, Clone)]
pub(crate) struct PartFile {
    /// What the manifest says of it.
    pub(crate) meta: PartMeta,
    /// Where it is, for errors.
    pub(crate) path: PathBuf,
    file: Arc<dyn Reader>,
}

impl PartFile {
    /// Opens the file of a part.
    pub(crate) fn open(disk: &dyn Disk, dir: &Path, meta: &PartMeta) -> Result<Self, StoreError> {
        let path = dir.join(meta.path());
        let file = disk.open(&path).map_err(|source| StoreError::io("cannot open", &path, source))?;
        let part = Self { meta: meta.clone(), path, file };
        if part.len() != meta.bytes {
            let reason = format!("the file has {} bytes, {} were written", part.len(), meta.bytes);
            return Err(part.damaged(part.len().min(meta.bytes), reason));
        }
        Ok(part)
    }

    /// Bytes in it.
    pub(crate) fn len(&self) -> u64 {
        self.file.len()
    }

    /// Reads `len` bytes from `offset` on.
    pub(crate) fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        interrupt::check()?;
        disk::read(self.file.as_ref(), offset, len).map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged(offset, "the file ends before"),
            _ => StoreError::io("cannot read", &self.path, source),
        })
    }

    /// An error that says what is wrong with it.
    pub(crate) fn damaged(&self, offset: u64, reason: impl Into<String>) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), offset, reason: reason.into() }
    }
}

/// Where a signal writes parts to: files that nothing knows of until the engine registers all of them at once.
#[derive(Debug)]
pub(crate) struct PartSink<'a> {
    disk: &'a dyn Disk,
    dir: &'a Path,
    signal: &'static str,
    level: u32,
    next_id: &'a mut dyn PartIds,
    sequence: Option<u64>,
    pace: Option<&'a Pace>,
    created: Vec<PathBuf>,
    written: Vec<PartMeta>,
}

/// Numbers for new parts.
pub(crate) trait PartIds: std::fmt::Debug + Send {
    /// The next one.
    fn next(&mut self) -> u64;
}

impl<'a> PartSink<'a> {
    /// A sink for parts of a signal, of a level.
    pub(crate) fn new(
        disk: &'a dyn Disk,
        dir: &'a Path,
        signal: &'static str,
        level: u32,
        next_id: &'a mut dyn PartIds,
    ) -> Self {
        let (created, written) = (Vec::new(), Vec::new());
        Self { disk, dir, signal, level, next_id, sequence: None, pace: None, created, written }
    }

    /// Gives its parts this place in the order of arrival, and writes them at this pace.
    pub(crate) fn for_merge(self, sequence: u64, pace: &'a Pace) -> Self {
        Self { sequence: Some(sequence), pace: Some(pace), ..self }
    }

    /// Begins a part for rows of a day.
    pub(crate) fn create(&mut self, kind: &str, day: u64) -> Result<NewPart<'a>, StoreError> {
        let id = self.next_id.next();
        let meta = PartMeta {
            id,
            sequence: self.sequence.unwrap_or(id),
            signal: self.signal.to_owned(),
            kind: kind.to_owned(),
            day,
            level: self.level,
            rows: 0,
            bytes: 0,
            min_time: u64::MAX,
            max_time: 0,
        };
        let path = self.dir.join(meta.path());
        let io = |source| StoreError::io("cannot create", &path, source);
        if let Some(parent) = path.parent() {
            self.disk.create_dir_all(parent).map_err(io)?;
        }
        let file = self.disk.create(&path).map_err(io)?;
        self.created.push(path.clone());
        Ok(NewPart { meta, path, file, buffer: Vec::with_capacity(BUFFER), offset: 0, pace: self.pace })
    }

    /// Ends a part: when this returns its bytes are durable; its name will be when the engine has registered it.
    pub(crate) fn finish(&mut self, mut part: NewPart<'_>) -> Result<(), StoreError> {
        part.flush()?;
        part.file.sync().map_err(|source| StoreError::io("cannot write", &part.path, source))?;
        part.meta.bytes = part.offset;
        self.written.push(part.meta);
        Ok(())
    }

    /// The parts that were finished.
    pub(crate) fn written(&self) -> &[PartMeta] {
        &self.written
    }

    /// The files that were created.
    pub(crate) fn created(&self) -> &[PathBuf] {
        &self.created
    }

    /// Makes the names of all files durable.
    pub(crate) fn sync_names(&self) -> Result<(), StoreError> {
        let mut dirs: Vec<&Path> = self.created.iter().filter_map(|path| path.parent()).collect();
        dirs.sort_unstable();
        dirs.dedup();
        let above = self.dir.join("parts");
        // The days' own names stand in the directory above them.
        let above = (!dirs.is_empty()).then_some(above.as_path());
        for dir in dirs.into_iter().chain(above) {
            self.disk.sync_dir(dir).map_err(|source| StoreError::io("cannot write", dir, source))?;
        }
        Ok(())
    }

    /// Removes what was written, as far as that is possible: the rest is removed at the next start.
    pub(crate) fn abandon(self) {
        for path in &self.created {
            let _ = self.disk.remove_file(path);
        }
    }
}

/// Bytes that are gathered before they are written.
const BUFFER: usize = 1 << 20;

/// A part that is being written, front to back.
#[derive(Debug)]
pub(crate) struct NewPart<'a> {
    /// What will be known of it; whoever writes it counts rows and times.
    pub(crate) meta: PartMeta,
    path: PathBuf,
    file: Box<dyn Writer>,
    buffer: Vec<u8>,
    offset: u64,
    pace: Option<&'a Pace>,
}

impl NewPart<'_> {
    /// Bytes written so far: where the next ones will stand.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Counts rows from `min_time` to `max_time`.
    pub(crate) fn count(&mut self, rows: u64, min_time: u64, max_time: u64) {
        self.meta.rows += rows;
        self.meta.min_time = self.meta.min_time.min(min_time);
        self.meta.max_time = self.meta.max_time.max(max_time);
    }

    /// Adds bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.buffer.extend_from_slice(bytes);
        self.offset += bytes.len() as u64;
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.file.write(&self.buffer).map_err(|source| StoreError::io("cannot write", &self.path, source))?;
        self.buffer.clear();
        self.pace.map_or(Ok(()), |pace| pace.rest(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_lies_in_the_directory_of_its_day() {
        let day = |day| {
            let meta = PartMeta {
                id: 7,
                sequence: 7,
                signal: "spans".to_owned(),
                kind: String::new(),
                day,
                level: 0,
                rows: 0,
                bytes: 0,
                min_time: 0,
                max_time: 0,
            };
            meta.path().to_str().unwrap().to_owned()
        };
        assert_eq!(day(0), "parts/1970-01-01/spans-0000000007.part");
        assert_eq!(day(11_016), "parts/2000-02-29/spans-0000000007.part");
        assert_eq!(day(20_778), "parts/2026-11-21/spans-0000000007.part");
        assert_eq!(day(PartMeta::day_of(u64::MAX)), "parts/2554-07-21/spans-0000000007.part");
    }
}
