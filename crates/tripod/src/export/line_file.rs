//! A file that lines are appended to, and those set aside before it: what writes JSON lines shares it.
//!
//! `<stem>.jsonl` is written; when it is full or old it becomes `<stem>.000001.jsonl` and so on, of which so many are kept. What is
//! appended is there whole or not at all: what a full disk or a killed process cut off is taken back. Nothing is ever synced: lines
//! survive the process, not a power cut.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// When a file is set aside, and how many such are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rotation {
    pub(crate) max_bytes: u64,
    pub(crate) max_age: Duration,
    pub(crate) keep: usize,
}

/// Where the lines of one signal go: `<folder>/<stem>.jsonl`, and set aside `<folder>/<stem>.000001.jsonl`.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) stem: String,
}

/// The file at a place, with those set aside beside it.
#[derive(Debug)]
pub(crate) struct LineFile {
    pub(crate) place: Place,
    /// Opened with the first lines.
    current: Option<Current>,
}

/// The file that is written.
#[derive(Debug)]
struct Current {
    file: File,
    bytes: u64,
    since: Instant,
}

impl LineFile {
    pub(crate) fn new(place: Place) -> Self {
        Self { place, current: None }
    }

    /// Opens the file unless it is open, so that what is wrong with it shows now.
    pub(crate) fn open(&mut self) -> io::Result<()> {
        if self.current.is_none() {
            self.current = Some(Current::open(&self.place)?);
        }
        Ok(())
    }

    /// Appends whole lines, to a new file if that is due.
    pub(crate) fn append(&mut self, rotation: &Rotation, lines: &str) -> io::Result<()> {
        // One of an earlier run may be full or old already.
        self.open()?;
        if self.current.as_ref().is_some_and(|current| rotation.is_due(current, lines.len())) {
            self.current = None;
            rotation.set_aside(&self.place)?;
        }
        let current = match &mut self.current {
            Some(current) => current,
            none => none.insert(Current::open(&self.place)?),
        };
        let written = current.append(lines);
        if written.is_err() {
            // Opened anew by the next try: the folder may have been moved away.
            self.current = None;
        }
        written
    }

    /// In a forked child: a file of its own, with its number.
    pub(crate) fn after_fork(&mut self) {
        self.place.stem = format!("{}-{}", self.place.stem, std::process::id());
        self.current = None;
    }
}

impl Rotation {
    fn is_due(&self, current: &Current, more: usize) -> bool {
        let full = current.bytes + more as u64 > self.max_bytes;
        current.bytes > 0 && (full || current.since.elapsed() >= self.max_age)
    }

    fn set_aside(&self, place: &Place) -> io::Result<()> {
        let mut numbers = place.set_aside()?;
        let next = numbers.last().map_or(1, |last| last + 1);
        fs::rename(place.path(), place.path_aside(next))?;
        numbers.push(next);
        for old in &numbers[..numbers.len().saturating_sub(self.keep)] {
            fs::remove_file(place.path_aside(*old))?;
        }
        Ok(())
    }
}

impl Place {
    /// The file of this path, whose name has to end with `.jsonl`; `None` when it does not.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let stem = path.file_name()?.to_str()?.strip_suffix(".jsonl").filter(|stem| !stem.is_empty())?;
        // A bare name lies in the folder the process is in, which has to be named to be listed.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(Self { folder: folder.to_owned(), stem: stem.to_owned() })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.jsonl", self.stem))
    }

    fn path_aside(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{}.{number:06}.jsonl", self.stem))
    }

    /// Numbers of the files that were set aside, ascending.
    fn set_aside(&self) -> io::Result<Vec<u64>> {
        let number =
            |name: &str| name.strip_prefix(&*self.stem)?.strip_prefix('.')?.strip_suffix(".jsonl")?.parse::<u64>().ok();
        let mut numbers = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            numbers.extend(file?.file_name().to_str().and_then(number));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}

impl Current {
    fn open(place: &Place) -> io::Result<Self> {
        fs::create_dir_all(&place.folder)?;
        let path = place.path();
        cut_half_line(&path)?;
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let metadata = file.metadata()?;
        // Where the file system does not know, or its clock is ahead, it counts from now.
        let age = metadata.created().ok().and_then(|created| created.elapsed().ok());
        let since = age.and_then(|age| Instant::now().checked_sub(age)).unwrap_or_else(Instant::now);
        Ok(Self { file, bytes: metadata.len(), since })
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

/// A process that was killed while it wrote may have left half a line.
fn cut_half_line(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let len = file.metadata()?.len();
    let whole = end_of_last_line(&mut file, len)?;
    if whole < len { file.set_len(whole) } else { Ok(()) }
}

fn end_of_last_line(file: &mut File, len: u64) -> io::Result<u64> {
    let (mut end, mut block) = (len, vec![0; 64 * 1024]);
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let block = &mut block[..(end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(block)?;
        if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
