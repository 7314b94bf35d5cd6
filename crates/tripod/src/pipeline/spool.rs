//! The spool: batches on disk while their destination is away, a file each, the oldest sent first.
//!
//! A batch is written to a temporary file and renamed, so a file that has its name is whole; a checksum tells when the disk says
//! otherwise. What is on disk when the program ends, or is killed, is sent by its next run. It survives the process, not a power
//! cut: nothing is synced, as that would make an outage slow.
//!
//! A folder belongs to one process at a time, by a lock that the system releases however the process ends. Several processes
//! with one spool get a folder each, and whoever starts takes over what the dead have left. A forked child gets a folder of its own as
//! well: it lets go of its parent's lock at once, or that would outlive the parent.

mod lock;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use self::lock::Lock;
use super::{Batch, Signal, Signals};
use crate::Error;

/// Processes that may share one spool.
const MAX_FOLDERS: usize = 256;

/// What each file begins with; the digit is the format's version.
const MAGIC: &[u8; 8] = b"TRIPODS1";

/// Magic and checksum.
const HEADER_BYTES: usize = MAGIC.len() + 4;

/// What a file takes on disk at least.
const BLOCK_BYTES: u64 = 4096;

const TEMPORARY: &str = "writing";

/// Where the spool is, and how large it may grow for each exporter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpoolConfig {
    pub(crate) folder: PathBuf,
    pub(crate) max_bytes: u64,
}

impl SpoolConfig {
    /// The spool of the exporter of this name.
    pub(crate) fn open(&self, exporter: &str) -> Result<Spool, Error> {
        let wrap = |source| Error::Spool { folder: self.folder.clone(), source };
        Spool::open(&self.folder, exporter, self.max_bytes).map_err(wrap)
    }
}

/// One exporter's batches on disk, oldest first.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    /// Held for as long as the folder is ours.
    _lock: Lock,
    waiting: VecDeque<Entry>,
    on_disk: OnDisk,
    /// The batch that is being sent: never dropped to make room, or it would count twice.
    sending: Option<u64>,
    next: u64,
    bytes: u64,
    limit: u64,
}

/// What waits on disk, by signal.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OnDisk {
    pub(crate) batches: [usize; 3],
    pub(crate) records: [u64; 3],
}

/// A batch on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) signal: Signal,
    pub(crate) records: u64,
    /// What it counts for against the limit.
    bytes: u64,
}

impl Spool {
    /// A folder of our own under `root`, with all that processes which ended have left there.
    fn open(root: &Path, exporter: &str, limit: u64) -> io::Result<Self> {
        let (folder, lock) = claim(root, exporter)?;
        let waiting = VecDeque::new();
        let on_disk = OnDisk::default();
        let mut spool = Self { folder, _lock: lock, waiting, on_disk, sending: None, next: 0, bytes: 0, limit };
        let _ = fs::remove_file(spool.folder.join(TEMPORARY));
        for (entry, _) in entries(&spool.folder)? {
            spool.admit(entry);
        }
        spool.take_over(root, exporter);
        Ok(spool)
    }

    /// How much waits.
    pub(crate) fn on_disk(&self) -> OnDisk {
        self.on_disk
    }

