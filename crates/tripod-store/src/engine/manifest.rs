//! The manifest: which parts there are, and from where on the log holds what is not in them.
//!
//! One small file, replaced as a whole: a line with the format's version and a checksum, then JSON. A flush adds parts and moves its
//! signal's checkpoint, a merge adds a part and takes its inputs out; each is one replacement, so that after a crash it has
//! happened or not. A thousand parts are some 200 KB.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::part::{PartIds, PartMeta};
use crate::StoreError;
use crate::disk::{self, Disk, Replace};
use crate::wal::{Position, lock};

/// The first line, before the checksum.
const HEAD: &str = "tripod-manifest 1 ";

/// What is registered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The next part's number.
    pub(crate) next_id: u64,
    /// By signal: all its records before this position are in parts.
    pub(crate) checkpoints: BTreeMap<String, Position>,
    /// All parts.
    pub(crate) parts: Vec<PartMeta>,
}

impl Manifest {
    /// From where on a signal's records are not in parts.
    pub(crate) fn checkpoint(&self, signal: &str) -> Position {
        self.checkpoints.get(signal).copied().unwrap_or_default()
    }

    /// The bytes of the file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let body = serde_json::to_vec(self).expect("numbers and strings are JSON");
        let mut bytes = format!("{HEAD}{:08x}\n", crc32fast::hash(&body)).into_bytes();
        bytes.extend_from_slice(&body);
        bytes.push(b'\n');
        bytes
    }

    /// What stands in the bytes of a file.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let (head, body) = text.split_once('\n').ok_or("it has no first line")?;
        let sum = head.strip_prefix(HEAD).ok_or_else(|| format!("it begins with {head:?}, not with {HEAD:?}"))?;
        let body = body.strip_suffix('\n').ok_or("its end is missing")?;
        if u32::from_str_radix(sum, 16) != Ok(crc32fast::hash(body.as_bytes())) {
            return Err("the checksum does not match".to_owned());
        }
        serde_json::from_str(body).map_err(|error| error.to_string())
    }
}

/// The manifest on disk, and as it is known here.
#[derive(Debug)]
pub(crate) struct ManifestFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    current: Mutex<Manifest>,
    next_id: AtomicU64,
}

/// Why a change could not be registered.
#[derive(Debug)]
pub(crate) struct CommitError {
    pub(crate) error: StoreError,
    /// After a crash the change may have happened nevertheless: nothing that it names may be removed.
    pub(crate) uncertain: bool,
}

/// Where the manifest of a store is.
pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join("MANIFEST")
}

/// Reads the manifest of a directory; `None` where there is none.
pub(crate) fn read(disk: &dyn Disk, dir: &Path) -> Result<Option<Manifest>, StoreError> {
    let path = path(dir);
    let bytes = match disk::read_all(disk, &path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StoreError::io("cannot read", &path, source)),
    };
    Manifest::decode(&bytes).map(Some).map_err(|reason| StoreError::Damaged { path, offset: 0, reason })
}

/// Writes the manifest of a directory that has none.
pub(crate) fn create(disk: &dyn Disk, dir: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    let path = path(dir);
    let written = disk::replace(disk, &path, &manifest.encode());
    written.map_err(|Replace { error, .. }| StoreError::io("cannot write", &path, error))
}

impl ManifestFile {
    /// The file that holds `current`.
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: &Path, current: Manifest) -> Self {
        let next_id = AtomicU64::new(current.next_id.max(1));
        Self { disk, path: path(dir), current: Mutex::new(current), next_id }
    }

    /// What is registered.
    pub(crate) fn current(&self) -> Manifest {
        lock(&self.current).clone()
    }

    /// Numbers up to this one are not given any more: a file has it.
    pub(crate) fn skip_id(&self, id: u64) {
        self.next_id.fetch_max(id.saturating_add(1), Ordering::Relaxed);
    }

    /// Registers a change: when this returns it is durable. After an error what is known here is as before.
    pub(crate) fn commit(&self, change: impl FnOnce(&mut Manifest)) -> Result<(), CommitError> {
        let mut current = lock(&self.current);
        let mut next = current.clone();
        change(&mut next);
        next.next_id = self.next_id.load(Ordering::Relaxed);
        disk::replace(self.disk.as_ref(), &self.path, &next.encode()).map_err(|Replace { error, uncertain }| {
            CommitError { error: StoreError::io("cannot write", &self.path, error), uncertain }
        })?;
        *current = next;
        Ok(())
    }
}

impl PartIds for &ManifestFile {
    fn next(&mut self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let part = PartMeta {
            id: 7,
            sequence: 7,
            signal: "spans".to_owned(),
            kind: String::new(),
            day: 20_778,
            level: 1,
            rows: 5,
            bytes: 100,
            min_time: 1,
            max_time: u64::MAX,
        };
        let checkpoints = BTreeMap::from([("spans".to_owned(), Position { segment: 3, offset: 9 })]);
        Manifest { next_id: 8, checkpoints, parts: vec![part] }
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        assert_eq!(Manifest::decode(&manifest().encode()), Ok(manifest()));
    }

    #[test]
    fn a_changed_or_missing_byte_is_noticed() {
        let bytes = manifest().encode();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(Manifest::decode(&changed).is_err(), "byte {at}");
            assert!(Manifest::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn numbers_go_on_behind_what_is_registered_and_behind_files_that_are_there() {
        let file = ManifestFile::new(Arc::new(crate::disk::RealDisk), Path::new("/nowhere"), manifest());
        let mut ids = &file;
        assert_eq!((ids.next(), ids.next()), (8, 9));
        file.skip_id(20);
        file.skip_id(3);
        assert_eq!(ids.next(), 21);
    }
}
