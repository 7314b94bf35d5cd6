use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use tripod_wire::otlp::{InstrumentationScope, KeyValue, Resource};
use tripod_wire::proto::Message;

use super::*;
use crate::columns::ints;
use crate::disk::RealDisk;
use crate::engine::{NewPart, PartIds, PartMeta, PartSink};
use crate::records::{Attributes, ColumnSet, ColumnSource, KnownContexts, ValueRef};

#[derive(Debug)]
struct Ids(u64);

impl PartIds for Ids {
    fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    time: u64,
    service: u8,
    trace: u8,
    attributes: Vec<(String, String)>,
}

/// A part on disk.
struct Written {
    file: PartFile,
    part: RecordPart,
}

impl Written {
    fn new(dir: &Path, ids: &mut Ids, write: impl for<'a> FnOnce(NewPart<'a>) -> NewPart<'a>) -> Self {
        let mut sink = PartSink::new(&RealDisk, dir, "spans", 0, ids);
        let part = write(sink.create("", 3).unwrap());
        sink.finish(part).unwrap();
        let file = PartFile::open(&RealDisk, dir, &sink.written()[0]).unwrap();
        let part = RecordPart::open(&file).unwrap();
        Self { file, part }
    }

    fn of_blocks(dir: &Path, ids: &mut Ids, blocks: &[Vec<Row>]) -> Self {
        Self::new(dir, ids, |part| {
            let mut builder = PartBuilder::new(part).unwrap();
            for rows in blocks {
                let mut number = |service| builder.context(&context(service));
                let NewBlock { head, columns, index } = new_block(rows, &mut number);
                builder.block(head, &columns, index).unwrap();
            }
            builder.finish(b"summary").unwrap()
        })
    }

    fn merged(dir: &Path, ids: &mut Ids, parts: &[Self]) -> Self {
        let inputs: Vec<_> = parts.iter().map(|part| MergeInput { file: &part.file, part: &part.part }).collect();
        let mut rewrite = |blocks: &[PartBlock<'_>]| {
            let mut rows = Vec::new();
            let mut numbers = BTreeMap::new();
            for block in blocks {
                rows.extend(read_block(block)?);
                for (local, number) in block.contexts().iter().enumerate() {
                    numbers.insert(block.context(local as u32).unwrap().service.clone(), *number);
                }
            }
            rows.sort();
            Ok(Some(new_block(&rows, &mut |service| numbers[&service_name(service)])))
        };
        Self::new(dir, ids, |into| merge(&inputs, into, b"merged", &mut rewrite).unwrap())
    }

    fn blocks(&self) -> Vec<Vec<Row>> {
        let numbers = 0..self.part.heads().len() as u32;
        numbers.map(|number| read_block(&self.part.block(&self.file, number).unwrap()).unwrap()).collect()
    }

    /// Every question has an answer that leaves nothing out.
    fn check(&self) {
        self.part.verify(&self.file).unwrap();
        let blocks = self.blocks();
        let all: RoaringBitmap = (0..blocks.len() as u32).collect();
        let mut known: BTreeMap<String, u64> = BTreeMap::new();
        for row in blocks.iter().flatten() {
            row.attributes.iter().for_each(|(key, _)| *known.entry(key.clone()).or_default() += 1);
        }
        let rows = (0..).zip(&blocks).flat_map(|(number, rows)| rows.iter().map(move |row| (number, row)));
        // Of large parts some rows: each is looked for with several reads.
        let step = 1 + self.file.meta.rows as usize / 500;
        for (number, row) in rows.step_by(step) {
            let service = ("service.name".to_owned(), service_name(row.service));
            for (key, value) in row.attributes.iter().chain([&service]) {
                assert!(self.part.candidates(&self.file, key, value, &all).unwrap().contains(number), "{key}={value}");
                assert!(self.part.candidates(&self.file, key, value, &RoaringBitmap::new()).unwrap().is_empty());
            }
            assert!(self.part.token_candidates(&self.file, &[row.trace], &all).unwrap().contains(number));
            let places = self.part.trace_rows(&self.file, trace(row.trace)).unwrap();
            let first = blocks[number as usize].iter().position(|other| other.trace == row.trace).unwrap();
            assert!(places.contains(&(number, first as u32)));
        }
        for stats in self.part.keys().filter(|stats| stats.key != "service.name") {
            assert_eq!(Some(&stats.rows), known.get(&stats.key));
            let mut listed = 0;
            self.part.values(&self.file, &stats.key, "", &mut |_, rows| listed += rows).unwrap();
            assert!(listed <= stats.rows);
        }
    }
}

