//! All queries against a model that looks at every record, over memory, parts and merged parts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use tripod_wire::otlp::logs::SeverityNumber;
use tripod_wire::otlp::{
    AnyValue, InstrumentationScope, KeyValue, LogRecord, LogsData, Resource, ResourceLogs, ScopeLogs,
};
use tripod_wire::proto::Message;
use tripod_wire::{SpanId, TraceId};

use super::*;
use crate::disk::RealDisk;
use crate::engine::testing::Harness;
use crate::records::any_value;
use crate::{
    AttributeMatch, LogCondition, LogField, LogOrder, LogQuery, LogTest, RecordTest, StoredLog, SummaryLimits, Window,
    body_regex,
};

const DAY: u64 = 24 * 60 * 60 * 1_000_000_000;

/// A record, and the service that wrote it.
type Written = (String, LogRecord);

fn resource(service: &str) -> Resource {
    Resource {
        attributes: vec![KeyValue::new("service.name", service), KeyValue::new("zone", "z1")],
        dropped_attributes_count: 0,
    }
}

fn request(records: &[Written]) -> Vec<u8> {
    let of_one = |records: &[Written]| ResourceLogs {
        resource: resource(&records[0].0),
        scope_logs: vec![ScopeLogs {
            scope: InstrumentationScope { name: "lib".into(), ..InstrumentationScope::default() },
            log_records: records.iter().map(|(_, record)| record.clone()).collect(),
            schema_url: String::new(),
        }],
        schema_url: String::new(),
    };
    let resource_logs = records.chunk_by(|a, b| a.0 == b.0).map(of_one).collect();
    LogsData { resource_logs }.encode_to_vec()
}

fn open(dir: &Path) -> Harness<Logs> {
    Harness::open(Arc::new(RealDisk), dir, Logs::default())
}

fn append(store: &Harness<Logs>, records: &[Written]) {
    let appended = store.append(RecordKind::Logs, &request(records)).unwrap();
    assert_eq!(appended.accepted, records.len() as u64);
}

fn any_log() -> LogQuery {
    LogQuery::within(Window::ALL, 1000)
}

fn log(time: u64, body: &str) -> Written {
    ("a".to_owned(), LogRecord { time_unix_nano: time, body: body.into(), ..LogRecord::default() })
}

fn found(store: &Harness<Logs>, query: &LogQuery) -> Vec<String> {
    find(&store.view(), query).unwrap().iter().map(|log| log.record.body.to_string()).collect()
}

fn word(word: &str) -> LogQuery {
    LogQuery { text: vec![word.to_owned()], ..any_log() }
}

/// What the store should say, found by looking at all.
struct Model(Vec<Written>);

impl Model {
    fn time(record: &LogRecord) -> u64 {
        if record.time_unix_nano == 0 { record.observed_time_unix_nano } else { record.time_unix_nano }
    }

    fn satisfies((service, record): &Written, query: &LogQuery) -> bool {
        let folded = |text: &str| String::from_utf8(terms::folded(text)).unwrap();
        let values = record.attributes.iter().map(|attribute| &attribute.value).chain([&record.body]);
        let texts: Vec<String> = values.map(|value| folded(&value.to_string())).collect();
        let has = |wanted: &AttributeMatch| {
            let all = record.attributes.iter().chain(&resource(service).attributes).cloned().collect::<Vec<_>>();
            all.iter().any(|one| one.key == wanted.key && one.value.to_string() == wanted.value)
        };
        query.window.contains(Self::time(record))
            && query.service.as_ref().is_none_or(|wanted| wanted == service)
            && query.trace_id.is_none_or(|id| id.is_valid() && id == record.trace_id)
            && query.span_id.is_none_or(|id| id == record.span_id)
            && query.severity.as_ref().is_none_or(|wanted| wanted.contains(&record.severity_number))
            && query.attributes.iter().all(has)
            && query.text.iter().all(|word| texts.iter().any(|text| text.contains(&folded(word))))
            && query.regex.as_ref().is_none_or(|regex| regex.is_match(&record.body.to_string()))
            && query.also.iter().all(|also| {
                let passes = match &also.test {
                    LogTest::Field(LogField::Service, values) => values.contains(service),
                    LogTest::Field(LogField::Scope, values) => values.iter().any(|value| value == "lib"),
                    LogTest::Field(LogField::Level, values) => {
                        values.iter().any(|value| value == record.severity_number.level())
                    }
                    LogTest::Field(LogField::Attribute(key), values) => {
                        values.iter().any(|value| has(&AttributeMatch { key: key.clone(), value: value.clone() }))
                    }
                    LogTest::Text(word) => texts.iter().any(|text| text.contains(&folded(word))),
                    LogTest::Body(regex) => regex.is_match(&record.body.to_string()),
                    LogTest::Record(_) => record.flags == 1,
                };
                passes != also.excluded
            })
    }

