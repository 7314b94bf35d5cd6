//! The file system as the store uses it, so that a test can be the disk that loses what was not synced, fills up or fails.
//!
//! What a caller must know is what any file system promises: bytes are durable after [`Writer::sync`], names (created,
//! renamed, removed) after [`Disk::sync_dir`] of their directory. A call costs one virtual call more than the system's.

mod real;
#[cfg(any(test, feature = "fuzzing"))]
#[cfg_attr(not(test), allow(dead_code, reason = "fuzz targets need a disk that fails in no way"))]
pub(crate) mod simulated;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub(crate) use self::real::RealDisk;

/// A file system.
pub(crate) trait Disk: fmt::Debug + Send + Sync {
    /// Creates a file that is not there yet, to write it.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Writer>>;

    /// Opens a file that is there, to write behind its end.
    fn append(&self, path: &Path) -> io::Result<Box<dyn Writer>>;

    /// Opens a file to read it. It stays readable after it has been removed.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn Reader>>;

    /// What is in a directory, sorted by name.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;

    /// Creates a directory, and those above it, unless they are there.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// Gives a file another name, in place of a file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file one more name; the file system must be the same.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty directory.
    fn remove_dir(&self, dir: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Takes a file, created if need be, for this process while the guard lives. [`io::ErrorKind::WouldBlock`] when another has it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>>;

    /// Bytes that can still be written where this directory is.
    fn available(&self, dir: &Path) -> io::Result<u64>;
}

/// A lock on a file, given back when it is dropped.
pub(crate) trait Lock: fmt::Debug + Send + Sync {}

/// A file that is written at its end.
pub(crate) trait Writer: fmt::Debug + Send + Sync {
    /// Adds bytes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Waits until everything that was written is durable.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts off what lies behind `len`.
    fn truncate(&mut self, len: u64) -> io::Result<()>;

    /// Bytes in the file.
    fn len(&self) -> u64;
}

/// A file that is read anywhere.
pub(crate) trait Reader: fmt::Debug + Send + Sync {
    /// Fills `bytes` with what stands from `offset` on; an error where the file ends before.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;

    /// Bytes in the file.
    fn len(&self) -> u64;
}

/// What stands in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// Its name.
    pub(crate) name: String,
    /// Whether it is a directory itself.
    pub(crate) is_dir: bool,
    /// A file's bytes.
    pub(crate) len: u64,
}

/// Reads `len` bytes from `offset` on. A length beyond the file is an error before anything is allocated.
pub(crate) fn read(file: &dyn Reader, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    if offset.checked_add(len as u64).is_none_or(|end| end > file.len()) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends before"));
    }
    let mut bytes = vec![0; len];
    file.read_at(&mut bytes, offset)?;
    Ok(bytes)
}

/// Reads a whole small file, such as a manifest.
pub(crate) fn read_all(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let file = disk.open(path)?;
    read(file.as_ref(), 0, usize::try_from(file.len()).map_err(io::Error::other)?)
}

/// Writes a file that takes the place of the one of this name: after a crash it is the old one or the new one, whole.
///
/// Says with an error whether the new one may be there already: the name was changed, but that may not be durable.
pub(crate) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), Replace> {
    let draft = path.with_extension("tmp");
    let write = || {
        match disk.remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = disk.create(&draft)?;
        file.write(bytes)?;
        file.sync()?;
        disk.rename(&draft, path)
    };
    write().map_err(|error| Replace { error, uncertain: false })?;
    let dir = path.parent().unwrap_or(Path::new("."));
    disk.sync_dir(dir).map_err(|error| Replace { error, uncertain: true })
}

/// Why a file could not be replaced.
#[derive(Debug)]
pub(crate) struct Replace {
    /// What the system said.
    pub(crate) error: io::Error,
    /// Whether the new file may be found after a crash.
    pub(crate) uncertain: bool,
}