fn service_name(service: u8) -> String {
    format!("service-{service}")
}

fn context(service: u8) -> Arc<Context> {
    let resource = Resource {
        attributes: vec![KeyValue::new("service.name", service_name(service))],
        dropped_attributes_count: 0,
    };
    let scope = InstrumentationScope { name: "test".to_owned(), ..InstrumentationScope::default() };
    let mut contexts = Contexts::default();
    let number =
        contexts.intern(&KnownContexts::default(), &resource.encode_to_vec(), &scope.encode_to_vec(), "", "").unwrap();
    Arc::clone(contexts.get(number))
}

fn trace(number: u8) -> TraceId {
    TraceId([number; 16])
}

fn new_block(rows: &[Row], number: &mut dyn FnMut(u8) -> u32) -> NewBlock {
    let (mut attributes, mut columns, mut index) = (Attributes::default(), ColumnSet::default(), BlockIndex::default());
    let mut services: Vec<u8> = rows.iter().map(|row| row.service).collect();
    services.sort_unstable();
    services.dedup();
    let local = |service| services.iter().position(|other| *other == service).unwrap() as u64;
    for service in &services {
        let of_service = rows.iter().filter(|row| row.service == *service).count();
        index.context(&context(*service), of_service as u32);
    }
    let mut traces = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        for (key, value) in &row.attributes {
            attributes.push(key, ValueRef::Str(value));
        }
        attributes.end_row();
        index.token(&[row.trace]);
        traces.entry(row.trace).or_insert(at as u32);
    }
    traces.into_iter().for_each(|(number, row)| index.trace(trace(number), row));
    index.attributes(&attributes);
    columns.add("time", |out| ints::encode(&rows.iter().map(|row| row.time).collect::<Vec<_>>(), out));
    columns.add("trace", |out| ints::encode(&rows.iter().map(|row| row.trace.into()).collect::<Vec<_>>(), out));
    columns.add("context", |out| ints::encode(&rows.iter().map(|row| local(row.service)).collect::<Vec<_>>(), out));
    attributes.encode("a", &mut columns);
    let head = BlockHead {
        rows: rows.len() as u32,
        min_time: rows.iter().map(|row| row.time).min().unwrap_or_default(),
        max_time: rows.iter().map(|row| row.time).max().unwrap_or_default(),
        memory: attributes.memory() as u64,
        contexts: services.iter().map(|service| number(*service)).collect(),
        extra: vec![rows.len() as u8],
    };
    NewBlock { head, columns, index }
}

fn read_block(block: &PartBlock<'_>) -> Result<Vec<Row>, StoreError> {
    let loaded = block.load()?;
    assert_eq!(loaded.names(), block.names());
    let numbers = |name: &str| -> Result<Vec<u64>, StoreError> {
        let bytes = block.column(name)?.unwrap();
        assert_eq!(Some(&bytes), loaded.column(name)?.as_ref());
        ints::decode(&bytes, block.rows()).map_err(|reason| block.damaged(name, reason))
    };
    let (times, traces, contexts) = (numbers("time")?, numbers("trace")?, numbers("context")?);
    let attributes = Attributes::decode("a", block.rows(), &loaded)?;
    let row = |at: usize| {
        let service = &block.context(contexts[at] as u32).unwrap().service;
        Row {
            time: times[at],
            service: service.rsplit('-').next().unwrap().parse().unwrap(),
            trace: traces[at] as u8,
            attributes: attributes
                .row(at)
                .map(|(key, value)| (key.to_owned(), value.text(&mut String::new()).to_owned()))
                .collect(),
        }
    };
    Ok((0..block.rows()).map(row).collect())
}

