//! The lock of a spool's folder: the system's lock of a file, so that it ends with the process.
//!
//! Such a lock belongs to the open file, which a forked child inherits: a child that lives longer than its parent would keep the folder of
//! the dead from everyone. So the child lets go of it.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use crate::sync::descriptors;

const LOCK: &str = "lock";

/// A folder that is ours for as long as this lives.
#[derive(Debug)]
pub(super) struct Lock {
    /// There until it is dropped.
    file: Option<File>,
}

impl Lock {
    /// `None` when another process has it.
    pub(super) fn take(folder: &Path) -> io::Result<Option<Self>> {
        if !folder.is_dir() {
            return Ok(None);
        }
        descriptors::change(|held| {
            let file = File::options().create(true).truncate(false).write(true).open(folder.join(LOCK))?;
            match file.try_lock() {
                Ok(()) => {
                    held.add(&file);
                    Ok(Some(Self { file: Some(file) }))
                }
                Err(TryLockError::WouldBlock) => Ok(None),
                Err(TryLockError::Error(error)) => Err(error),
            }
        })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            descriptors::change(|held| {
                held.remove(&file);
                drop(file);
            });
        }
    }
}
