//! Records that are written together, and what becomes of them.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::Apply;
use crate::StoreError;

/// A record of a group.
pub(super) struct Member {
    /// Where its frame begins among the group's bytes.
    pub(super) start: usize,
    /// Bytes of its frame.
    pub(super) len: usize,
    pub(super) apply: Apply,
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("start", &self.start).field("len", &self.len).finish_non_exhaustive()
    }
}

/// Where the members of a group learn what became of it.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// The members that could not be applied, or why none was written.
    outcome: OnceLock<Result<Vec<usize>, Failure>>,
}

/// An error that every member of a group can be told.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// The system refused.
    Io { kind: io::ErrorKind, text: Arc<str>, path: PathBuf },
    /// The record is in the log, but could not be taken into memory.
    Panicked,
}

impl Group {
    /// Tells all members. Only the leader does, once.
    pub(super) fn set(&self, outcome: Result<Vec<usize>, Failure>) {
        let _ = self.outcome.set(outcome);
    }

    /// What became of a member, once that is known.
    pub(super) fn outcome(&self, member: usize) -> Option<Result<(), Failure>> {
        Some(match self.outcome.get()? {
            Err(failure) => Err(failure.clone()),
            Ok(panicked) if panicked.contains(&member) => Err(Failure::Panicked),
            Ok(_) => Ok(()),
        })
    }
}

impl Failure {
    pub(super) fn new(error: &io::Error, path: &Path) -> Self {
        Self::Io { kind: error.kind(), text: error.to_string().into(), path: path.to_owned() }
    }

    /// The crate's error for a record of `needed` bytes.
    pub(super) fn error(&self, needed: u64, available: impl FnOnce() -> u64) -> StoreError {
        match self {
            Self::Io { kind: io::ErrorKind::StorageFull, path, .. } => {
                StoreError::Full { path: path.clone(), available: available(), needed }
            }
            Self::Io { kind, text, path } => {
                StoreError::io("cannot write", path, io::Error::new(*kind, text.to_string()))
            }
            Self::Panicked => StoreError::Internal("a batch could not be taken into memory".to_owned()),
        }
    }
}