fn row() -> impl Strategy<Value = Row> {
    let attributes = proptest::collection::vec(("[a-c]", "[a-z]{0,2}"), 0..4);
    (0u64..1000, 0u8..4, 0u8..20, attributes).prop_map(|(time, service, trace, attributes)| Row {
        time,
        service,
        trace,
        attributes,
    })
}

fn blocks() -> impl Strategy<Value = Vec<Vec<Row>>> {
    proptest::collection::vec(proptest::collection::vec(row(), 1..30), 0..4)
}

/// Rows of which many have values of their own, so that filters have something to do.
fn many(rows: usize, first: u64) -> Vec<Row> {
    let of = |at: u64| Row {
        time: first + at,
        service: (at % 3) as u8,
        trace: (at / 16 % 256) as u8,
        attributes: vec![
            ("id".to_owned(), format!("id-{}", first + at)),
            ("method".to_owned(), ["GET", "PUT"][at as usize % 2].to_owned()),
        ],
    };
    (0..rows as u64).map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_a_part_was_made_of_is_read_and_found(blocks in blocks()) {
        let dir = tempfile::tempdir().unwrap();
        let part = Written::of_blocks(dir.path(), &mut Ids(0), &blocks);
        prop_assert_eq!(part.blocks(), blocks.clone());
        prop_assert_eq!(part.part.summary(), b"summary");
        prop_assert_eq!(part.file.meta.rows, blocks.iter().map(Vec::len).sum::<usize>() as u64);
        part.check();
    }

    #[test]
    fn a_merge_keeps_every_row_and_finds_it(sources in proptest::collection::vec(blocks(), 1..4)) {
        let dir = tempfile::tempdir().unwrap();
        let mut ids = Ids(0);
        let parts: Vec<_> = sources.iter().map(|blocks| Written::of_blocks(dir.path(), &mut ids, blocks)).collect();
        let merged = Written::merged(dir.path(), &mut ids, &parts);
        let sorted = |rows: Vec<Row>| { let mut rows = rows; rows.sort(); rows };
        let expected: Vec<Row> = sources.into_iter().flatten().flatten().collect();
        prop_assert_eq!(merged.file.meta.rows, expected.len() as u64);
        prop_assert_eq!(sorted(merged.blocks().into_iter().flatten().collect()), sorted(expected));
        prop_assert!(merged.part.heads().len() <= 1);
        merged.check();
    }

    #[test]
    fn a_changed_byte_is_noticed(blocks in blocks(), at in any::<prop::sample::Index>(), bits in 1u8..) {
        let dir = tempfile::tempdir().unwrap();
        let part = Written::of_blocks(dir.path(), &mut Ids(0), &blocks);
        let path = &part.file.path;
        let mut bytes = std::fs::read(path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= bits;
        std::fs::write(path, &bytes).unwrap();
        let file = PartFile::open(&RealDisk, dir.path(), &part.file.meta).unwrap();
        let verified = RecordPart::open(&file).and_then(|part| part.verify(&file));
        let noticed = matches!(verified, Err(StoreError::Damaged { .. }));
        prop_assert!(noticed, "{:?} at {}", verified, at);
    }

    #[test]
    fn a_file_that_was_cut_off_is_refused(blocks in blocks(), len in any::<prop::sample::Index>()) {
        let dir = tempfile::tempdir().unwrap();
        let part = Written::of_blocks(dir.path(), &mut Ids(0), &blocks);
        let bytes = std::fs::read(&part.file.path).unwrap();
        std::fs::write(&part.file.path, &bytes[..len.index(bytes.len())]).unwrap();
        // Even where the manifest agrees with the file's length.
        let meta = PartMeta { bytes: len.index(bytes.len()) as u64, ..part.file.meta.clone() };
        let file = PartFile::open(&RealDisk, dir.path(), &meta).unwrap();
        let refused = matches!(RecordPart::open(&file), Err(StoreError::Damaged { .. }));
        prop_assert!(refused);
    }

    #[test]
    fn heads_that_were_changed_are_refused_or_read_but_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(head::decode(&bytes, 1000, 3));
    }
}

