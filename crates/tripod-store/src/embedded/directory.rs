//! The directory of a store: `LOCK`, held by the one process that uses it; `FORMAT`, the version of all that is in it;
//! `wal/`, the log.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::StoreError;

/// What `FORMAT` holds.
const FORMAT: &str = "tripod-store 1";

/// A directory that is this process's own while the value lives.
#[derive(Debug)]
pub(crate) struct Directory {
    _lock: File,
    /// Where the log is.
    pub(crate) wal: PathBuf,
}

impl Directory {
    /// Creates the directory if need be, locks it, and checks its format.
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        let wal = dir.join("wal");
        std::fs::create_dir_all(&wal).map_err(io_error("cannot create", &wal))?;
        let path = dir.join("LOCK");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let lock = lock.map_err(io_error("cannot open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { path: dir.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(io_error("cannot lock", &path)(error)),
        }
        check_format(dir)?;
        Ok(Self { _lock: lock, wal })
    }
}

fn check_format(dir: &Path) -> Result<(), StoreError> {
    let path = dir.join("FORMAT");
    match std::fs::read(&path) {
        Ok(found) => {
            let found = String::from_utf8_lossy(&found).trim_end().to_owned();
            if found == FORMAT {
                return Ok(());
            }
            Err(StoreError::Format { path: dir.to_owned(), found, expected: FORMAT })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write_format(dir, &path).map_err(io_error("cannot write", &path))
        }
        Err(error) => Err(io_error("cannot read", &path)(error)),
    }
}

/// Through a rename: after a crash the file is whole or not there.
fn write_format(dir: &Path, path: &Path) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = File::create(&draft)?;
    writeln!(file, "{FORMAT}")?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    File::open(dir)?.sync_all()
}

/// Makes the crate's error of the system's.
pub(crate) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_one_owner_s_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let owner = Directory::open(dir.path()).unwrap();
        assert!(matches!(Directory::open(dir.path()), Err(StoreError::Locked { path }) if path == dir.path()));
        drop(owner);
        Directory::open(dir.path()).unwrap();
    }

    #[test]
    fn a_directory_of_another_format_is_refused_and_the_error_says_both() {
        let dir = tempfile::tempdir().unwrap();
        drop(Directory::open(dir.path()).unwrap());
        std::fs::write(dir.path().join("FORMAT"), "tripod-store 9\n").unwrap();
        let error = Directory::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("\"tripod-store 9\"") && error.contains("\"tripod-store 1\""), "{error}");
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error_with_its_path() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Directory::open(&file.path().join("data")).unwrap_err();
        assert!(error.to_string().contains(file.path().to_str().unwrap()), "{error}");
    }
}
