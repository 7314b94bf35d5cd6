//! The directory of a store: `LOCK`, held by the one process that uses it; `FORMAT`, the version of all that is in it; `wal/`, the
//! log; `MANIFEST` and `parts/`; `damaged/`, what was set aside.

use std::io;
use std::path::Path;

use super::manifest::{self, Manifest};
use crate::StoreError;
use crate::disk::{self, Disk, Lock, Replace};

/// What `FORMAT` holds.
pub(crate) const FORMAT: &str = "tripod-store 2";

/// The format of version 1: a log with the same frames, and nothing else. Reading it is a start with all of the log to replay.
pub(crate) const FORMAT_1: &str = "tripod-store 1";

/// A directory that is this process's own while the value lives.
#[derive(Debug)]
pub(crate) struct Directory {
    _lock: Box<dyn Lock>,
    /// What is registered in it.
    pub(crate) manifest: Manifest,
}

impl Directory {
    /// Creates the directory if need be, locks it, checks its format and brings it to this one.
    pub(crate) fn open(disk: &dyn Disk, dir: &Path) -> Result<Self, StoreError> {
        let io = |action, path: &Path, source| StoreError::io(action, path, source);
        disk.create_dir_all(dir).map_err(|source| io("cannot create", dir, source))?;
        let lock = lock(disk, dir)?;
        let found = format(disk, dir)?;
        if found.is_none() {
            sync_ancestors(disk, dir)?;
        }
        for name in ["wal", "parts"] {
            let path = dir.join(name);
            disk.create_dir_all(&path).map_err(|source| io("cannot create", &path, source))?;
        }
        disk.sync_dir(dir).map_err(|source| io("cannot write", dir, source))?;
        let manifest = match found.as_deref() {
            Some(FORMAT) => Self::manifest(disk, dir)?,
            None | Some(FORMAT_1) => Self::begin(disk, dir)?,
            Some(found) => {
                let (path, found) = (dir.to_owned(), found.to_owned());
                return Err(StoreError::Format { path, found, expected: FORMAT });
            }
        };
        Ok(Self { _lock: lock, manifest })
    }

    /// The manifest, which every directory of this format has.
    pub(crate) fn manifest(disk: &dyn Disk, dir: &Path) -> Result<Manifest, StoreError> {
        let missing = || StoreError::Damaged {
            path: manifest::path(dir),
            offset: 0,
            reason: "the file is not there, and without it nothing says which parts belong to the store".to_owned(),
        };
        manifest::read(disk, dir)?.ok_or_else(missing)
    }

    /// Makes a directory of this format of one that is new or of the first format. What a crash leaves is begun anew.
    fn begin(disk: &dyn Disk, dir: &Path) -> Result<Manifest, StoreError> {
        manifest::create(disk, dir, &Manifest::default())?;
        let path = dir.join("FORMAT");
        disk::replace(disk, &path, format!("{FORMAT}\n").as_bytes())
            .map_err(|Replace { error, .. }| StoreError::io("cannot write", &path, error))?;
        Ok(Manifest::default())
    }
}

/// Takes the directory for this process.
pub(crate) fn lock(disk: &dyn Disk, dir: &Path) -> Result<Box<dyn Lock>, StoreError> {
    let path = dir.join("LOCK");
    disk.lock(&path).map_err(|source| match source.kind() {
        io::ErrorKind::WouldBlock => StoreError::Locked { path: dir.to_owned() },
        _ => StoreError::io("cannot lock", &path, source),
    })
}

/// Makes the name of a new directory durable, which stands in the one above, and so on; one that may not be opened was not made
/// here.
pub(crate) fn sync_ancestors(disk: &dyn Disk, dir: &Path) -> Result<(), StoreError> {
    for above in dir.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
        match disk.sync_dir(above) {
            Err(source) if source.kind() != io::ErrorKind::PermissionDenied => {
                return Err(StoreError::io("cannot write", above, source));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What the directory's `FORMAT` says; nothing in a new directory.
pub(crate) fn format(disk: &dyn Disk, dir: &Path) -> Result<Option<String>, StoreError> {
    let path = dir.join("FORMAT");
    match disk::read_all(disk, &path) {
        Ok(found) => Ok(Some(String::from_utf8_lossy(&found).trim_end().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::io("cannot read", &path, source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    fn open(dir: &Path) -> Result<Directory, StoreError> {
        Directory::open(&RealDisk, dir)
    }

    #[test]
    fn a_directory_is_one_owner_s_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let owner = open(dir.path()).unwrap();
        assert!(matches!(open(dir.path()), Err(StoreError::Locked { path }) if path == dir.path()));
        drop(owner);
        open(dir.path()).unwrap();
    }

    #[test]
    fn a_directory_of_another_format_is_refused_and_the_error_says_both() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path()).unwrap());
        std::fs::write(dir.path().join("FORMAT"), "tripod-store 9\n").unwrap();
        let error = open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("\"tripod-store 9\"") && error.contains("\"tripod-store 2\""), "{error}");
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error_with_its_path() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = open(&file.path().join("data")).unwrap_err();
        assert!(error.to_string().contains(file.path().to_str().unwrap()), "{error}");
    }

    #[test]
    fn a_directory_whose_manifest_is_gone_or_damaged_is_refused_rather_than_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path()).unwrap());
        let path = manifest::path(dir.path());
        std::fs::write(&path, "tripod-manifest 1 00000000\n{}\n").unwrap();
        assert!(matches!(open(dir.path()), Err(StoreError::Damaged { .. })));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(open(dir.path()), Err(StoreError::Damaged { .. })));
    }
}
