//! Doors for the fuzz targets in `fuzz/`: every decoder of what lies on disk, given any bytes. Only there with the feature
//! `fuzzing`. Checksums are 0 there (`fuzz/crc32fast`), so that changed bytes get past them.

mod seeds;

use std::cell::Cell;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use crate::StoreError;
use crate::columns::{Malformed, fixed, floats, ints, strings};
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;
use crate::engine::{Manifest, Part, PartFile, PartIds, PartMeta, PartSink, RecordKind, Signal};
use crate::index::postings::{self, Postings};
use crate::index::rows::Rows;
use crate::index::{Section, filter};
use crate::logs::Logs;
use crate::records::{Attributes, ColumnSet, Contexts, Pick, Picks};
use crate::samples::{Limits, Samples};
use crate::spans::Spans;
use crate::wal;

pub use self::seeds::seeds;

/// The most rows of a block.
const ROWS: usize = 4096;

/// Takes the first `N` bytes.
fn take<const N: usize>(bytes: &[u8]) -> Option<([u8; N], &[u8])> {
    bytes.split_first_chunk().map(|(first, rest)| (*first, rest))
}

/// One column of up to a block's rows. What is decoded has as many values as were asked for, and is the same when encoded anew.
pub fn column(bytes: &[u8]) {
    let Some(([kind, low, high], bytes)) = take(bytes) else { return };
    let count = usize::from(u16::from_le_bytes([low, high])) % (ROWS + 1);
    match kind % 5 {
        0 => again(ints::decode(bytes, count), count, Vec::len, |values| {
            let mut out = Vec::new();
            ints::encode(values, &mut out);
            ints::decode(&out, count)
        }),
        1 => again(floats::decode(bytes, count).map(bits), count, Vec::len, |values| {
            let mut out = Vec::new();
            floats::encode(&values.iter().map(|value| f64::from_bits(*value)).collect::<Vec<_>>(), &mut out);
            floats::decode(&out, count).map(bits)
        }),
        2 => again(fixed::decode::<8>(bytes, count), count, Vec::len, |values| {
            let mut out = Vec::new();
            fixed::encode(values, &mut out);
            fixed::decode(&out, count)
        }),
        3 => again(fixed::decode::<16>(bytes, count), count, Vec::len, |values| {
            let mut out = Vec::new();
            fixed::encode(values, &mut out);
            fixed::decode(&out, count)
        }),
        _ => {
            let text = |bytes: &[u8]| {
                let column = strings::decode(bytes, count)?;
                Ok((0..column.len()).map(|at| column.get(at).to_vec()).collect::<Vec<_>>())
            };
            again(text(bytes), count, Vec::len, |values| {
                let mut all = strings::Strings::default();
                values.iter().for_each(|value| all.push(value));
                let mut out = Vec::new();
                strings::encode(&all, &mut out);
                text(&out)
            });
        }
    }
}

fn bits(values: Vec<f64>) -> Vec<u64> {
    values.into_iter().map(f64::to_bits).collect()
}

fn again<T: PartialEq + Debug>(
    decoded: Result<T, Malformed>,
    count: usize,
    len: impl Fn(&T) -> usize,
    encode: impl Fn(&T) -> Result<T, Malformed>,
) {
    let Ok(decoded) = decoded else { return };
    assert_eq!(len(&decoded), count);
    assert_eq!(encode(&decoded).as_ref(), Ok(&decoded));
}

/// An index in memory.
struct Memory<'a> {
    bytes: &'a [u8],
    read: Cell<u64>,
}

impl<'a> Memory<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, read: Cell::new(0) }
    }
}

impl Section for Memory<'_> {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        self.read.set(self.read.get() + len as u64);
        Ok(self.bytes[offset as usize..][..len].to_vec())
    }

    fn damaged(&self, offset: u64, what: Malformed) -> StoreError {
        StoreError::Damaged { path: "memory".into(), offset, reason: what.to_string() }
    }
}

/// An index of a part: of rows, of postings or of filters. Look-ups are answered or refused, and a merge of what reads reads.
pub fn index(bytes: &[u8]) {
    let Some(([kind, hash @ ..], bytes)) = take::<9>(bytes) else { return };
    let (hash, section) = (u64::from_le_bytes(hash), Memory::new(bytes));
    match kind % 3 {
        0 => {
            let Ok(rows) = Rows::open(&section) else { return };
            let found = rows.find(&section, hash);
            section.read.set(0);
            let walked: Result<Vec<u64>, _> = rows.entries(&section).collect();
            if let Ok(seen) = walked
                && section.read.get() <= bytes.len() as u64 * 2
                && seen.is_sorted()
            {
                let wanted = hash >> 32;
                let of_hash: Vec<u32> =
                    seen.iter().filter(|entry| *entry >> 32 == wanted).map(|entry| *entry as u32).collect();
                assert_eq!(found.ok(), Some(of_hash));
            }
        }
        1 => {
            let Ok(postings) = Postings::open(&section) else { return };
            for key in postings.keys() {
                let entries: Vec<_> = postings.entries(&section, &key.name, "").take(10_000).flatten().collect();
                for entry in entries.iter().take(100) {
                    let _ = entry.blocks();
                    let _ = postings.blocks(&section, &key.name, &entry.value);
                }
            }
            let input = || postings::Input { postings: &postings, section: &section, block: &|block| Some(block % 64) };
            let mut out = Vec::new();
            let merged = postings::merge(&[input(), input()], &mut |bytes| {
                out.extend_from_slice(bytes);
                Ok(())
            });
            if merged.is_ok() {
                let merged = Memory::new(&out);
                let keys = Postings::open(&merged).expect("what was written is read").keys().len();
                assert!(keys <= postings.keys().len());
            }
        }
        _ => {
            filter::contains(bytes, hash);
        }
    }
}

