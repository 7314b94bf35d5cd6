use std::fs;

use tripod_wire::otlp::{LogRecord, LogsData, ResourceLogs, ScopeLogs};
use tripod_wire::proto::Message;

use super::*;

fn batch(text: &str) -> Batch {
    let log_records = vec![LogRecord { event_name: text.to_owned(), ..Default::default() }];
    let scope_logs = vec![ScopeLogs { log_records, ..Default::default() }];
    let data = LogsData { resource_logs: vec![ResourceLogs { scope_logs, ..Default::default() }] };
    Batch { signal: Signal::Logs, records: 1, body: data.encode_to_vec() }
}

/// The files of a folder, each with the events of its lines.
fn read(folder: &Path) -> Vec<(String, Vec<String>)> {
    let event = |line: &str| {
        let data = LogsData::from_json(line.as_bytes()).unwrap();
        data.resource_logs[0].scope_logs[0].log_records[0].event_name.clone()
    };
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap())
        .map(|file| {
            let text = fs::read_to_string(file.path()).unwrap();
            (file.file_name().into_string().unwrap(), text.lines().map(event).collect())
        })
        .collect();
    files.sort();
    files
}

fn export(exporter: &mut JsonlExporter, events: &[&str]) {
    for event in events {
        exporter.export(&batch(event)).unwrap();
    }
}

#[test]
fn each_batch_is_a_line_and_a_later_run_goes_on_where_the_last_one_ended() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("made/for/it");
    export(&mut JsonlExporter::new(&below), &["one", "two"]);
    export(&mut JsonlExporter::new(&below), &["three"]);
    let events = ["one", "two", "three"].map(str::to_owned).to_vec();
    assert_eq!(read(&below), [("logs.jsonl".to_owned(), events)]);
}

#[test]
fn a_full_file_is_set_aside_and_the_oldest_are_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let line = to_json(&batch("1")).unwrap().len() as u64 + 1;
    let mut exporter = JsonlExporter::new(folder.path()).max_bytes(2 * line).keep(2);
    export(&mut exporter, &["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    let files =
        [("logs.000003.jsonl", vec!["5", "6"]), ("logs.000004.jsonl", vec!["7", "8"]), ("logs.jsonl", vec!["9"])];
    let files = files.map(|(name, events)| (name.to_owned(), events.into_iter().map(str::to_owned).collect()));
    assert_eq!(read(folder.path()), files);
}

#[test]
fn an_old_file_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let mut exporter = JsonlExporter::new(folder.path()).max_age(Duration::ZERO);
    export(&mut exporter, &["one", "two"]);
    assert_eq!(read(folder.path()).len(), 2);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_tried_again() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = JsonlExporter::new(file.path()).export(&batch("one")).unwrap_err();
    let ExportError::Retry { reason, .. } = error else { panic!("{error:?}") };
    assert!(reason.contains(&file.path().display().to_string()));
}

#[test]
fn an_old_file_of_an_earlier_run_is_set_aside_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    export(&mut JsonlExporter::new(folder.path()), &["one"]);
    std::thread::sleep(Duration::from_millis(30));
    let mut later = JsonlExporter::new(folder.path()).max_age(Duration::from_millis(20));
    // Where the file system does not know when a file was made, it counts from when it was opened.
    let knows = fs::metadata(folder.path().join("logs.jsonl")).unwrap().created().is_ok();
    export(&mut later, &["two"]);
    assert_eq!(read(folder.path()).len(), if knows { 2 } else { 1 });
}

#[test]
fn half_a_line_that_a_killed_process_left_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs.jsonl");
    export(&mut JsonlExporter::new(folder.path()), &["one"]);
    let whole = fs::read(&path).unwrap();
    for half in [b"{\"resourceLogs\":[".to_vec(), vec![b'x'; 200_000]] {
        fs::write(&path, [&*whole, &*half].concat()).unwrap();
        export(&mut JsonlExporter::new(folder.path()), &[]);
        export(&mut JsonlExporter::new(folder.path()), &["two"]);
        let events = ["one", "two"].map(str::to_owned).to_vec();
        assert_eq!(read(folder.path()), [("logs.jsonl".to_owned(), events)]);
    }
    fs::write(&path, "no line at all").unwrap();
    export(&mut JsonlExporter::new(folder.path()), &["one"]);
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn a_forked_child_has_files_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut exporter = JsonlExporter::new(folder.path());
    export(&mut exporter, &["parent"]);
    exporter.after_fork();
    export(&mut exporter, &["child"]);
    let names: Vec<String> = read(folder.path()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [format!("logs-{}.jsonl", std::process::id()), "logs.jsonl".to_owned()]);
}

#[test]
fn a_file_that_is_named_gets_one_signal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.jsonl");
    let mut exporter = JsonlExporter::file(&path, Signal::Logs).unwrap();
    assert!(exporter.accepts(Signal::Logs) && !exporter.accepts(Signal::Traces));
    export(&mut exporter, &["one"]);
    assert_eq!(read(folder.path())[0].0, "orders.jsonl");
    for wrong in ["orders.log", "/", ".jsonl", ".."] {
        assert!(JsonlExporter::file(Path::new(wrong), Signal::Logs).is_none(), "{wrong}");
    }
}
