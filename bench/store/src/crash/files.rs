//! What was under way when a process was killed, by the files that it left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::process;

/// Files below the directory, with their lengths.
pub(super) fn list(dir: &Path) -> BTreeMap<PathBuf, u64> {
    let mut files = BTreeMap::new();
    process::for_each_file(dir, &mut |path| {
        let len = path.metadata().map_or(0, |file| file.len());
        files.insert(path.strip_prefix(dir).unwrap_or(path).to_owned(), len);
    });
    files
}

/// What was, in words: files that opening the store takes away had not been finished, or not been deleted yet.
pub(super) fn under_way(
    left: &BTreeMap<PathBuf, u64>,
    opened: &BTreeMap<PathBuf, u64>,
    torn: u64,
    early: bool,
) -> Vec<String> {
    let mut found = Vec::new();
    let gone: Vec<String> = left
        .keys()
        .filter(|path| !opened.contains_key(*path))
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    let any = |test: &dyn Fn(&str) -> bool| gone.iter().any(|path| test(path));
    if early {
        found.push("start, recovery".to_owned());
    }
    if torn > 0 {
        found.push("append: the log's end is torn".to_owned());
    }
    if any(&|path| path.to_lowercase().contains("manifest") && path.contains("tmp")) {
        found.push("manifest: written, not swapped".to_owned());
    }
    if any(&|path| path.contains("part") && path.contains("tmp")) {
        found.push("flush or merge: a part half written".to_owned());
    }
    let newest = opened.keys().filter_map(|path| part_id(path)).max();
    let part =
        |newer: bool| gone.iter().filter_map(|path| part_id(Path::new(path))).any(|id| (Some(id) > newest) == newer);
    if part(true) {
        found.push("flush or merge: a part written, not in the manifest".to_owned());
    }
    if part(false) {
        found.push("merge or retention: parts out of the manifest, not deleted".to_owned());
    }
    if any(&|path| path.starts_with("wal")) {
        found.push("log: segments done with, not deleted".to_owned());
    }
    if found.is_empty() {
        found.push("append".to_owned());
    }
    found
}

/// The number in `<signal>-<id>.part`.
fn part_id(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(".part")?;
    let digits = name.rsplit_once('-').map_or(name, |(_, digits)| digits);
    digits.parse().ok()
}
