//! One file of the write-ahead log: a magic number with a version, then frames. Written only at its end.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk::{Disk, Writer};

/// The first bytes of every segment; the last one is the version of the format.
pub(crate) const MAGIC: &[u8; 8] = b"TRIPWAL\x01";

/// The segment that is written.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Its number: later segments have greater ones.
    pub(crate) id: u64,
    /// Where it is.
    pub(crate) path: PathBuf,
    file: Box<dyn Writer>,
    /// Bytes that are on disk for certain.
    synced: u64,
}

impl Segment {
    /// Creates a segment without records; when this returns, its name is durable.
    pub(super) fn create(disk: &dyn Disk, dir: &Path, id: u64) -> io::Result<Self> {
        let path = path(dir, id);
        let mut file = disk.create(&path)?;
        file.write(MAGIC).and_then(|()| file.sync()).and_then(|()| disk.sync_dir(dir)).inspect_err(|_| {
            // Nothing was acknowledged from it. Should removing it fail too, recovery finds a segment without records.
            let _ = disk.remove_file(&path);
        })?;
        let synced = file.len();
        Ok(Self { id, path, file, synced })
    }

    /// Opens a segment to write behind its end.
    pub(super) fn open(disk: &dyn Disk, dir: &Path, id: u64) -> io::Result<Self> {
        let path = path(dir, id);
        let file = disk.append(&path)?;
        let synced = file.len();
        Ok(Self { id, path, file, synced })
    }

    /// Whether it has no records.
    pub(super) fn is_empty(&self) -> bool {
        self.len() <= MAGIC.len() as u64
    }

    /// Bytes in it, the magic number included.
    pub(super) fn len(&self) -> u64 {
        self.file.len()
    }

    /// Bytes that are on disk for certain.
    pub(super) fn synced(&self) -> u64 {
        self.synced
    }

    /// Adds bytes at the end.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write(bytes)
    }

    /// Waits until everything that was written is on disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync()?;
        self.synced = self.file.len();
        Ok(())
    }

    /// Cuts off what lies behind `len`, durably.
    pub(super) fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.file.truncate(len)?;
        self.sync()
    }
}

/// Where the segment of a number is.
pub(crate) fn path(dir: &Path, id: u64) -> PathBuf {
    dir.join(format!("{id:010}.wal"))
}

/// The numbers of the segments in a directory, in order. Files of other names are none of ours.
pub(crate) fn list(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<u64>> {
    let number = |name: &str| {
        let digits = name.strip_suffix(".wal").filter(|digits| digits.len() == 10)?;
        digits.parse().ok()
    };
    let mut ids: Vec<u64> = disk.list(dir)?.iter().filter_map(|entry| number(&entry.name)).collect();
    ids.sort_unstable();
    Ok(ids)
}
