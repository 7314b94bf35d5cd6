//! Opening: the manifest, the parts it names, then the records of the log that are not in them.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::directory::Directory;
use super::{AnyTable, Engine, Ground, Keep, Manifest, Options, PartMeta, Space};
use crate::StoreError;
use crate::disk::{Disk, Entry};
use crate::wal::recover::{Damage, Record};
use crate::wal::{Apply, Position, Wal, WalOptions};

/// Records of so many bytes are decoded at once, by all cores, and then applied.
const CHUNK: usize = 8 << 20;

/// Another core is asked for records of so many bytes each.
const WORTH_A_THREAD: usize = 256 << 10;

/// While the disk takes no parts, a replay goes on with at most so many frozen memory tables.
const MAX_UNWRITTEN: usize = 8;

/// What opening a store found on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segments of the log read.
    pub segments: u64,
    /// Records of the log (appended batches) read.
    pub records: u64,
    /// Records that were not in parts yet, and were taken into memory.
    pub replayed: u64,
    /// Bytes of unfinished writes cut off the newest segment: they were never acknowledged.
    pub truncated_bytes: u64,
    /// Parts opened.
    pub parts: u64,
    /// What could not be read, and was skipped or set aside.
    pub damaged: Vec<Damage>,
}

impl Engine {
    /// Opens a directory for tables, each with what is kept of it.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        options: Options,
        tables: Vec<(Arc<dyn AnyTable>, Keep)>,
    ) -> Result<(Self, Recovery), StoreError> {
        let directory = Directory::open(disk.as_ref(), &options.dir)?;
        let manifest = directory.manifest.clone();
        let ground = Arc::new(Ground::new(disk, options, manifest.clone()));
        remove_leftovers(&ground, &manifest)?;
        let mut recovery = Recovery::default();
        for (table, _) in &tables {
            open_parts(&ground, table.as_ref(), &manifest, &mut recovery)?;
        }

        let known = manifest.checkpoints.values().max().copied().unwrap_or_default();
        let wal_options = WalOptions {
            segment_bytes: ground.options.segment_bytes(),
            max_waiting_bytes: ground.options.max_waiting_bytes,
            durability: ground.options.durability,
        };
        let mut replayed = 0;
        let (wal, found) = Wal::open(
            Arc::clone(&ground.disk),
            &ground.path(Path::new("wal")),
            wal_options,
            known,
            &mut |path, bytes, records| {
                let records = unflushed(&tables, &manifest, records);
                replayed += records.len() as u64;
                replay(&ground, path, bytes, &records)
            },
        )?;
        recovery.segments = found.segments;
        recovery.records = found.records;
        recovery.replayed = replayed;
        recovery.truncated_bytes = found.truncated_bytes;
        recovery.damaged.extend(found.damaged);
        tables.iter().for_each(|(table, _)| table.opened());
        let space = Space::new(&ground);
        let engine = Self { ground, wal, tables, space, tidying: Mutex::new(()), _directory: directory };
        engine.drop_segments()?;
        Ok((engine, recovery))
    }
}

/// Removes what a crash left half done: drafts, and files of parts that were not registered. Their numbers are not given again.
fn remove_leftovers(ground: &Ground, manifest: &Manifest) -> Result<(), StoreError> {
    let disk = ground.disk.as_ref();
    let list = |dir: &Path| disk.list(dir).map_err(|source| StoreError::io("cannot list", dir, source));
    let remove = |path: &Path| disk.remove_file(path).map_err(|source| StoreError::io("cannot remove", path, source));
    let files = |dir: &Path, suffix: &'static str| {
        let is = move |entry: &Entry| !entry.is_dir && entry.name.strip_suffix(suffix).is_some();
        Ok::<_, StoreError>(list(dir)?.into_iter().filter(is))
    };
    for entry in files(&ground.dir, ".tmp")? {
        remove(&ground.dir.join(&entry.name))?;
    }
    let parts = ground.path(Path::new("parts"));
    for day in list(&parts)?.iter().filter(|entry| entry.is_dir) {
        let dir = parts.join(&day.name);
        for file in files(&dir, ".part")? {
            let path = dir.join(&file.name);
            if let Some(id) = file.name.trim_end_matches(".part").rsplit('-').next().and_then(|id| id.parse().ok()) {
                ground.manifest.skip_id(id);
            }
            if !manifest.parts.iter().any(|part| ground.path(&part.path()) == path) {
                remove(&path)?;
            }
        }
        // Works when nothing is left of the day.
        let _ = disk.remove_dir(&dir);
    }
    Ok(())
}

