//! The feature `off` leaves nothing behind: two builds of one program, with and without it, are compared.

use std::path::Path;
use std::process::Command;

const MANIFEST: &str = r#"
[package]
name = "program"
version = "0.0.0"
edition = "2024"

[workspace]

[features]
off = ["tripod/off"]
off-but-on = ["tripod/off", "tripod/on"]

[dependencies]
tripod = { path = "PATH", default-features = false, features = ["macros"] }

[profile.dev]
opt-level = 1
debug = false
"#;

const PROGRAM: &str = r#"
use std::sync::atomic::{AtomicU32, Ordering};

static EVALUATED: AtomicU32 = AtomicU32::new(0);

fn costly() -> u32 {
    EVALUATED.fetch_add(1, Ordering::Relaxed)
}

#[tripod::traced(fields(n = costly()))]
fn traced() -> Result<u32, std::fmt::Error> {
    Err(std::fmt::Error)
}

fn main() {
    let memory = tripod::MemoryExporter::default();
    let guard = tripod::init().service_name("program").exporter(memory.clone()).start().unwrap();
    let requests = tripod::counter("requests_total").build();
    {
        let span = tripod::span!("work", n = costly());
        span.set_attribute("key", 1);
        span.record_error(&std::fmt::Error);
        tripod::event!("happened", n = costly());
        tripod::info!("said", n = costly());
        tripod::current().set_attribute("key", 2);
        requests.add(1, tripod::labels!(n = costly()));
        requests.bind(&[]).add(1);
        tripod::telemetry("part").trace("inner").end();
        drop(tripod::async_span!("other", n = costly()));
        let _ = traced();
        let _context = tripod::Context::current().attach();
    }
    assert!(guard.flush());
    println!("{} {}", EVALUATED.load(Ordering::Relaxed), memory.spans().len() + memory.logs().len());
}
"#;

/// What the program prints, and what it has of these names.
fn build(folder: &Path, features: &str, names: &[&str]) -> (String, Vec<bool>) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("off");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--features", features, "--target-dir"])
        .arg(&target)
        .current_dir(folder)
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let program = target.join("debug").join(format!("program{}", std::env::consts::EXE_SUFFIX));
    let ran = Command::new(&program).output().expect("the program runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let bytes = std::fs::read(&program).unwrap();
    let has = |name: &&str| bytes.windows(name.len()).any(|window| window == name.as_bytes());
    (String::from_utf8(ran.stdout).unwrap().trim().to_owned(), names.iter().map(has).collect())
}

#[test]
fn off_no_argument_is_evaluated_and_no_code_of_the_engine_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let own = env!("CARGO_MANIFEST_DIR");
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::write(folder.path().join("Cargo.toml"), MANIFEST.replace("PATH", &own.replace('\\', "/"))).unwrap();
    std::fs::write(folder.path().join("src/main.rs"), PROGRAM).unwrap();
    std::fs::copy(Path::new(own).join("../../Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
    // Modules as symbols have them, and the names of the threads.
    let names = ["6tripod6engine", "6tripod6encode", "6tripod8pipeline6outlet", "tripod-collector", "tripod-exporter"];
    // The span, its child, the one of the function and the other one; the log record.
    assert_eq!(build(folder.path(), "", &names), ("6 5".to_owned(), vec![true; 5]));
    assert_eq!(build(folder.path(), "off", &names), ("0 0".to_owned(), vec![false; 5]));
    assert_eq!(build(folder.path(), "off-but-on", &names).0, "6 5", "whoever wants telemetry gets it");
}
