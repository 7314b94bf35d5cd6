//! The file of events: batches of lines, each written whole or tried again.
//!
//! What can't be written, as the disk is full or the folder is gone, waits for the next try, the oldest batch going first when more wait
//! than a collector keeps events.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use super::counts::Counts;
use crate::export::line_file::{LineFile, Place, Rotation};
use crate::say::say;

/// How often it complains on stderr.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// The file, and what waits for it.
pub(super) struct Journal {
    file: LineFile,
    rotation: Rotation,
    waiting: VecDeque<Lines>,
    max_events: u64,
    /// Batches that were written, kept for their memory.
    spare: Option<Lines>,
    said: Option<Instant>,
}

/// Lines that are written at once.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) text: String,
    pub(super) events: u64,
}

impl Journal {
    /// Opens the file now, so that what is wrong with it shows at once.
    pub(super) fn open(place: Place, rotation: Rotation, max_events: usize, in_child: bool) -> io::Result<Self> {
        let mut file = LineFile::new(place);
        if in_child {
            file.after_fork();
        }
        file.open()?;
        let max_events = max_events as u64;
        Ok(Self { file, rotation, waiting: VecDeque::new(), max_events, spare: None, said: None })
    }

    /// Lines to fill and to add.
    pub(super) fn lines(&mut self) -> Lines {
        self.spare.take().unwrap_or_default()
    }

    pub(super) fn add(&mut self, lines: Lines, counts: &Counts) {
        self.waiting.push_back(lines);
        self.write(counts);
        while self.waiting.iter().map(|lines| lines.events).sum::<u64>() > self.max_events {
            let Some(lost) = self.waiting.pop_front() else { break };
            counts.unwritten.add(lost.events);
        }
    }

    /// Writes what waits, as far as it goes.
    pub(super) fn write(&mut self, counts: &Counts) {
        while let Some(lines) = self.waiting.front() {
            if let Err(error) = self.file.append(&self.rotation, &lines.text) {
                counts.write_errors.add(1);
                self.complain(&error);
                return;
            }
            counts.persisted.add(lines.events);
            let mut written = self.waiting.pop_front().unwrap_or_default();
            written.text.clear();
            written.events = 0;
            self.spare = Some(written);
        }
    }

    /// Nothing is written any more: what waits is lost.
    pub(super) fn end(&mut self, counts: &Counts) {
        self.write(counts);
        self.waiting.drain(..).for_each(|lines| counts.unwritten.add(lines.events));
    }

    fn complain(&mut self, error: &io::Error) {
        if self.said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            self.said = Some(Instant::now());
            say(format_args!("events can't be written to {}, and wait: {error}", self.file.place.path().display()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(folder: &std::path::Path, max_events: usize) -> Journal {
        let place = Place { folder: folder.to_owned(), stem: "events".to_owned() };
        let rotation = Rotation { max_bytes: 1 << 20, max_age: Duration::MAX, keep: 1 };
        Journal::open(place, rotation, max_events, false).unwrap()
    }

    fn add(journal: &mut Journal, counts: &Counts, text: &str) {
        let mut lines = journal.lines();
        assert!(lines.text.is_empty());
        lines.text.push_str(text);
        lines.events = text.lines().count() as u64;
        journal.add(lines, counts);
    }

    #[test]
    #[cfg(unix)]
    fn what_a_full_disk_refuses_waits_and_the_oldest_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let counts = Counts::default();
        let mut journal = journal(folder.path(), 3);
        add(&mut journal, &counts, "1\n");
        // A device that is always full.
        let path = folder.path().join("events.jsonl");
        let aside = folder.path().join("aside");
        std::fs::rename(&path, &aside).unwrap();
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        journal.file = LineFile::new(journal.file.place.clone());
        for text in ["2\n3\n", "4\n", "5\n"] {
            add(&mut journal, &counts, text);
        }
        assert_eq!((counts.persisted.get(), counts.unwritten.get(), counts.write_errors.get()), (1, 2, 3));
        std::fs::remove_file(&path).unwrap();
        std::fs::rename(&aside, &path).unwrap();
        add(&mut journal, &counts, "6\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n4\n5\n6\n");
        assert_eq!((counts.persisted.get(), counts.unwritten.get()), (4, 2));
    }

    #[test]
    #[cfg(unix)]
    fn what_still_waits_at_the_end_is_lost_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let counts = Counts::default();
        let mut journal = journal(folder.path(), 10);
        let path = folder.path().join("events.jsonl");
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        journal.file = LineFile::new(journal.file.place.clone());
        add(&mut journal, &counts, "1\n2\n");
        journal.end(&counts);
        assert_eq!((counts.persisted.get(), counts.unwritten.get()), (0, 2));
    }
}
