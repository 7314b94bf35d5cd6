//! Builds of a program: with the feature `off` nothing of the engine is left; where panics abort, what was recorded arrives.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

const MANIFEST: &str = r#"
[package]
name = "program"
version = "0.0.0"
edition = "2024"

[workspace]

[features]
off = ["tripod/off"]
on = ["tripod/on"]

[dependencies]
tripod = { path = "PATH", default-features = false, features = ["macros"] }

[profile.dev]
opt-level = 1
debug = false
incremental = false
panic = "abort"
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

/// Each attribute, in turn.
fn attributes() {
    #[tripod::track_metrics(labels(n = costly()))]
    #[tripod::measure_latency("latency_seconds", labels(n = costly()))]
    #[tripod::count_calls("calls_total", labels(n = costly()))]
    #[tripod::cache_metrics("cache")]
    #[tripod::monitor_resource("resource")]
    fn found() -> Option<u32> {
        None
    }

    struct Answer;

    impl tripod::LlmUsage for Answer {
        fn prompt_tokens(&self) -> u64 {
            u64::from(costly())
        }

        fn completion_tokens(&self) -> u64 {
            1
        }
    }

    #[tripod::track_llm_usage(provider = "openai", model = costly())]
    fn ask() -> Answer {
        Answer
    }

    #[tripod::instrument_adapter(wrapper = Observed)]
    trait Quotes {
        #[telemetry(fields(n = costly()))]
        fn quote(&self) -> u32;
    }

    struct Fixed;

    #[tripod::instrument_adapter("fixed")]
    impl Quotes for Fixed {
        fn quote(&self) -> u32 {
            1
        }
    }

    let _ = (found(), ask(), Observed::new("wrapped", &Fixed).quote());
}

struct Print;

impl tripod::Exporter for Print {
    fn name(&self) -> &'static str {
        "print"
    }

    fn export(&mut self, batch: &tripod::Batch) -> Result<tripod::Exported, tripod::ExportError> {
        println!("{}: {}", batch.signal.as_str(), batch.records);
        Ok(tripod::Exported::default())
    }
}

fn panic() {
    let _guard = tripod::init().exporter(Print).metrics(false).start().unwrap();
    let _outer = tripod::span!("outer");
    tripod::in_span("inner", || {
        tripod::info!("about to panic");
        panic!("as it should");
    });
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("panic") {
        return panic();
    }
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
        attributes();
        let _context = tripod::Context::current().attach();
    }
    assert!(guard.flush());
    println!("{} {}", EVALUATED.load(Ordering::Relaxed), memory.spans().len() + memory.logs().len());
}
"#;

/// The program with these features of its own.
fn build(folder: &Path, features: &str) -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    let own = env!("CARGO_MANIFEST_DIR");
    std::fs::create_dir(folder.join("src")).unwrap();
    std::fs::write(folder.join("Cargo.toml"), MANIFEST.replace("PATH", &own.replace('\\', "/"))).unwrap();
    std::fs::write(folder.join("src/main.rs"), PROGRAM).unwrap();
    std::fs::copy(Path::new(own).join("../../Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    // Kept from run to run, so that only what has changed is built.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("builds");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--features", features, "--target-dir"])
        .arg(&target)
        .current_dir(folder)
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let name = format!("program{}", std::env::consts::EXE_SUFFIX);
    let program = folder.join(&name);
    std::fs::copy(target.join("debug").join(name), &program).unwrap();
    program
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What the program prints, and whether it has each of the names.
fn run(program: &Path, names: &[&str]) -> (String, Vec<bool>) {
    let ran = Command::new(program).output().expect("the program runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let bytes = std::fs::read(program).unwrap();
    let has = |name: &&str| bytes.windows(name.len()).any(|window| window == name.as_bytes());
    (printed(&ran), names.iter().map(has).collect())
}

#[test]
fn off_no_argument_is_evaluated_and_no_code_of_the_engine_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let program = build(folder.path(), "off");
    assert_eq!(run(&program, &NAMES), ("0 0".to_owned(), vec![false; 5]));
}

/// Modules as symbols have them, and the names of the threads.
const NAMES: [&str; 5] =
    ["6tripod6engine", "6tripod6encode", "6tripod8pipeline6outlet", "tripod-collector", "tripod-exporter"];

#[test]
fn on_wins_over_off_and_a_panic_that_aborts_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let program = build(folder.path(), "off,on");
    // The span, its child, the one of the function and the other one, an adapter's and its wrapper's; the log record.
    assert_eq!(run(&program, &NAMES), ("12 7".to_owned(), vec![true; 5]), "whoever wants telemetry gets it");

    let aborted = Command::new(&program).arg("panic").output().expect("the program runs");
    assert!(!aborted.status.success(), "it aborts");
    let mut lines: Vec<String> = printed(&aborted).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["logs: 1", "traces: 2"], "{}", String::from_utf8_lossy(&aborted.stderr));
}