/// Opens the parts of one table; those that can't be read are set aside and taken out of the manifest.
fn open_parts(
    ground: &Ground,
    table: &dyn AnyTable,
    manifest: &Manifest,
    recovery: &mut Recovery,
) -> Result<(), StoreError> {
    let parts: Vec<PartMeta> = manifest.parts.iter().filter(|part| part.signal == table.name()).cloned().collect();
    let damaged = table.open_parts(ground, &parts)?;
    recovery.parts += (parts.len() - damaged.len()) as u64;
    if damaged.is_empty() {
        return Ok(());
    }
    let gone = |part: &PartMeta| damaged.iter().any(|(gone, _)| gone.id == part.id);
    ground.commit(None, |manifest| manifest.parts.retain(|part| !gone(part)))?;
    recovery.damaged.extend(damaged.into_iter().map(|(_, damage)| damage));
    Ok(())
}

/// Records that are not in parts, each with its table.
fn unflushed(
    tables: &[(Arc<dyn AnyTable>, Keep)],
    manifest: &Manifest,
    records: Vec<Record>,
) -> Vec<(Arc<dyn AnyTable>, Record)> {
    let checkpoints: Vec<Position> = tables.iter().map(|(table, _)| manifest.checkpoint(table.name())).collect();
    let of = |record: Record| {
        let table = tables.iter().position(|(table, _)| table.takes(record.kind))?;
        (record.place.start >= checkpoints[table]).then(|| (Arc::clone(&tables[table].0), record))
    };
    records.into_iter().filter_map(of).collect()
}

/// Takes the records of a segment into memory, in order: what could not be.
fn replay(
    ground: &Arc<Ground>,
    path: &Path,
    bytes: &[u8],
    records: &[(Arc<dyn AnyTable>, Record)],
) -> Result<Vec<Damage>, StoreError> {
    let (mut damaged, mut rest) = (Vec::new(), records);
    while !rest.is_empty() {
        let mut size = 0;
        let fits = |(_, record): &&(_, Record)| {
            let before = size;
            size += record.payload.len();
            before < CHUNK
        };
        let (chunk, behind) = rest.split_at(rest.iter().take_while(fits).count());
        rest = behind;
        for ((_, record), prepared) in chunk.iter().zip(prepare(ground, bytes, chunk)) {
            let applied = prepared.and_then(|apply| {
                let applied = panic::catch_unwind(AssertUnwindSafe(|| apply(record.place)));
                applied.map_err(|_| StoreError::Internal("it could not be taken into memory".to_owned()))
            });
            if let Err(error) = applied {
                damaged.push(Damage {
                    path: path.to_owned(),
                    offset: record.place.start.offset,
                    bytes: record.place.end.offset - record.place.start.offset,
                    reason: error.to_string(),
                });
            }
        }
        for (table, _) in chunk {
            write_full(ground, table.as_ref())?;
        }
    }
    Ok(damaged)
}

/// Decodes records on all cores.
fn prepare(
    ground: &Arc<Ground>,
    bytes: &[u8],
    records: &[(Arc<dyn AnyTable>, Record)],
) -> Vec<Result<Apply, StoreError>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut prepared = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some((table, record)) = records.get(number) else { return prepared };
            let payload = &bytes[record.payload.clone()];
            prepared.push((number, Arc::clone(table).prepare(ground, record.kind, payload)));
        }
    };
    let size: usize = records.iter().map(|(_, record)| record.payload.len()).sum();
    let threads = thread::available_parallelism().map_or(1, usize::from).min(size / WORTH_A_THREAD + 1);
    let mut prepared = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut prepared = work();
        // Decoding contains its panics.
        prepared.extend(others.into_iter().flat_map(|thread| thread.join().unwrap_or_default()));
        prepared
    });
    prepared.sort_unstable_by_key(|(number, _)| *number);
    prepared.into_iter().map(|(_, prepared)| prepared).collect()
}

/// Writes frozen memory tables, so that a replay takes no more memory than an ingest does.
fn write_full(ground: &Ground, table: &dyn AnyTable) -> Result<(), StoreError> {
    while table.frozen() > 1 {
        match table.flush_oldest(ground) {
            Ok(_) => {}
            Err(_) if table.frozen() <= MAX_UNWRITTEN => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
