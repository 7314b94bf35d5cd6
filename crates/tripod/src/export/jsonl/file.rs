//! The file that lines are appended to, and those set aside.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// When a file is set aside, and how many such are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rotation {
    pub(super) max_bytes: u64,
    pub(super) max_age: Duration,
    pub(super) keep: usize,
}

/// Where the lines of one signal go: `<folder>/<stem>.jsonl`, and set aside `<folder>/<stem>.000001.jsonl`.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) stem: String,
}

/// The file that is written.
#[derive(Debug)]
pub(super) struct Current {
    file: File,
    bytes: u64,
    since: Instant,
}

impl Rotation {
    pub(super) fn is_due(&self, current: &Current, more: usize) -> bool {
        let full = current.bytes + more as u64 > self.max_bytes;
        current.bytes > 0 && (full || current.since.elapsed() >= self.max_age)
    }

    pub(super) fn set_aside(&self, place: &Place) -> io::Result<()> {
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
    fn path(&self) -> PathBuf {
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
    pub(super) fn open(place: &Place) -> io::Result<Self> {
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

    pub(super) fn append(&mut self, line: &str) -> io::Result<()> {
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