    /// Compares the values of fields and the patterns of lines.
    fn assert_summaries(&self, query: &LogQuery, store: &Harness<Logs>) {
        let matching = self.matching(query);
        let limits = SummaryLimits { rows: u64::MAX, entries: 100, each: 1000 };
        let found = facets(&store.view(), query, &[], limits).unwrap();
        assert!(found.looked.is_all());
        assert_eq!(found.looked.records, matching.len() as u64, "{query:?}");
        let mut counts: BTreeMap<(LogField, String), u64> = BTreeMap::new();
        for (service, record) in &matching {
            let mut add = |field, value: &str| *counts.entry((field, value.to_owned())).or_default() += 1;
            add(LogField::Service, service);
            add(LogField::Scope, "lib");
            add(LogField::Level, record.severity_number.level());
            for attribute in record.attributes.iter().chain(&resource(service).attributes) {
                add(LogField::Attribute(attribute.key.clone()), &attribute.value.to_string());
            }
        }
        let values = found.facets.iter().flat_map(|facet| {
            facet.values.iter().map(|value| ((facet.field.clone(), value.value.clone()), value.rows))
        });
        assert_eq!(values.collect::<BTreeMap<_, _>>(), counts, "{query:?}");
        for keys in [
            vec![LogField::Service],
            vec![LogField::Attribute("zone".to_owned())],
            vec![LogField::Level, LogField::Attribute("a".to_owned())],
        ] {
            let some = facets(&store.view(), query, &keys, limits).unwrap();
            let of_all = found.facets.iter().filter(|facet| keys.contains(&facet.field));
            assert_eq!(some.facets, of_all.cloned().collect::<Vec<_>>(), "{keys:?} of {query:?}");
        }

        let found = patterns(&store.view(), query, 3, limits).unwrap();
        assert_eq!((found.looked.records, found.others), (matching.len() as u64, 0));
        assert_eq!(found.patterns.iter().map(|pattern| pattern.count).sum::<u64>(), matching.len() as u64);
        for pattern in found.patterns {
            assert_eq!(pattern.levels.values().sum::<u64>(), pattern.count);
            assert_eq!(pattern.volume.iter().sum::<u64>(), pattern.count);
            let regex = crate::pattern_regex([pattern.pattern.as_str()]).unwrap();
            assert!(pattern.samples.len() as u64 == pattern.count.min(1000));
            for sample in pattern.samples {
                let body = sample.record.body.to_string();
                assert!(regex.is_match(&body), "{:?} of {body:?}", pattern.pattern);
            }
        }
    }

    fn matching(&self, query: &LogQuery) -> Vec<&Written> {
        self.0.iter().filter(|written| Self::satisfies(written, query)).collect()
    }

