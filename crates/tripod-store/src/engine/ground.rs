//! What the tables of all signals share: the disk, the directory, the manifest, and how background work is woken.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::manifest::{CommitError, Manifest, ManifestFile};
use super::{Options, Pace, PartSink, Work};
use crate::StoreError;
use crate::disk::Disk;
use crate::wal::lock;

/// What all tables stand on.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
    pub(crate) options: Options,
    pub(crate) manifest: ManifestFile,
    /// Wakes the thread that flushes.
    pub(crate) flushing: Arc<Work>,
    /// Wakes the thread that merges and drops parts.
    pub(crate) merging: Arc<Work>,
    /// The pace of merges.
    pub(crate) pace: Pace,
    /// Held while files of parts are removed, and by who must not be disturbed by that.
    pub(crate) removing: Mutex<()>,
    /// Files that a registration of uncertain outcome names: they may be removed when a later one has succeeded.
    uncertain: Mutex<Vec<PathBuf>>,
}

impl Ground {
    /// The ground of a directory with this manifest.
    pub(crate) fn new(disk: Arc<dyn Disk>, options: Options, manifest: Manifest) -> Self {
        let merging = Arc::new(Work::default());
        Self {
            manifest: ManifestFile::new(Arc::clone(&disk), &options.dir, manifest),
            disk,
            dir: options.dir.clone(),
            flushing: Arc::default(),
            pace: Pace::new(options.merge_share, Arc::clone(&merging)),
            merging,
            options,
            removing: Mutex::new(()),
            uncertain: Mutex::default(),
        }
    }

    /// Where a file of the directory is.
    pub(crate) fn path(&self, relative: &Path) -> PathBuf {
        self.dir.join(relative)
    }

    /// Registers a change together with the parts of a sink. After an error neither has happened, and the parts' files are gone or
    /// will go.
    pub(crate) fn commit(
        &self,
        parts: Option<PartSink<'_>>,
        change: impl FnOnce(&mut Manifest),
    ) -> Result<(), StoreError> {
        let committed = self.manifest.commit(change);
        let mut uncertain = lock(&self.uncertain);
        match committed {
            Ok(()) => {
                for path in uncertain.drain(..) {
                    let _ = self.disk.remove_file(&path);
                }
                Ok(())
            }
            Err(CommitError { error, uncertain: true }) => {
                uncertain.extend(parts.iter().flat_map(|sink| sink.created().to_vec()));
                Err(error)
            }
            Err(CommitError { error, .. }) => {
                if let Some(sink) = parts {
                    sink.abandon();
                }
                Err(error)
            }
        }
    }

    /// Removes files that nothing refers to any more; those that can't be removed now are removed at the next start.
    pub(crate) fn remove(&self, paths: impl IntoIterator<Item = PathBuf>) {
        let _removing = lock(&self.removing);
        for path in paths {
            let _ = self.disk.remove_file(&path);
            if let Some(day) = path.parent() {
                // Works when it was the day's last one.
                let _ = self.disk.remove_dir(day);
            }
        }
    }
}
