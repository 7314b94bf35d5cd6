//! A saved dashboard's file: `UID.json`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::durable;

/// Writes it; when this returns `Ok`, it is on disk.
pub(super) fn write(dir: &Path, uid: &str, bytes: &[u8]) -> io::Result<()> {
    durable::replace(&path(dir, uid), bytes)
}

/// Takes it away.
pub(super) fn remove(dir: &Path, uid: &str) -> io::Result<()> {
    fs::remove_file(path(dir, uid))?;
    File::open(dir)?.sync_all()
}

fn path(dir: &Path, uid: &str) -> PathBuf {
    dir.join(format!("{uid}.json"))
}