    /// Compares what was found; of records of one time any may stand for the others.
    fn assert_found(&self, query: &LogQuery, found: &[StoredLog]) {
        let matching = self.matching(query);
        let mut times: Vec<u64> = matching.iter().map(|(_, record)| Self::time(record)).collect();
        times.sort_unstable();
        if query.order == LogOrder::NewestFirst {
            times.reverse();
        }
        times.truncate(query.limit);
        assert_eq!(found.iter().map(|log| log.time).collect::<Vec<_>>(), times, "{query:?}");
        let bytes = |service: &str, record: &LogRecord| (service.to_owned(), record.encode_to_vec());
        let mut left: Vec<_> = matching.iter().map(|(service, record)| bytes(service, record)).collect();
        for log in found {
            assert_eq!(log.scope.name, "lib");
            let log = bytes(log.resource.service_name(), &log.record);
            let at = left.iter().position(|other| *other == log);
            left.swap_remove(at.expect("what was found was written, and is found once"));
        }
    }

    fn assert_volume(&self, query: &LogQuery, steps: usize, counted: &crate::LogVolume) {
        let matching = self.matching(query);
        let mut levels = std::collections::BTreeMap::new();
        for (_, record) in &matching {
            let width = u128::from(counted.window.end - counted.window.start) + 1;
            let time = Self::time(record);
            assert!(counted.window.contains(time));
            let step = (u128::from(time - counted.window.start) * steps as u128 / width) as usize;
            levels.entry(record.severity_number.level()).or_insert_with(|| vec![0; steps])[step] += 1;
        }
        assert_eq!(counted.levels, levels, "{query:?}");
    }

    /// The window of a volume: open ends are where the records of the service or trace end.
    fn fitted(&self, query: &LogQuery) -> Window {
        let ends =
            LogQuery { service: query.service.clone(), trace_id: query.trace_id, window: query.window, ..any_log() };
        let times: Vec<u64> = self.matching(&ends).iter().map(|(_, record)| Self::time(record)).collect();
        let (oldest, newest) = (times.iter().min().copied().unwrap_or(0), times.iter().max().copied().unwrap_or(0));
        let start = if query.window.start == 0 { oldest } else { query.window.start };
        Window { start, end: if query.window.end == u64::MAX { newest.max(start) } else { query.window.end } }
    }
}

const WORDS: [&str; 12] = [
    "order",
    "orders",
    "failed",
    "Timeout",
    "to",
    "Straße",
    "ΣΑΣ",
    "user-4711",
    "4711",
    "deadbeef01",
    "took 12.5ms",
    "京都",
];

fn a_body() -> impl Strategy<Value = AnyValue> {
    prop_oneof![
        6 => prop::collection::vec(prop::sample::select(&WORDS[..]), 0..5).prop_map(|words| words.join(" ").into()),
        1 => any_value(),
        1 => Just(AnyValue::Empty),
    ]
}

fn a_record() -> impl Strategy<Value = Written> {
    let attribute = (
        prop::sample::select(vec!["a", "b", "zone"]),
        prop_oneof![
            2 => prop::sample::select(&WORDS[..]).prop_map(AnyValue::from),
            1 => (0..3i64).prop_map(AnyValue::from),
            1 => any_value(),
        ],
    )
        .prop_map(|(key, value)| KeyValue::new(key, value));
    let times = (prop_oneof![4 => 0..40u64, 1 => (0..3u64).prop_map(|day| day * DAY), 1 => Just(u64::MAX)], 0..3u64);
    let ids = (0..4u8, 0..4u8);
    let numbers = (prop_oneof![4 => 0..26i32, 1 => any::<i32>()], 0..2u32, 0..2u32);
    let texts = (prop::sample::select(vec!["", "INFO", "warn"]), prop::sample::select(vec!["", "event"]));
    (
        prop::sample::select(vec!["a", "b", "c"]),
        a_body(),
        prop::collection::vec(attribute, 0..3),
        times,
        ids,
        numbers,
        texts,
    )
        .prop_map(
            |(service, body, attributes, (time, observed), (trace, span), (severity, dropped, flags), texts)| {
                let record = LogRecord {
                    time_unix_nano: time,
                    observed_time_unix_nano: observed,
                    severity_number: SeverityNumber(severity),
                    severity_text: texts.0.to_owned(),
                    body,
                    attributes,
                    dropped_attributes_count: dropped,
                    flags,
                    trace_id: TraceId([trace; 16]),
                    span_id: SpanId([span; 8]),
                    event_name: texts.1.to_owned(),
                };
                (service.to_owned(), record)
            },
        )
}

