//! A look at every byte of a store that nobody uses: which checksums hold. Nothing is changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::directory::{self, Directory, FORMAT, FORMAT_1};
use super::{AnyTable, Manifest};
use crate::StoreError;
use crate::disk::{self, Disk};
use crate::wal::recover::{Damage, scan};
use crate::wal::segment;

/// What a look at every byte of a store found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Check {
    /// What the directory's `FORMAT` says.
    pub format: String,
    /// Parts that are whole, and what is in them.
    pub parts: Vec<CheckedPart>,
    /// Segments of the log.
    pub segments: u64,
    /// Records in them that are whole.
    pub records: u64,
    /// Bytes of the log.
    pub wal_bytes: u64,
    /// Bytes of an unfinished write at the log's end: they were never acknowledged, and go at the next start.
    pub unfinished_bytes: u64,
    /// What is damaged.
    pub damaged: Vec<Damage>,
    /// Parts that were found damaged earlier, and were set aside.
    pub set_aside: Vec<PathBuf>,
}

/// A part that is whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckedPart {
    /// Its file.
    pub path: PathBuf,
    /// Its signal's name.
    pub signal: String,
    /// Rows in it.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Checks a directory with the tables whose signals it has. `tell` is told how many bytes of parts are read, of how many.
pub(crate) fn check(
    disk: &dyn Disk,
    dir: &Path,
    tables: &[Arc<dyn AnyTable>],
    tell: &mut dyn FnMut(u64, u64),
) -> Result<Check, StoreError> {
    let missing = || StoreError::Format { path: dir.to_owned(), found: "nothing".to_owned(), expected: FORMAT };
    let format = directory::format(disk, dir)?.ok_or_else(missing)?;
    let _lock = directory::lock(disk, dir)?;
    let manifest = match format.as_str() {
        FORMAT => Directory::manifest(disk, dir)?,
        FORMAT_1 => Manifest::default(),
        _ => return Err(StoreError::Format { path: dir.to_owned(), found: format, expected: FORMAT }),
    };
    let mut check = Check { format, ..Check::default() };
    let total = manifest.parts.iter().map(|meta| meta.bytes).sum();
    let mut done = 0;
    for meta in &manifest.parts {
        tell(done, total);
        done += meta.bytes;
        let path = dir.join(meta.path());
        let table = tables.iter().find(|table| table.name() == meta.signal);
        match table.map(|table| table.check_part(disk, dir, meta)) {
            Some(Ok(())) => {
                let (signal, rows, bytes) = (meta.signal.clone(), meta.rows, meta.bytes);
                check.parts.push(CheckedPart { path, signal, rows, bytes });
            }
            Some(Err(error)) => check.damaged.push(damage(path, meta.bytes, error)),
            None => check.damaged.push(Damage {
                path,
                offset: 0,
                bytes: meta.bytes,
                reason: format!("there is no signal {:?}", meta.signal),
            }),
        }
    }
    check_log(disk, &dir.join("wal"), tables, &mut check)?;
    let aside = dir.join("damaged");
    let names = disk.list(&aside).unwrap_or_default();
    check.set_aside = names.into_iter().map(|entry| aside.join(entry.name)).collect();
    Ok(check)
}

fn check_log(disk: &dyn Disk, dir: &Path, tables: &[Arc<dyn AnyTable>], check: &mut Check) -> Result<(), StoreError> {
    let ids = segment::list(disk, dir).map_err(|source| StoreError::io("cannot list", dir, source))?;
    for id in &ids {
        let path = segment::path(dir, *id);
        let bytes = match disk::read_all(disk, &path) {
            Ok(bytes) => bytes,
            Err(source) => {
                check.damaged.push(damage(path.clone(), 0, StoreError::io("cannot read", &path, source)));
                continue;
            }
        };
        let mut unreadable = Vec::new();
        let scan = scan(&bytes, Some(id) == ids.last(), |kind, payload, _| {
            let table = tables.iter().find(|table| table.takes(kind));
            let decoded = table.map_or(Ok(()), |table| table.check_record(kind, &bytes[payload.clone()]));
            unreadable.extend(decoded.err().map(|error| (payload, error.to_string())));
        });
        check.segments += 1;
        check.records += scan.records;
        check.wal_bytes += bytes.len() as u64;
        check.unfinished_bytes += scan.torn.map_or(0, |torn| bytes.len() - torn) as u64;
        let of_frame = |(offset, len, reason): (usize, usize, &str)| (offset, len, reason.to_owned());
        let of_record = |(payload, reason): (std::ops::Range<usize>, String)| (payload.start, payload.len(), reason);
        let all = scan.damaged.into_iter().map(of_frame).chain(unreadable.into_iter().map(of_record));
        check.damaged.extend(all.map(|(offset, len, reason)| Damage {
            path: path.clone(),
            offset: offset as u64,
            bytes: len as u64,
            reason,
        }));
    }
    Ok(())
}

fn damage(path: PathBuf, bytes: u64, error: StoreError) -> Damage {
    match error {
        StoreError::Damaged { offset, reason, .. } => {
            Damage { path, offset, bytes: bytes.saturating_sub(offset), reason }
        }
        error => Damage { path, offset: 0, bytes, reason: error.to_string() },
    }
}