#[test]
fn full_blocks_are_copied_as_they_are_and_small_ones_become_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut ids = Ids(0);
    let parts: Vec<_> = (0..3)
        .map(|at| Written::of_blocks(dir.path(), &mut ids, &[many(4096, at * 10_000), many(1000, at * 10_000 + 4096)]))
        .collect();
    let merged = Written::merged(dir.path(), &mut ids, &parts);
    let rows: Vec<u32> = merged.part.heads().map(|head| head.rows).collect();
    assert_eq!(rows, [4096, 4096, 4096, 3000]);
    for (copied, part) in (0..).zip(&parts) {
        let bytes = |of: &Written, block| of.part.block(&of.file, block).unwrap().verify().unwrap();
        assert_eq!(bytes(&merged, copied), bytes(part, 0));
    }
    merged.check();
    // Merged again, and with what was not merged before.
    let again = Written::merged(
        dir.path(),
        &mut ids,
        &[merged, Written::of_blocks(dir.path(), &mut Ids(50), &[many(600, 90_000)])],
    );
    assert_eq!(again.part.heads().map(|head| head.rows).collect::<Vec<_>>(), [4096, 4096, 4096, 3600]);
    again.check();
}

#[test]
fn blocks_of_few_large_rows_are_copied_since_writing_them_anew_would_take_much_memory() {
    let dir = tempfile::tempdir().unwrap();
    let mut ids = Ids(0);
    let mut texts = (0..).map(|at| format!("{at:016}").repeat(3 << 16));
    let mut large =
        |time| Row { time, service: 0, trace: 1, attributes: vec![("a".to_owned(), texts.next().unwrap())] };
    let mut part =
        |ids: &mut Ids, rows: u64| Written::of_blocks(dir.path(), ids, &[(0..rows).map(&mut large).collect()]);
    // One of nine megabytes, three of three, of which two are less than eight.
    let parts = [part(&mut ids, 3), part(&mut ids, 1), part(&mut ids, 1), part(&mut ids, 1)];
    let merged = Written::merged(dir.path(), &mut ids, &parts);
    let mut rows: Vec<u32> = merged.part.heads().map(|head| head.rows).collect();
    rows.sort_unstable();
    assert_eq!(rows, [1, 2, 3]);
    merged.check();
}

#[test]
fn a_value_of_one_row_leads_to_few_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let blocks: Vec<_> = (0..6).map(|at| many(4096, at * 4096)).collect();
    let part = Written::of_blocks(dir.path(), &mut Ids(0), &blocks);
    let all = (0..6).collect();
    let found: u64 = (0..300)
        .map(|at| part.part.candidates(&part.file, "id", &format!("id-{}", at * 80), &all).unwrap().len())
        .sum();
    assert!((300..330).contains(&found), "{found} blocks for 300 values");
    assert!(part.part.candidates(&part.file, "method", "POST", &all).unwrap().is_empty());
    assert!(part.part.candidates(&part.file, "no such key", "", &all).unwrap().is_empty());
    let stats: Vec<_> = part.part.keys().collect();
    assert_eq!(
        stats.iter().map(|stats| (stats.key.as_str(), stats.rows)).collect::<Vec<_>>(),
        [("id", 24_576), ("method", 24_576), ("service.name", 24_576)]
    );
    assert!(stats[0].values.abs_diff(24_576) < 5_000, "{}", stats[0].values);
    let mut methods = Vec::new();
    part.part.values(&part.file, "method", "", &mut |value, rows| methods.push((value, rows))).unwrap();
    assert_eq!(methods, [("GET".to_owned(), 12_288), ("PUT".to_owned(), 12_288)]);
}