    /// What waits, oldest first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.waiting.iter()
    }

    /// The oldest batch of these signals, to be sent now: it stays until it is removed.
    pub(crate) fn oldest(&mut self, of: Signals) -> Option<Entry> {
        let oldest = self.waiting.iter().find(|entry| of.contains(entry.signal)).copied();
        self.sending = oldest.map(|entry| entry.number);
        oldest
    }

    /// The batch that was to be sent waits again, and may have to make room.
    pub(crate) fn release(&mut self) {
        self.sending = None;
    }

    /// Adds a batch as the newest, at the cost of the oldest where there is no room. Answers what had to go.
    ///
    /// # Errors
    /// When it can't be written; then nothing is changed.
    pub(crate) fn push(&mut self, batch: &Batch) -> io::Result<Vec<Entry>> {
        let bytes = size_on_disk(batch.body.len());
        if bytes > self.limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the batch is larger than the spool"));
        }
        let dropped = self.make_room(bytes);
        let entry = Entry { number: self.next, signal: batch.signal, records: batch.records, bytes };
        let temporary = self.folder.join(TEMPORARY);
        let written = write_file(&temporary, &batch.body).and_then(|()| fs::rename(&temporary, self.path(&entry)));
        if let Err(error) = written {
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        self.admit(entry);
        Ok(dropped)
    }

    /// Reads a batch that waits.
    ///
    /// # Errors
    /// When its file is gone or damaged.
    pub(crate) fn read(&self, entry: &Entry) -> io::Result<Batch> {
        let body = read_file(&self.path(entry))?;
        Ok(Batch { signal: entry.signal, records: entry.records, body })
    }

    /// Forgets a batch, as it was sent or never will be.
    pub(crate) fn remove(&mut self, number: u64) {
        self.sending = self.sending.filter(|sending| *sending != number);
        let Some(at) = self.waiting.iter().position(|entry| entry.number == number) else { return };
        let Some(entry) = self.waiting.remove(at) else { return };
        self.bytes -= entry.bytes;
        self.on_disk.batches[entry.signal as usize] -= 1;
        self.on_disk.records[entry.signal as usize] -= entry.records;
        // A file that stays is sent twice at worst.
        let _ = fs::remove_file(self.path(&entry));
    }

    fn make_room(&mut self, bytes: u64) -> Vec<Entry> {
        let mut dropped = Vec::new();
        while self.bytes + bytes > self.limit {
            let free = self.waiting.iter().copied().find(|entry| Some(entry.number) != self.sending);
            let Some(oldest) = free else { break };
            self.remove(oldest.number);
            dropped.push(oldest);
        }
        dropped
    }

    fn admit(&mut self, entry: Entry) {
        self.next = self.next.max(entry.number + 1);
        self.bytes += entry.bytes;
        self.on_disk.batches[entry.signal as usize] += 1;
        self.on_disk.records[entry.signal as usize] += entry.records;
        self.waiting.push_back(entry);
    }

    /// Moves what dead processes left in their folders into ours.
    fn take_over(&mut self, root: &Path, exporter: &str) {
        for folder in (0..MAX_FOLDERS).map(|at| folder(root, exporter, at)) {
            if folder == self.folder {
                continue;
            }
            // A folder that can't be read or locked is somebody else's.
            let Ok(Some(_lock)) = Lock::take(&folder) else { continue };
            for (left, path) in entries(&folder).unwrap_or_default() {
                let entry = Entry { number: self.next, ..left };
                if fs::rename(path, self.path(&entry)).is_ok() {
                    self.admit(entry);
                }
            }
        }
    }

    fn path(&self, entry: &Entry) -> PathBuf {
        self.folder.join(format!("{:016x}.{}.{}", entry.number, entry.signal.as_str(), entry.records))
    }
}

fn folder(root: &Path, exporter: &str, at: usize) -> PathBuf {
    root.join(format!("{exporter}-{at}"))
}

/// Locks the first folder that nobody has.
fn claim(root: &Path, exporter: &str) -> io::Result<(PathBuf, Lock)> {
    for at in 0..MAX_FOLDERS {
        let folder = folder(root, exporter, at);
        fs::create_dir_all(&folder)?;
        if let Some(lock) = Lock::take(&folder)? {
            return Ok((folder, lock));
        }
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, format!("{MAX_FOLDERS} processes use this spool already")))
}

/// The batches of a folder by age; other files are not ours to judge.
fn entries(folder: &Path) -> io::Result<Vec<(Entry, PathBuf)>> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder)? {
        let file = file?;
        let name = file.file_name();
        let Some((number, signal, records)) = name.to_str().and_then(parse_name) else { continue };
        let bytes = file.metadata()?.len().max(BLOCK_BYTES);
        found.push((Entry { number, signal, records, bytes }, file.path()));
    }
    found.sort_by_key(|(entry, _)| entry.number);
    Ok(found)
}

fn parse_name(name: &str) -> Option<(u64, Signal, u64)> {
    let mut parts = name.split('.');
    let number = u64::from_str_radix(parts.next()?, 16).ok()?;
    let signal = parts.next()?;
    let signal = Signals::ALL.into_iter().find(|known| known.as_str() == signal)?;
    let records = parts.next()?.parse().ok()?;
    parts.next().is_none().then_some((number, signal, records))
}

fn size_on_disk(body: usize) -> u64 {
    ((HEADER_BYTES + body) as u64).max(BLOCK_BYTES)
}

