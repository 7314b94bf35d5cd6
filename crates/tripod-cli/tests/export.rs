//! `tripod export` as a user calls it.
#![cfg(feature = "parquet")]

mod common;

use common::{store, tripod};

#[test]
fn an_export_writes_a_whole_file_or_none() {
    let dir = tempfile::tempdir().unwrap();
    drop(store(dir.path(), 10));
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("spans.parquet");
    let text = file.to_str().unwrap();
    let ran = tripod(&["export", "--signal", "spans", "--start", "0", "--out", text], dir.path());
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(
        String::from_utf8_lossy(&ran.stdout).starts_with("10 spans in "),
        "{}",
        String::from_utf8_lossy(&ran.stdout)
    );
    let bytes = std::fs::read(&file).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));

    let missing = dir.path().join("missing");
    let ran =
        tripod(&["export", "--signal", "logs", "--out", out.path().join("logs.parquet").to_str().unwrap()], &missing);
    assert_eq!(ran.status.code(), Some(2));
    assert!(!missing.exists(), "an export makes no store");
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 1);
}