fn a_word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(&WORDS[..]).prop_map(str::to_owned),
        prop::collection::vec(prop::sample::select(&WORDS[..]), 2..4).prop_map(|words| words.join(" ")),
        (prop::sample::select(&WORDS[..]), 0..3usize, 1..9usize).prop_map(|(word, from, len)| word
            .chars()
            .skip(from)
            .take(len)
            .collect()),
        "[a-z0-9]{0,3}",
    ]
}

fn a_query() -> impl Strategy<Value = LogQuery> {
    let rarely = |one: BoxedStrategy<String>| prop_oneof![2 => Just(None), 1 => one.prop_map(Some)];
    let regex = prop::sample::select(vec![
        "order",
        "(?i)TIMEOUT",
        r"order.*failed",
        r"\d{4}",
        "(orders|Straße)",
        "^to ",
        "deadbeef0[0-9]",
        "(?i)straße",
        "x?",
    ])
    .prop_map(str::to_owned)
    .boxed();
    let attribute = (
        prop::sample::select(vec!["a", "b", "zone", "service.name"]),
        prop_oneof![
            prop::sample::select(&WORDS[..]).prop_map(str::to_owned),
            prop::sample::select(vec!["0", "1", "z1", "a", "", "true"]).prop_map(str::to_owned),
        ],
    )
        .prop_map(|(key, value)| AttributeMatch { key: key.to_owned(), value });
    let window = prop_oneof![
        2 => Just(Window::ALL),
        1 => (0..40u64, 0..40u64).prop_map(|(start, len)| Window { start, end: start + len }),
        1 => (0..40u64).prop_map(|start| Window { start, end: u64::MAX }),
    ];
    let severity = prop_oneof![
        2 => Just(None),
        1 => (0..7i32).prop_map(|level| Some(SeverityNumber(level * 4 + 1)..=SeverityNumber(level * 4 + 4))),
        1 => (0..26i32).prop_map(|least| Some(SeverityNumber(least)..=SeverityNumber(i32::MAX))),
    ];
    let field = prop::sample::select(vec![
        (LogField::Service, vec!["a", "none"]),
        (LogField::Service, vec!["a", "b"]),
        (LogField::Scope, vec!["lib"]),
        (LogField::Level, vec!["", "INFO"]),
        (LogField::Level, vec!["WARN", "ERROR", "FATAL"]),
        (LogField::Attribute("a".to_owned()), vec!["order", "1"]),
        (LogField::Attribute("zone".to_owned()), vec!["z1", "failed"]),
        (LogField::Attribute("b".to_owned()), vec![]),
    ]);
    let test = prop_oneof![
        4 => field.prop_map(|(field, values)| LogTest::Field(field, values.into_iter().map(str::to_owned).collect())),
        1 => a_word().prop_map(LogTest::Text),
        1 => regex.clone().prop_map(|pattern| LogTest::Body(body_regex(&pattern).unwrap())),
        1 => Just(LogTest::Record(RecordTest::new(|log| log.record.flags == 1))),
    ];
    let also = (test, any::<bool>()).prop_map(|(test, excluded)| LogCondition { excluded, test });
    let order = prop::sample::select(vec![LogOrder::NewestFirst, LogOrder::OldestFirst]);
    let also = (prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(also, 1..3)], order);
    (
        prop_oneof![1 => Just(Vec::new()), 2 => prop::collection::vec(a_word(), 1..3)],
        rarely(regex),
        rarely(prop::sample::select(vec!["a", "b", "none"]).prop_map(str::to_owned).boxed()),
        prop_oneof![3 => Just(None), 1 => (0..5u8).prop_map(|id| Some(TraceId([id; 16])))],
        prop_oneof![4 => Just(None), 1 => (0..5u8).prop_map(|id| Some(SpanId([id; 8])))],
        severity,
        prop::collection::vec(attribute, 0..2),
        window,
        prop_oneof![1 => 0..6usize, 1 => Just(1000)],
        also,
    )
        .prop_map(|(text, regex, service, trace_id, span_id, severity, attributes, window, limit, also)| {
            LogQuery {
                text,
                regex: regex.map(|pattern| body_regex(&pattern).unwrap()),
                service,
                trace_id,
                span_id,
                severity,
                attributes,
                also: also.0,
                window,
                order: also.1,
                limit,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_query_finds_and_counts_what_the_model_does_wherever_the_records_are(
        batches in prop::collection::vec((prop::collection::vec(a_record(), 0..12), 0..4u8), 0..8),
        queries in prop::collection::vec((a_query(), 1..5usize), 1..24),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        let mut model = Model(Vec::new());
        for (records, then) in batches {
            append(&store, &records);
            model.0.extend(records);
            match then {
                0 => store.flush(),
                1 => store.merge(),
                2 => store = store.reopen(Logs::default()),
                _ => {}
            }
        }
        for (query, steps) in queries {
            let view = store.view();
            model.assert_found(&query, &find(&view, &query).unwrap());
            let counted = volume(&view, &query, steps).unwrap();
            prop_assert_eq!(counted.window, model.fitted(&query), "{:?}", query);
            model.assert_volume(&query, steps, &counted);
            model.assert_summaries(&query, &store);
        }
        prop_assert_eq!(store.verify().len(), 0);
    }
}

#[test]
fn many_records_are_found_by_word_trace_and_time_in_memory_in_parts_and_merged() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let record = |at: u64| {
        let (service, mut record) =
            log(1_000_000 + at * 1000, &format!("request {at} took {}.{:03} ms", at % 90, at % 1000));
        record.trace_id = TraceId((u128::from(at / 5) + 1).to_be_bytes());
        (service, record)
    };
    for batch in 0..30u64 {
        append(&store, &(0..500).map(|at| record(batch * 500 + at)).collect::<Vec<_>>());
        if batch % 7 == 6 {
            store.flush();
        }
    }
    let check = |store: &Harness<Logs>| {
        assert_eq!(
            found(store, &LogQuery { limit: 2, ..any_log() }),
            ["request 14999 took 59.999 ms", "request 14998 took 58.998 ms"]
        );
        assert_eq!(found(store, &word("Request 4711 took")), ["request 4711 took 31.711 ms"]);
        assert_eq!(found(store, &word("request took")), [""; 0]);
        let of_trace = LogQuery { trace_id: Some(TraceId(101u128.to_be_bytes())), ..any_log() };
        assert_eq!(found(store, &of_trace).len(), 5);
        let window = Window { start: 1_000_000, end: 1_000_000 + 9_999_999 };
        let volume = volume(&store.view(), &LogQuery { window, ..any_log() }, 10).unwrap();
        assert_eq!(volume.levels[""], [1000; 10]);
    };
    check(&store);
    store.merge();
    check(&store);
    store.flush();
    store.merge();
    assert_eq!(store.view().parts.len(), 1);
    check(&store);
}

#[test]
fn keys_values_levels_and_services_are_listed_from_memory_and_parts() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let record = |time: u64, service: &str, table: &str| {
        let record = LogRecord {
            attributes: vec![KeyValue::new("table", table)],
            severity_number: SeverityNumber(9 + 4 * (time as i32 % 2)),
            ..log(time, "x").1
        };
        (service.to_owned(), record)
    };
    append(&store, &[record(1, "a", "orders"), record(2, "a", "users")]);
    store.flush();
    append(&store, &[record(3, "b", "orders")]);
    let view = store.view();
    let keys: Vec<(String, u64)> = attribute_keys(&view).into_iter().map(|stats| (stats.key, stats.rows)).collect();
    assert_eq!(keys, [("service.name".into(), 3), ("table".into(), 3), ("zone".into(), 3)]);
    let values = |key: &str, prefix: &str, limit: usize| {
        let values = attribute_values(&view, key, prefix, limit).unwrap();
        values.into_iter().map(|one| (one.value, one.rows)).collect::<Vec<_>>()
    };
    assert_eq!(values("table", "", 9), [("orders".to_owned(), 2), ("users".to_owned(), 1)]);
    assert_eq!(values("table", "us", 9), [("users".to_owned(), 1)]);
    assert_eq!(values("service.name", "", 1), [("a".to_owned(), 2)]);
    assert_eq!(values("severity", "", 9), [("WARN".to_owned(), 2), ("INFO".to_owned(), 1)]);
}

