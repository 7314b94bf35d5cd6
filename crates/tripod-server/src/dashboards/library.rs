//! Where dashboards are, and which one a uid means: one of the folder that somebody else keeps, then one that was saved here, then one
//! that comes with the program.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rust_embed::RustEmbed;
use serde_json::{Map, Value};

pub(crate) use super::folder::{Fault, Head};
use super::folder::{Folder, Found};
use super::{MAX_BYTES, MAX_UID, folder, is_uid, revision, saved};

/// Dashboards that are saved at most.
const MAX_SAVED: usize = 1000;
#[derive(RustEmbed)]
#[folder = "../../deploy/grafana/dashboards"]
struct Shipped;

/// From where a dashboard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Provisioned,
    Saved,
    Shipped,
}

impl Origin {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Provisioned => "provisioned",
            Self::Saved => "saved",
            Self::Shipped => "shipped",
        }
    }
}

/// A dashboard of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) head: Head,
    pub(crate) origin: Origin,
    /// Its file, below the folder that it is in.
    pub(crate) file: String,
    path: Option<PathBuf>,
}

impl Entry {
    /// The folder in which people find it.
    pub(crate) fn folder(&self) -> &str {
        match self.origin {
            Origin::Shipped => "Tripod",
            Origin::Saved => "",
            Origin::Provisioned => self.file.rsplit_once('/').map_or("", |(folder, _)| folder),
        }
    }
}

/// Why a dashboard is not saved or taken away.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SaveError {
    /// No such name can be.
    #[error(
        "the uid {0:?} can't be: it must have at most {MAX_UID} letters, digits, '-' and '_', and not be \"read\" or \"new\""
    )]
    Uid(String),
    /// There is one of this name.
    #[error("there is a dashboard with the uid {0:?}: save under another one, or say which revision is to be replaced")]
    Taken(String),
    /// It is kept by somebody else.
    #[error("{0:?} is a {kind} dashboard, which can't be changed here: save a copy", kind = .1.name())]
    ReadOnly(String, Origin),
    /// It is not as the editor saw it.
    #[error("{uid:?} was changed meanwhile: its revision is {now}; load it again, or save a copy")]
    Changed {
        /// Which one.
        uid: String,
        /// What it is now.
        now: String,
    },
    /// It is not there.
    #[error("there is no dashboard {0:?}")]
    Missing(String),
    /// It has too many bytes.
    #[error("a dashboard may have {most} MiB, and this one has {0} bytes", most = MAX_BYTES >> 20)]
    TooLarge(usize),
    /// There are too many.
    #[error("{MAX_SAVED} dashboards are saved, which is the limit: delete some")]
    TooMany,
    /// The disk.
    #[error("the dashboard can't be kept in {}: {error}", dir.display())]
    Io {
        /// Where it would be.
        dir: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// The dashboards of a server.
#[derive(Debug)]
pub(crate) struct Library {
    saved: PathBuf,
    provisioned: Option<PathBuf>,
    folders: Mutex<Folders>,
}

#[derive(Debug, Default)]
struct Folders {
    saved: Folder,
    provisioned: Folder,
}

/// All dashboards, and the files that are none.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) entries: Vec<Entry>,
    pub(crate) faults: Vec<Fault>,
}

impl Listing {
    fn add(&mut self, entry: Entry, taken: &mut BTreeSet<String>) {
        if taken.insert(entry.head.uid.clone()) {
            self.entries.push(entry);
        } else if entry.origin != Origin::Shipped {
            // One that comes with the program is replaced on purpose.
            let reason = format!("the uid {:?} is that of another dashboard already", entry.head.uid);
            self.faults.push(Fault { file: entry.file, place: None, reason });
        }
    }

    fn add_all(&mut self, found: Vec<Found>, origin: Origin, taken: &mut BTreeSet<String>) {
        for Found { path, name, head } in found {
            match head {
                Ok(head) => self.add(Entry { head, origin, file: name, path: Some(path) }, taken),
                Err(fault) => self.faults.push(fault),
            }
        }
    }
}

impl Library {
    /// Dashboards are saved below `data`; `provisioned` is only read.
    pub(crate) fn new(data: &Path, provisioned: Option<PathBuf>) -> Self {
        Self { saved: data.join("dashboards"), provisioned, folders: Mutex::default() }
    }

    /// All of them, in the order of their titles.
    pub(crate) fn list(&self) -> Listing {
        self.list_locked(&mut self.folders())
    }

