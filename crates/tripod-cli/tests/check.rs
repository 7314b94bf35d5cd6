//! `tripod check` as a user calls it.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{store, tripod};
use tripod_store::{Embedded, Options};

/// The only file in a directory, or in those below it.
fn only_file(dir: &Path) -> PathBuf {
    let entries: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [entry] = entries.as_slice() else { panic!("not one entry: {entries:?}") };
    if entry.is_dir() { only_file(entry) } else { entry.clone() }
}

/// Changes a byte in the middle of a file.
fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(path, bytes).unwrap();
}

/// The exit code of a check, and what it said.
fn check(dir: &Path) -> (Option<i32>, String) {
    let ran = tripod(&["check"], dir);
    (ran.status.code(), String::from_utf8([ran.stdout, ran.stderr].concat()).unwrap())
}

#[test]
fn a_store_that_is_whole_ends_the_check_with_success() {
    let dir = tempfile::tempdir().unwrap();
    drop(store(dir.path(), 10));
    let (code, said) = check(dir.path());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("10 records in 1 segments") && said.ends_with("what is served is whole\n"), "{said}");

    store(dir.path(), 0).settle().unwrap();
    let (code, said) = check(dir.path());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("10 rows in 1 parts"), "{said}");
}

#[test]
fn an_unfinished_write_is_told_and_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    drop(store(dir.path(), 10));
    let log = only_file(&dir.path().join("wal"));
    let bytes = std::fs::read(&log).unwrap();
    std::fs::write(&log, &bytes[..bytes.len() - 3]).unwrap();
    let (code, said) = check(dir.path());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("9 records") && said.contains("an unfinished write"), "{said}");
}

#[test]
fn damage_in_the_log_is_named_and_ends_the_check_with_1() {
    let dir = tempfile::tempdir().unwrap();
    drop(store(dir.path(), 10));
    let log = only_file(&dir.path().join("wal"));
    damage(&log);
    let (code, said) = check(dir.path());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("of {}: ", log.display())) && said.contains("snapshot"), "{said}");
}

#[test]
fn a_damaged_part_is_named_until_it_is_moved_away_as_advised() {
    let dir = tempfile::tempdir().unwrap();
    store(dir.path(), 10).settle().unwrap();
    let part = only_file(&dir.path().join("parts"));
    damage(&part);
    let (code, said) = check(dir.path());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("DAMAGED") && said.contains(&format!("of {}: ", part.display())), "{said}");
    assert!(!said.contains("rows in"), "{said}");

    let aside = dir.path().join("damaged");
    std::fs::create_dir_all(&aside).unwrap();
    std::fs::rename(&part, aside.join("it.part")).unwrap();
    let (_, recovery) = Embedded::open(Options::new(dir.path())).unwrap();
    assert_eq!(recovery.damaged.len(), 1);
    let (code, said) = check(dir.path());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("set aside") && !said.contains("DAMAGED"), "{said}");
}

#[test]
fn a_list_of_parts_that_cannot_be_read_ends_the_check_with_1() {
    let dir = tempfile::tempdir().unwrap();
    drop(store(dir.path(), 1));
    damage(&dir.path().join("MANIFEST"));
    let (code, said) = check(dir.path());
    assert!(code == Some(1) && said.contains("MANIFEST"), "{code:?} {said}");
}

#[test]
fn what_is_no_store_or_in_use_ends_the_check_with_2() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(check(dir.path()).0, Some(2));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "a check makes no store");
    let _open = store(dir.path(), 1);
    let (code, said) = check(dir.path());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("in use") && said.contains("a snapshot"), "{said}");
}

fn check_config(file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tripod")).args(["check", "prometheus-config"]).arg(file).output().unwrap()
}

#[test]
fn a_configuration_of_prometheus_is_checked_as_the_server_would_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("prometheus.yml");
    std::fs::write(&file, "remote_write: [{url: 'http://x'}]\nscrape_configs:\n- job_name: a\n").unwrap();
    let ran = check_config(&file);
    let said = String::from_utf8(ran.stdout).unwrap();
    assert_eq!(ran.status.code(), Some(0), "{said}");
    assert!(said.contains(":1: remote_write is not acted on") && said.contains("is valid: 1 scrape configs"), "{said}");

    std::fs::write(&file, "scrape_configs:\n- job: a\n").unwrap();
    let ran = check_config(&file);
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8(ran.stderr).unwrap().contains(":2: scrape_configs[0] needs job_name"));
}