#[test]
fn terms_of_a_template_that_came_before_are_those_of_the_line() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let lines = ["x1y z12abc timeout", "x\0y z12abc timeout", "x2y z77feed timeout", "x\0y z3fee timeout"];
    append(&store, &lines.iter().zip(1..).map(|(line, time)| log(time, line)).collect::<Vec<_>>());
    store.flush();
    assert_eq!(found(&store, &word("feed timeout")), ["x2y z77feed timeout"]);
    assert_eq!(found(&store, &word("\0y z12abc ")), ["x\0y z12abc timeout"]);
    assert_eq!(found(&store, &word("y z3fee timeout")), ["x\0y z3fee timeout"]);
}

#[test]
fn a_few_records_of_other_days_make_no_parts_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let day = |day: u64, count: u64| (0..count).map(move |at| log(day * DAY + at, "x")).collect::<Vec<_>>();
    append(&store, &[day(3, 1), day(10, 500), day(11, 2), day(12, 300), day(90, 1)].concat());
    store.flush();
    let days: Vec<(u64, u64)> =
        store.view().parts.iter().map(|part| (part.file.meta.day, part.file.meta.rows)).collect();
    assert_eq!(days, [(10, 503), (12, 301)]);
    assert_eq!(find(&store.view(), &any_log()).unwrap().len(), 804);
}