/// Contexts, and attributes of a block in columns.
pub fn records(bytes: &[u8]) {
    let Some(([kind, low, high], mut bytes)) = take(bytes) else { return };
    let count = usize::from(u16::from_le_bytes([low, high])) % (ROWS + 1);
    if kind % 2 == 0 {
        if let Ok(contexts) = Contexts::decode(bytes, count) {
            assert!(contexts.len() <= count);
        }
        return;
    }
    // The head's column, the shapes' and those of values: each a length and its bytes.
    let mut columns = ColumnSet::default();
    for name in ["a", "a@", "a0", "a1", "a2", "a3"] {
        let Some((len, rest)) = take(bytes) else { break };
        let (column, rest) = rest.split_at(usize::from(u16::from_le_bytes(len)).min(rest.len()));
        columns.add(name, |out| out.extend_from_slice(column));
        bytes = rest;
    }
    if let Ok(attributes) = Attributes::decode("a", count, &columns) {
        assert_eq!(attributes.rows(), count);
        let mut text = String::new();
        for row in 0..count.min(16) {
            for (key, value) in attributes.row(row) {
                assert!(attributes.get(row, key).is_some());
                value.text(&mut text);
            }
        }
        let mut gathered = Attributes::default();
        gathered.push_rows(Picks { sources: &[&attributes], picks: &Pick::all(count) }, |attributes| attributes);
        assert_eq!(gathered.rows(), count);
    }
}

/// A segment of the log, the newest one or another: whatever stands there, what is read lies in it, in order.
pub fn wal(bytes: &[u8]) {
    let Some(([newest], bytes)) = take(bytes) else { return };
    let mut end = 0;
    let mut kinds: Vec<RecordKind> = Vec::new();
    let scan = wal::recover::scan(bytes, newest % 2 == 1, |kind, payload, next| {
        assert!(end <= payload.start && payload.start <= payload.end && payload.end <= next && next <= bytes.len());
        end = next;
        kinds.push(kind);
    });
    assert_eq!(scan.records, kinds.len() as u64);
    assert!(scan.torn.is_none_or(|torn| torn <= bytes.len() && newest % 2 == 1));
}

/// The manifest: what is read is the same when written and read again.
pub fn manifest(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::decode(bytes) {
        assert_eq!(Manifest::decode(&manifest.encode()).as_ref(), Ok(&manifest));
    }
}

/// A record of the log, of any kind: as columns or refused, and what is taken in can be written as parts that are whole.
pub fn request(bytes: &[u8]) {
    let Some(([kind], payload)) = take(bytes) else { return };
    match RecordKind::from_byte(kind) {
        Some(RecordKind::Spans) => taken(&Spans::default(), RecordKind::Spans, payload),
        Some(RecordKind::Logs) => taken(&Logs::default(), RecordKind::Logs, payload),
        Some(kind) => taken(&Samples::new(Limits::default()), kind, payload),
        None => {}
    }
}

fn taken<S: Signal>(signal: &S, kind: RecordKind, payload: &[u8]) {
    let Ok(batch) = signal.decode(kind, payload) else { return };
    let memory = S::Memory::default();
    signal.apply(&memory, batch);
    let (disk, dir, mut ids) = (SimulatedDisk::default(), Path::new("store"), Ids(0));
    let mut sink = PartSink::new(&disk, dir, S::NAME, 0, &mut ids);
    signal.write(&memory, &mut sink).expect("what was taken in can be written");
    for meta in sink.written() {
        let file = PartFile::open(&disk, dir, meta).expect("it was written");
        let inner = signal.open(&file).expect("what was written opens");
        signal.verify(&Part { file, inner }).expect("what was written is whole");
    }
}

/// A part of any signal: it opens or does not, is whole or not, and merges with itself or does not.
pub fn part(bytes: &[u8]) {
    let Some(([signal], bytes)) = take(bytes) else { return };
    match signal % 4 {
        0 => part_of(&Spans::default(), "", bytes),
        1 => part_of(&Logs::default(), "", bytes),
        2 => part_of(&Samples::new(Limits::default()), crate::samples::SAMPLES, bytes),
        _ => part_of(&Samples::new(Limits::default()), crate::samples::EXEMPLARS, bytes),
    }
}

fn part_of<S: Signal>(signal: &S, kind: &str, bytes: &[u8]) {
    let (disk, dir) = (SimulatedDisk::default(), Path::new("store"));
    let meta = |id| PartMeta {
        id,
        sequence: id,
        signal: S::NAME.to_owned(),
        kind: kind.to_owned(),
        day: 0,
        level: 0,
        rows: 1,
        bytes: bytes.len() as u64,
        min_time: 0,
        max_time: u64::MAX,
    };
    let open = |id| {
        let meta = meta(id);
        let path = dir.join(meta.path());
        let parent = path.parent().expect("a part lies in a day's directory");
        disk.create_dir_all(parent).expect("there is room");
        disk.create(&path).and_then(|mut file| file.write(bytes)).expect("there is room");
        let file = PartFile::open(&disk, dir, &meta).ok()?;
        let inner = signal.open(&file).ok()?;
        Some(Arc::new(Part { file, inner }))
    };
    let (Some(one), Some(other)) = (open(1), open(2)) else { return };
    let _ = signal.verify(&one);
    let mut ids = Ids(2);
    let mut sink = PartSink::new(&disk, dir, S::NAME, 1, &mut ids);
    let _ = signal.merge(&[one, other], &mut sink);
}

/// Numbers for parts.
#[derive(Debug)]
struct Ids(u64);

impl PartIds for Ids {
    fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}
