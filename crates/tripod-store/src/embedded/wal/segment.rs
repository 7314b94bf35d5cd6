//! One file of the write-ahead log: a magic number with a version, then frames. Written only at its end, read anywhere.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The first bytes of every segment; the last one is the version of the format.
pub(crate) const MAGIC: &[u8; 8] = b"TRIPWAL\x01";

/// An open segment. Stays readable after its file has been unlinked, for who still holds it.
#[derive(Debug)]
pub(crate) struct SegmentFile {
    /// Its number: later segments have greater ones.
    pub(crate) id: u64,
    /// Where it is.
    pub(crate) path: PathBuf,
    file: File,
    /// Bytes that are on disk for certain.
    len: AtomicU64,
}

impl SegmentFile {
    /// Creates an empty segment; when this returns, its directory entry is durable too.
    pub(crate) fn create(dir: &Path, id: u64) -> io::Result<Self> {
        let path = path(dir, id);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        let segment = Self { id, path, file, len: AtomicU64::new(0) };
        segment.append(MAGIC).and_then(|()| File::open(dir)?.sync_all()).inspect_err(|_| {
            // Nothing was acknowledged from it. Should removing it fail too, recovery reports an empty segment.
            let _ = std::fs::remove_file(&segment.path);
        })?;
        Ok(segment)
    }

    /// Opens an existing segment.
    pub(crate) fn open(dir: &Path, id: u64) -> io::Result<Self> {
        let path = path(dir, id);
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let len = AtomicU64::new(file.metadata()?.len());
        Ok(Self { id, path, file, len })
    }

    /// Bytes in it, the magic number included.
    pub(crate) fn len(&self) -> u64 {
        self.len.load(Ordering::Acquire)
    }

    /// Adds bytes at the end and waits until they are on disk. Must not be called by two threads at once.
    pub(crate) fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let end = self.len();
        self.file.write_all_at(bytes, end)?;
        self.file.sync_data()?;
        self.len.store(end + bytes.len() as u64, Ordering::Release);
        Ok(())
    }

    /// Cuts off what lies behind `len`, durably.
    pub(crate) fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.file.sync_all()?;
        self.len.store(len, Ordering::Release);
        Ok(())
    }

    /// Fills `bytes` from `offset` on.
    pub(crate) fn read(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }

    /// All of it.
    pub(crate) fn read_all(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(self.len()).map_err(io::Error::other)?];
        self.read(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// A segment that cannot be written: the device it stands on is always full.
    #[cfg(test)]
    pub(crate) fn full(id: u64) -> Self {
        let file = OpenOptions::new().read(true).write(true).open("/dev/full").unwrap();
        Self { id, path: "/dev/full".into(), file, len: AtomicU64::new(MAGIC.len() as u64) }
    }
}

fn path(dir: &Path, id: u64) -> PathBuf {
    dir.join(format!("{id:010}.wal"))
}

/// The numbers of the segments in a directory, in order. Files of other names are none of ours.
pub(crate) fn list(dir: &Path) -> io::Result<Vec<u64>> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_suffix(".wal")).filter(|digits| digits.len() == 10);
        ids.extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
    }
    ids.sort_unstable();
    Ok(ids)
}