#[test]
fn a_damaged_column_is_an_error_that_names_the_part() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(&store, &(0..1000).map(|at| log(at, &format!("line {at}"))).collect::<Vec<_>>());
    store.flush();
    let path = store.view().parts[0].file.path.clone();
    let mut bytes = std::fs::read(&path).unwrap();
    // Somewhere in the columns of the first block.
    bytes[900..1000].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let error = find(&store.view(), &any_log()).unwrap_err().to_string();
    assert!(error.contains(".part is damaged"), "{error}");
    assert_eq!(store.verify().len(), 1);
}

#[test]
fn a_request_that_is_none_is_refused_whole() {
    let mut bytes = request(&[log(1, "a"), log(2, "b")]);
    bytes.truncate(bytes.len() - 1);
    assert!(matches!(Logs::default().decode(RecordKind::Logs, &bytes), Err(StoreError::Decode(_))));
}

proptest! {
    #[test]
    fn every_field_of_a_record_comes_back(records in prop::collection::vec(a_record(), 0..20)) {
        let batch = Batch::decode(&request(&records), &KnownContexts::default()).unwrap();
        let rows = batch.blocks.iter().flat_map(|block| (0..block.rows.len()).map(|row| block.rows.record(row)));
        let decoded: Vec<Vec<u8>> = rows.map(|record| record.encode_to_vec()).collect();
        prop_assert_eq!(decoded, records.iter().map(|(_, record)| record.encode_to_vec()).collect::<Vec<_>>());
    }

    #[test]
    fn changed_bytes_are_refused_when_the_decoder_of_messages_refuses_them(
        record in a_record(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = record.1.encode_to_vec();
        prop_assume!(!bytes.is_empty());
        changes.iter().for_each(|(at, byte)| *at.get_mut(&mut bytes) = *byte);
        let mut rows = rows::Rows::default();
        match (decode::read_record(&bytes, &mut rows), LogRecord::decode(&bytes)) {
            (Ok(()), Ok(record)) => prop_assert_eq!(rows.record(0).encode_to_vec(), record.encode_to_vec()),
            (Err(_), Err(_)) => {}
            (ours, theirs) => prop_assert!(false, "{ours:?}, but {theirs:?}"),
        }
    }
}
