//! A folder of dashboards: `*.json`, and in folders below it. Nothing outside of it is read, wherever links lead.
//!
//! Files are looked at each time, and read again when their size or time is another one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{MAX_BYTES, MAX_UID, is_uid, read, revision};

/// Files of a folder, and folders within folders, at most.
const MAX_FILES: usize = 1000;
const MAX_DEPTH: usize = 8;

/// A dashboard of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Below the folder, with `/` between parts.
    pub(super) name: String,
    pub(super) head: Result<Head, Fault>,
}

/// What a list says of a dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) uid: String,
    pub(crate) title: String,
    pub(crate) tags: Vec<String>,
    pub(crate) revision: String,
}

/// Why a file is no dashboard, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) file: String,
    pub(crate) place: Option<(usize, usize)>,
    pub(crate) reason: String,
}

/// How one sees that a file is another one.
type Stamp = (Option<SystemTime>, u64);

/// What is known of a folder's files.
#[derive(Debug, Default)]
pub(super) struct Folder {
    known: BTreeMap<PathBuf, (Stamp, Result<Head, Fault>)>,
}

impl Folder {
    /// What is in the folder now.
    pub(super) fn look(&mut self, dir: &Path) -> (Vec<Found>, Vec<Fault>) {
        let mut faults = Vec::new();
        let mut files = Vec::new();
        match fs::canonicalize(dir) {
            Ok(root) => gather(&root, &root, 0, &mut files, &mut faults),
            Err(error) => faults.push(fault(&dir.display().to_string(), error.to_string())),
        }
        if files.len() > MAX_FILES {
            faults.push(fault(&dir.display().to_string(), format!("only {MAX_FILES} files of it are read")));
            files.truncate(MAX_FILES);
        }
        self.known.retain(|path, _| files.iter().any(|(known, ..)| known == path));
        let mut found = Vec::new();
        for (path, name, stamp) in files {
            let head = match self.known.get(&path) {
                Some((known, head)) if *known == stamp => head.clone(),
                _ => self.read(&path, &name, stamp),
            };
            found.push(Found { path, name, head });
        }
        (found, faults)
    }

    fn read(&mut self, path: &Path, name: &str, stamp: Stamp) -> Result<Head, Fault> {
        let head = bytes(path).map_err(|error| fault(name, error.to_string())).and_then(|bytes| head(name, &bytes));
        self.known.insert(path.to_owned(), (stamp, head.clone()));
        head
    }
}

/// The bytes of a file, which must not be more than a dashboard may have.
pub(super) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_BYTES {
        return Err(io::Error::other(format!("is larger than {} MiB", MAX_BYTES >> 20)));
    }
    Ok(bytes)
}

/// What the bytes of a file say of it.
pub(super) fn head(name: &str, bytes: &[u8]) -> Result<Head, Fault> {
    let map = read::parse(bytes).map_err(|error| Fault {
        file: name.to_owned(),
        place: error.place(),
        reason: error.to_string(),
    })?;
    let text = |key: &str| map.get(key).and_then(serde_json::Value::as_str).filter(|text| !text.is_empty());
    let uid = match text("uid") {
        Some(uid) if is_uid(uid) => uid.to_owned(),
        Some(uid) => {
            let rule = format!("it has at most {MAX_UID} letters, digits, '-' and '_', and is not \"read\" or \"new\"");
            return Err(fault(name, format!("the uid {uid:?} can't be: {rule}")));
        }
        // The same file has the same one each time.
        None => format!("file-{:016x}", twox_hash::XxHash3_64::oneshot(name.as_bytes())),
    };
    let tags = map.get("tags").and_then(serde_json::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(Head {
        uid,
        title: text("title").unwrap_or("Untitled").to_owned(),
        tags: tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect(),
        revision: revision(bytes),
    })
}

/// All files of a folder that might be dashboards. A link may lead to another place of the folder, as Kubernetes' maps of files do.
fn gather(root: &Path, dir: &Path, depth: usize, files: &mut Vec<(PathBuf, String, Stamp)>, faults: &mut Vec<Fault>) {
    let shown = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => return faults.push(fault(&shown(dir), error.to_string())),
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        if hidden || files.len() > MAX_FILES {
            continue;
        }
        let Ok(metadata) = fs::metadata(&path) else { continue };
        let is_dashboard = metadata.is_file() && is_json;
        if !metadata.is_dir() && !is_dashboard {
            continue;
        }
        match fs::canonicalize(&path) {
            Ok(real) if real.starts_with(root) => {}
            Ok(_) => {
                faults.push(fault(&shown(&path), "leads out of the folder, so it is not read".to_owned()));
                continue;
            }
            Err(_) => continue,
        }
        if metadata.is_file() {
            files.push((path.clone(), shown(&path), (metadata.modified().ok(), metadata.len())));
        } else if depth < MAX_DEPTH {
            gather(root, &path, depth + 1, files, faults);
        }
    }
}

fn fault(file: &str, reason: String) -> Fault {
    Fault { file: file.to_owned(), place: None, reason }
}
