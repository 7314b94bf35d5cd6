//! A group's file: JSON, named by a hash of its labels.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tripod_store::{Labels, Metadata, MetricKind};

use super::group::{Families, Family, Group};
use crate::durable;

/// A label's name and value.
type Pair = (String, String);

#[derive(Serialize, Deserialize)]
struct FileGroup {
    labels: Vec<Pair>,
    pushed: i64,
    failed: i64,
    families: Vec<FileFamily>,
}

#[derive(Serialize, Deserialize)]
struct FileFamily {
    name: String,
    kind: String,
    help: String,
    unit: String,
    /// Values by their bits: JSON has no NaN and no infinity.
    series: Vec<(Vec<Pair>, u64)>,
}

const KINDS: [MetricKind; 6] = [
    MetricKind::Unknown,
    MetricKind::Counter,
    MetricKind::Gauge,
    MetricKind::Histogram,
    MetricKind::Summary,
    MetricKind::Info,
];

/// Reads all groups; a file that can't be read is named and left where it is.
pub(super) fn read_all(dir: &Path) -> BTreeMap<Labels, Group> {
    let mut groups = BTreeMap::new();
    let Ok(entries) = fs::read_dir(dir) else { return groups };
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "json"))
    {
        let read = fs::read(&path).and_then(|bytes| Ok(serde_json::from_slice::<FileGroup>(&bytes)?));
        match read {
            Ok(file) => drop(groups.insert(Labels::new(file.labels.clone()), group(file))),
            Err(error) => eprintln!("tripod: {} can't be read, what was pushed is lost: {error}", path.display()),
        }
    }
    groups
}

/// Writes a group; when this returns `Ok`, it is on disk.
pub(super) fn write(dir: &Path, key: &Labels, group: &Group) -> io::Result<()> {
    durable::replace(&path(dir, key), &serde_json::to_vec(&file_of(key, group))?)
}

/// Takes a group's file away.
pub(super) fn remove(dir: &Path, key: &Labels) -> io::Result<()> {
    match fs::remove_file(path(dir, key)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => File::open(dir).map_or(Ok(()), |dir| dir.sync_all()),
    }
}

fn path(dir: &Path, key: &Labels) -> PathBuf {
    let pairs: Vec<_> = key.iter().collect();
    let name = twox_hash::XxHash3_128::oneshot(format!("{pairs:?}").as_bytes());
    dir.join(format!("{name:032x}.json"))
}

fn pairs(labels: &Labels) -> Vec<Pair> {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn file_of(key: &Labels, group: &Group) -> FileGroup {
    let family = |(name, family): (&String, &Family)| FileFamily {
        name: name.clone(),
        kind: family.metadata.kind.as_str().to_owned(),
        help: family.metadata.help.clone(),
        unit: family.metadata.unit.clone(),
        series: family.series.iter().map(|(labels, value)| (pairs(labels), value.to_bits())).collect(),
    };
    let families = group.families.iter().map(family).collect();
    FileGroup { labels: pairs(key), pushed: group.pushed, failed: group.failed, families }
}

fn group(file: FileGroup) -> Group {
    let family = |family: FileFamily| {
        let kind = KINDS.into_iter().find(|kind| kind.as_str() == family.kind).unwrap_or_default();
        let metadata = Metadata { kind, help: family.help, unit: family.unit };
        let series = family.series.into_iter().map(|(labels, bits)| (Labels::new(labels), f64::from_bits(bits)));
        (family.name, Family { metadata, series: series.collect() })
    };
    let families: Families = file.families.into_iter().map(family).collect();
    Group { families, pushed: file.pushed, failed: file.failed }
}