    /// A dashboard and its bytes.
    pub(crate) fn get(&self, uid: &str) -> Result<Option<(Entry, Vec<u8>)>, SaveError> {
        let Some(mut entry) = self.list().entries.into_iter().find(|entry| entry.head.uid == uid) else {
            return Ok(None);
        };
        let read = match &entry.path {
            Some(path) => folder::bytes(path),
            None => Shipped::get(&entry.file).map(|file| file.data.into_owned()).ok_or(io::ErrorKind::NotFound.into()),
        };
        match read {
            Ok(bytes) => {
                // It may have changed since it was listed.
                entry.head.revision = revision(&bytes);
                Ok(Some((entry, bytes)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SaveError::Io { dir: self.saved.clone(), error }),
        }
    }

    /// Keeps a dashboard under a uid, which then is also its own: as a new one, or instead of the one of this revision. Answers its
    /// revision.
    pub(crate) fn save(
        &self,
        uid: &str,
        mut dashboard: Map<String, Value>,
        replaces: Option<&str>,
    ) -> Result<String, SaveError> {
        if !is_uid(uid) {
            return Err(SaveError::Uid(uid.to_owned()));
        }
        dashboard.insert("uid".to_owned(), uid.into());
        let failed = |error: io::Error| SaveError::Io { dir: self.saved.clone(), error };
        let mut bytes = serde_json::to_vec_pretty(&dashboard).map_err(|error| failed(error.into()))?;
        bytes.push(b'\n');
        if bytes.len() > MAX_BYTES {
            return Err(SaveError::TooLarge(bytes.len()));
        }
        let mut folders = self.folders();
        let listing = self.list_locked(&mut folders);
        Self::check(&listing, uid, replaces)?;
        let count = listing.entries.iter().filter(|entry| entry.origin == Origin::Saved).count();
        if replaces.is_none() && count >= MAX_SAVED {
            return Err(SaveError::TooMany);
        }
        saved::write(&self.saved, uid, &bytes).map_err(failed)?;
        Ok(revision(&bytes))
    }

    /// Takes a saved dashboard away, if it is still the one of this revision.
    pub(crate) fn delete(&self, uid: &str, of: &str) -> Result<(), SaveError> {
        let mut folders = self.folders();
        let listing = self.list_locked(&mut folders);
        Self::check(&listing, uid, Some(of))?;
        saved::remove(&self.saved, uid).map_err(|error| SaveError::Io { dir: self.saved.clone(), error })
    }

    /// Whether one may be written under this uid by whom saw this revision.
    fn check(listing: &Listing, uid: &str, replaces: Option<&str>) -> Result<(), SaveError> {
        let there = listing.entries.iter().find(|entry| entry.head.uid == uid);
        match (there, replaces) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(SaveError::Missing(uid.to_owned())),
            (Some(_), None) => Err(SaveError::Taken(uid.to_owned())),
            (Some(entry), Some(_)) if entry.origin != Origin::Saved => {
                Err(SaveError::ReadOnly(uid.to_owned(), entry.origin))
            }
            // One that was put there by hand may be in a file of another name.
            (Some(entry), Some(_)) if entry.file != format!("{uid}.json") => {
                Err(SaveError::ReadOnly(uid.to_owned(), Origin::Provisioned))
            }
            (Some(entry), Some(seen)) if entry.head.revision != seen => {
                Err(SaveError::Changed { uid: uid.to_owned(), now: entry.head.revision.clone() })
            }
            (Some(_), Some(_)) => Ok(()),
        }
    }

    fn list_locked(&self, folders: &mut Folders) -> Listing {
        let (mut listing, mut taken) = (Listing::default(), BTreeSet::new());
        if let Some(dir) = &self.provisioned {
            let (found, faults) = folders.provisioned.look(dir);
            listing.faults.extend(faults);
            listing.add_all(found, Origin::Provisioned, &mut taken);
        }
        if self.saved.is_dir() {
            let (found, faults) = folders.saved.look(&self.saved);
            listing.faults.extend(faults);
            listing.add_all(found, Origin::Saved, &mut taken);
        }
        for name in Shipped::iter().filter(|name| name.ends_with(".json")) {
            let Some(file) = Shipped::get(&name) else { continue };
            match folder::head(&name, &file.data) {
                Ok(head) => {
                    let entry = Entry { head, origin: Origin::Shipped, file: name.into_owned(), path: None };
                    listing.add(entry, &mut taken);
                }
                Err(fault) => listing.faults.push(fault),
            }
        }
        listing.entries.sort_by(|a, b| {
            let key = |entry: &Entry| (entry.head.title.to_lowercase(), entry.head.uid.clone());
            key(a).cmp(&key(b))
        });
        listing
    }

    fn folders(&self) -> MutexGuard<'_, Folders> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