fn write_file(path: &Path, body: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(MAGIC)?;
    file.write_all(&crc32fast::hash(body).to_le_bytes())?;
    file.write_all(body)
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", path.display()));
    let mut header = [0; HEADER_BYTES];
    let mut file = File::open(path)?;
    file.read_exact(&mut header).map_err(|_| damaged())?;
    let mut body = Vec::new();
    file.read_to_end(&mut body)?;
    let is_whole = header.starts_with(MAGIC) && header[MAGIC.len()..] == crc32fast::hash(&body).to_le_bytes();
    if is_whole { Ok(body) } else { Err(damaged()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1 << 20;

    fn batch(body: &[u8]) -> Batch {
        Batch { signal: Signal::Logs, records: body.len() as u64, body: body.to_vec() }
    }

    fn all() -> Signals {
        Signals::only(|_| true)
    }

    fn bodies(spool: &Spool) -> Vec<Vec<u8>> {
        spool.entries().map(|entry| spool.read(entry).unwrap().body).collect()
    }

    #[test]
    fn what_a_process_leaves_is_there_for_the_next_oldest_first() {
        let root = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(root.path(), "otlp", LIMIT).unwrap();
        for body in [b"one".as_slice(), b"two", b"three"] {
            assert_eq!(spool.push(&batch(body)).unwrap(), []);
        }
        let oldest = spool.oldest(all()).unwrap();
        spool.remove(oldest.number);
        drop(spool);
        let mut spool = Spool::open(root.path(), "otlp", LIMIT).unwrap();
        assert_eq!(bodies(&spool), [b"two".to_vec(), b"three".to_vec()]);
        let oldest = spool.oldest(all()).unwrap();
        assert_eq!(spool.read(&oldest).unwrap().records, 3);
        spool.push(&batch(b"four")).unwrap();
        assert_eq!(bodies(&spool).last().unwrap(), b"four");
    }

    #[test]
    fn beyond_its_limit_the_oldest_goes_and_is_named() {
        let root = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(root.path(), "otlp", 3 * BLOCK_BYTES).unwrap();
        for body in [b"a", b"b", b"c"] {
            assert_eq!(spool.push(&batch(body)).unwrap(), []);
        }
        let dropped = spool.push(&batch(&[b'd'; 5000])).unwrap();
        assert_eq!(dropped.iter().map(|entry| entry.number).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(bodies(&spool), [b"c".to_vec(), vec![b'd'; 5000]]);
        let sending = spool.oldest(all()).unwrap();
        spool.push(&batch(b"e")).unwrap();
        assert_eq!(bodies(&spool), [b"c".to_vec(), b"e".to_vec()], "what is being sent stays");
        spool.remove(sending.number);
        assert!(spool.push(&batch(&vec![0; 20_000])).is_err(), "larger than the whole spool");
        assert_eq!(bodies(&spool), [b"e".to_vec()]);
    }

    #[test]
    fn what_waits_is_counted_by_signal_and_the_oldest_of_one_can_be_had() {
        let root = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(root.path(), "otlp", LIMIT).unwrap();
        for (signal, body) in [(Signal::Logs, "ab"), (Signal::Traces, "abc"), (Signal::Logs, "abcd")] {
            spool.push(&Batch { signal, ..batch(body.as_bytes()) }).unwrap();
        }
        assert_eq!(spool.on_disk(), OnDisk { batches: [1, 0, 2], records: [3, 0, 6] });
        let spans = spool.oldest(Signals::default().with(Signal::Traces)).unwrap();
        assert_eq!((spans.signal, spans.records), (Signal::Traces, 3));
        assert_eq!(spool.oldest(Signals::default().with(Signal::Metrics)), None);
        spool.remove(spans.number);
        let logs = spool.oldest(all()).unwrap();
        spool.remove(logs.number);
        assert_eq!(spool.on_disk(), OnDisk { batches: [0, 0, 1], records: [0, 0, 4] });
        drop(spool);
        assert_eq!(Spool::open(root.path(), "otlp", LIMIT).unwrap().on_disk().records, [0, 0, 4]);
    }

    #[test]
    fn two_processes_have_a_folder_each_and_the_living_takes_over_from_the_dead() {
        let root = tempfile::tempdir().unwrap();
        let mut first = Spool::open(root.path(), "otlp", LIMIT).unwrap();
        let mut second = Spool::open(root.path(), "otlp", LIMIT).unwrap();
        first.push(&batch(b"of the first")).unwrap();
        second.push(&batch(b"of the second")).unwrap();
        drop(second);
        let third = Spool::open(root.path(), "otlp", LIMIT).unwrap();
        assert_eq!(bodies(&third), [b"of the second".to_vec()]);
        drop((first, third));
        let fourth = Spool::open(root.path(), "otlp", LIMIT).unwrap();
        assert_eq!(bodies(&fourth), [b"of the first".to_vec(), b"of the second".to_vec()]);
    }

    #[test]
    fn a_damaged_file_is_an_error_and_a_strange_one_is_let_alone() {
        let root = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(root.path(), "otlp", LIMIT).unwrap();
        spool.push(&batch(b"whole")).unwrap();
        let entry = spool.oldest(all()).unwrap();
        fs::write(spool.path(&entry), b"TRIPODS1....half").unwrap();
        assert!(spool.read(&entry).unwrap_err().to_string().contains("damaged"));
        fs::write(spool.folder.join("notes.txt"), b"mine").unwrap();
        let folder = spool.folder.clone();
        drop(spool);
        assert_eq!(Spool::open(root.path(), "otlp", LIMIT).unwrap().entries().count(), 1);
        assert!(folder.join("notes.txt").exists());
    }

    #[test]
    fn a_disk_that_takes_nothing_is_an_error_that_changes_nothing() {
        let root = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(root.path(), "otlp", LIMIT).unwrap();
        spool.push(&batch(b"before")).unwrap();
        fs::create_dir(spool.folder.join(TEMPORARY)).unwrap();
        assert!(spool.push(&batch(b"lost")).is_err());
        assert_eq!(bodies(&spool), [b"before".to_vec()]);
    }

    #[test]
    fn a_root_that_is_a_file_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(Spool::open(file.path(), "otlp", LIMIT).is_err());
    }
}
