//! Parts that turn out to be damaged: they are set aside, as files in `damaged/`, and what asks goes on with the rest.
//!
//! What shows the damage is an open, a merge or a query. A merge and a query have seen one block; all of the part is read before it goes,
//! so that a fault of memory or of a cable costs nothing, and what the checksums do not explain stays an error. Decision 36 says what
//! this costs.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::any::contained;
use super::{DamagedPart, Ground, Part, PartMeta, Signal, Table, View};
use crate::StoreError;
use crate::wal::lock;
use crate::wal::recover::Damage;

impl<S: Signal> Table<S> {
    /// Asks all rows as they are now. A part that turns out to be damaged is set aside, and what is left is asked again.
    pub(crate) fn ask<T>(
        &self,
        ground: &Ground,
        mut question: impl FnMut(&S, &View<S>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        loop {
            let view = self.view();
            let error = match question(&self.signal, &view) {
                Err(error) => error,
                answer => return answer,
            };
            // Each turn is about a part less.
            if !self.set_aside_culprit(ground, &view, &error)? {
                return Err(error);
            }
        }
    }

    /// Sets aside the part that an error is about; whether there was one, and it is gone.
    pub(crate) fn set_aside_culprit(
        &self,
        ground: &Ground,
        view: &View<S>,
        error: &StoreError,
    ) -> Result<bool, StoreError> {
        let path = match error {
            StoreError::Damaged { path, .. } => path,
            StoreError::Io { path, source, .. } if is_unreadable(source) => path,
            _ => return Ok(false),
        };
        let part = view.parts.iter().find(|part| part.file.path == *path);
        part.map_or(Ok(false), |part| self.set_aside_if_damaged(ground, part))
    }

    /// Takes a part out of what is found, when a look at all of it shows that it is damaged; whether it is out now.
    pub(super) fn set_aside_if_damaged(&self, ground: &Ground, part: &Arc<Part<S>>) -> Result<bool, StoreError> {
        let _turn = lock(&self.setting_aside);
        if !self.view().parts.iter().any(|other| Arc::ptr_eq(other, part)) {
            return Ok(true);
        }
        let Err(error) = contained(S::NAME, || self.signal.verify(part)) else { return Ok(false) };
        let meta = &part.file.meta;
        let damaged = Self::damaged(ground, meta, error)?;
        let set_aside = {
            let _removing = lock(&ground.removing);
            let moved = self.move_aside(ground, damaged);
            moved.and_then(|_| ground.commit(None, |manifest| manifest.parts.retain(|part| part.id != meta.id)))
        };
        // A disk that can't be written to is no reason not to answer: the part is set aside at the next start.
        if let Err(error) = set_aside {
            self.counters.failed(&error);
        }
        self.show(&[Arc::clone(part)], &[]);
        Ok(true)
    }

    /// What is wrong with a part. An error that is not the part's own is returned as it is.
    pub(super) fn damaged(ground: &Ground, meta: &PartMeta, error: StoreError) -> Result<DamagedPart, StoreError> {
        let (offset, reason) = match error {
            StoreError::Damaged { offset, reason, .. } => (offset, reason),
            StoreError::Internal(reason) => (0, reason),
            StoreError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                (0, "the file is not there".to_owned())
            }
            StoreError::Io { source, .. } if is_unreadable(&source) => (0, source.to_string()),
            error => return Err(error),
        };
        let bytes = meta.bytes.saturating_sub(offset);
        Ok(DamagedPart {
            signal: S::NAME,
            damage: Damage { path: ground.path(&meta.path()), offset, bytes, reason },
            rows: meta.rows,
            oldest: meta.min_time,
            newest: meta.max_time,
        })
    }

    /// Moves the file of a damaged part to `damaged/`, and remembers it: what is damaged, where it is now.
    pub(super) fn move_aside(&self, ground: &Ground, mut damaged: DamagedPart) -> Result<Damage, StoreError> {
        let path = damaged.damage.path.clone();
        let folder = ground.path(Path::new("damaged"));
        let aside = folder.join(path.file_name().unwrap_or_default());
        let moved = ground.disk.create_dir_all(&folder).and_then(|()| {
            ground.disk.rename(&path, &aside)?;
            ground.disk.sync_dir(&folder)
        });
        let missing = matches!(&moved, Err(error) if error.kind() == io::ErrorKind::NotFound);
        if moved.is_ok() || missing {
            damaged.damage.path = aside;
        }
        let damage = damaged.damage.clone();
        lock(&self.counters.damaged).push(damaged);
        match moved {
            Err(error) if !missing => Err(StoreError::io("cannot set aside", &path, error)),
            _ => Ok(damage),
        }
    }
}

/// Whether the disk has the bytes and can't read them.
fn is_unreadable(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}
