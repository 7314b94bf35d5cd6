//! A snapshot: all that was acknowledged before it was asked for, as a directory of its own, while the store goes on.
//!
//! Its parts are the same files under one more name, so it takes no room until the store has merged or dropped them.

use std::io;
use std::path::Path;

use super::directory::{self, FORMAT};
use super::{Engine, manifest};
use crate::StoreError;
use crate::disk::{self, Replace};
use crate::wal::lock;

impl Engine {
    /// Makes a snapshot in `dest`, a directory on the same file system that is not there or empty; answers the bytes of its parts.
    pub(crate) fn snapshot(&self, dest: &Path) -> Result<u64, StoreError> {
        let disk = self.ground.disk.as_ref();
        let write = |path: &Path, source| StoreError::io("cannot write", path, source);
        disk.create_dir_all(dest).map_err(|source| write(dest, source))?;
        if !disk.list(dest).map_err(|source| write(dest, source))?.is_empty() {
            return Err(write(dest, io::Error::new(io::ErrorKind::AlreadyExists, "the directory is not empty")));
        }
        self.flush_all()?;
        // What is registered now must not go before it has its other name.
        let _removing = lock(&self.ground.removing);
        let manifest = self.ground.manifest.current();
        let mut days = vec![dest.join("wal"), dest.join("parts")];
        days.extend(manifest.parts.iter().filter_map(|part| dest.join(part.path()).parent().map(Path::to_owned)));
        days.sort();
        days.dedup();
        for day in &days {
            disk.create_dir_all(day).map_err(|source| write(day, source))?;
        }
        for part in &manifest.parts {
            let path = dest.join(part.path());
            let linked = disk.hard_link(&self.ground.path(&part.path()), &path);
            linked.map_err(|source| {
                StoreError::io("cannot link (a snapshot has to be on the store's file system)", &path, source)
            })?;
        }
        for day in &days {
            disk.sync_dir(day).map_err(|source| write(day, source))?;
        }
        manifest::create(disk, dest, &manifest)?;
        // Last: without it the directory is none of a store.
        let path = dest.join("FORMAT");
        disk::replace(disk, &path, format!("{FORMAT}\n").as_bytes())
            .map_err(|Replace { error, .. }| write(&path, error))?;
        directory::sync_ancestors(disk, dest)?;
        Ok(manifest.parts.iter().map(|part| part.bytes).sum())
    }
}
