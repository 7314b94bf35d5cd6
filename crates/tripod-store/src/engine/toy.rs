//! The simplest signal: rows of a time and a value. Tests of the engine drive it through crashes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::{Part, PartFile, PartMeta, PartSink, RecordKind, Signal, View};
use crate::wal::lock;
use crate::{Appended, StoreError};

/// A time and a value.
pub(super) type Row = (u64, u64);

#[derive(Debug, Default)]
pub(super) struct Toy {
    /// A write to disk panics while this is set.
    pub(super) panics: Arc<AtomicBool>,
}

/// A request of rows.
pub(super) fn request(rows: &[Row]) -> Vec<u8> {
    rows.iter().flat_map(|(time, value)| [time.to_le_bytes(), value.to_le_bytes()].concat()).collect()
}

fn rows(bytes: &[u8]) -> Option<Vec<Row>> {
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    bytes
        .len()
        .is_multiple_of(16)
        .then(|| bytes.chunks_exact(16).map(|row| (number(&row[..8]), number(&row[8..]))).collect())
}

/// All rows of a view, read from the disk, in the order of arrival.
pub(super) fn all(view: &View<Toy>) -> Result<Vec<Row>, StoreError> {
    let mut all = Vec::new();
    for part in &view.parts {
        all.extend(read(&part.file)?);
    }
    all.extend(view.memories.iter().flat_map(|memory| lock(memory).clone()));
    Ok(all)
}

fn read(file: &PartFile) -> Result<Vec<Row>, StoreError> {
    let bytes = file.read(0, file.len() as usize)?;
    let (body, sum) = bytes.split_last_chunk::<4>().ok_or_else(|| file.damaged(0, "too short"))?;
    if crc32fast::hash(body) != u32::from_le_bytes(*sum) {
        return Err(file.damaged(0, "the checksum does not match"));
    }
    rows(body).ok_or_else(|| file.damaged(0, "half a row"))
}

fn write(rows: &[Row], parts: &mut PartSink<'_>) -> Result<(), StoreError> {
    let mut days: BTreeMap<u64, Vec<Row>> = BTreeMap::new();
    for row in rows {
        days.entry(PartMeta::day_of(row.0)).or_default().push(*row);
    }
    for (day, rows) in days {
        let mut part = parts.create("", day)?;
        let body = request(&rows);
        // In pieces, so that a crash can come between them.
        for piece in body.chunks(64) {
            part.write(piece)?;
        }
        part.write(&crc32fast::hash(&body).to_le_bytes())?;
        for row in &rows {
            part.count(1, row.0, row.0);
        }
        parts.finish(part)?;
    }
    Ok(())
}

impl Signal for Toy {
    const NAME: &'static str = "toys";

    type Batch = Vec<Row>;
    type Memory = Mutex<Vec<Row>>;
    type Part = u64;

    fn takes(kind: RecordKind) -> bool {
        kind == RecordKind::Logs
    }

    fn decode(&self, _: RecordKind, payload: &[u8]) -> Result<Vec<Row>, StoreError> {
        rows(payload).ok_or_else(|| StoreError::Query("half a row".to_owned()))
    }

    fn appended(&self, batch: &Vec<Row>) -> Appended {
        Appended { accepted: batch.len() as u64, ..Appended::default() }
    }

    fn apply(&self, memory: &Mutex<Vec<Row>>, batch: Vec<Row>) {
        lock(memory).extend(batch);
    }

    fn bytes(&self, memory: &Mutex<Vec<Row>>) -> usize {
        lock(memory).len() * size_of::<Row>()
    }

    fn rows(&self, memory: &Mutex<Vec<Row>>) -> u64 {
        lock(memory).len() as u64
    }

    fn write(&self, memory: &Mutex<Vec<Row>>, parts: &mut PartSink<'_>) -> Result<(), StoreError> {
        assert!(!self.panics.load(Ordering::Relaxed), "as the test wants it");
        write(&lock(memory), parts)
    }

    fn open(&self, file: &PartFile) -> Result<u64, StoreError> {
        Ok(read(file)?.len() as u64)
    }

    fn merge(&self, parts: &[Arc<Part<Self>>], merged: &mut PartSink<'_>) -> Result<(), StoreError> {
        let mut rows = Vec::new();
        for part in parts {
            rows.extend(read(&part.file)?);
        }
        write(&rows, merged)
    }

    fn part_bytes(&self, part: &u64) -> usize {
        size_of_val(part)
    }

    fn verify(&self, part: &Part<Self>) -> Result<(), StoreError> {
        read(&part.file).map(|_| ())
    }
}
