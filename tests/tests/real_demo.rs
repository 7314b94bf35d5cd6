//! `tripod demo --real` where PostgreSQL and Redis are installed: it starts them for its time, says so, runs on them, and nothing is left.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tripod_tests::demo::{self, Demo};
use tripod_tests::programs::wait_for;
use tripod_tests::setup;

/// The demo, with nothing named and nothing at the usual ports that it could use, and its folder; none, said, where the programs can't be had.
fn start() -> Option<(Demo, tempfile::TempDir)> {
    let programs = [setup::run("tests/postgres/setup.sh", &[])?, setup::run("tests/redis/setup.sh", &[])?];
    let path = std::env::join_paths(
        programs.iter().map(PathBuf::from).chain(std::env::split_paths(&std::env::var_os("PATH")?)),
    )
    .expect("a path");
    let directory = tempfile::tempdir().expect("a folder");
    // Programs that root starts as another user look for their own folder in it.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(directory.path(), open).expect("it is ours");
    let mut command = demo::command();
    command.arg("--real");
    for variable in ["DATABASE_URL", "REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS"] {
        command.env_remove(variable);
    }
    command.env("PATH", path).env("TMPDIR", directory.path());
    Some((Demo::start(&mut command), directory))
}

/// Processes whose command line names this folder.
fn processes_in(folder: &Path) -> usize {
    let folder = folder.to_str().expect("text");
    let all = std::fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    let lines = all.filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(folder)).count()
}

fn has_database_and_redis_spans(trace: &Value) -> bool {
    let spans = trace["spans"].as_array().expect("spans");
    let is_of = |system: &str| {
        spans.iter().any(|span| {
            let tags = span["tags"].as_array().expect("tags");
            tags.iter().any(|tag| tag["key"] == "db.system.name" && tag["value"] == system)
        })
    };
    is_of("postgresql") && is_of("redis")
}

#[test]
fn it_starts_what_is_installed_and_runs_on_it_and_leaves_nothing() {
    let Some((mut demo, directory)) = start() else { return };
    for component in ["PostgreSQL 1", "Redis      "] {
        let line = demo.said.lines().find(|line| line.contains(component)).unwrap_or_else(|| panic!("{}", demo.said));
        assert!(line.contains("at 127.0.0.1:"), "{line}");
    }
    wait_for("a trace with queries and commands", || {
        let traces = demo.get("/api/traces?service=signal-generator&limit=100");
        let traces = traces["data"].as_array()?.clone();
        traces.iter().any(has_database_and_redis_spans).then_some(())
    });
    demo.signal(libc::SIGTERM);
    assert!(demo.process.wait().expect("it ends").success());
    wait_for("the end of the programs", || (processes_in(directory.path()) == 0).then_some(()));
    assert_eq!(std::fs::read_dir(directory.path()).expect("a folder").count(), 0);
}

#[test]
fn what_it_started_ends_with_it_when_it_is_killed() {
    let Some((mut demo, directory)) = start() else { return };
    if !demo.said.contains("started for the time of the demo") {
        println!("not tested: PostgreSQL and Redis run at their usual ports");
        return;
    }
    assert!(processes_in(directory.path()) > 0);
    demo.signal(libc::SIGKILL);
    demo.process.wait().expect("it ends");
    wait_for("the end of the programs", || (processes_in(directory.path()) == 0).then_some(()));
}
