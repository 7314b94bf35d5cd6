//! Runs Prometheus' own test scripts, found in `PROMQLTEST_DIR` or beside the repository, and ours in `tests/scripts`.

mod support;

use std::path::{Path, PathBuf};

use support::script::{Outcome, run_file};

/// Evals that pass, by file: a floor below which no change may fall.
const FLOORS: &[(&str, usize)] = &[
    ("aggregators.test", 160),
    ("at_modifier.test", 78),
    ("functions.test", 431),
    ("literals.test", 25),
    ("operators.test", 214),
    ("subquery.test", 34),
];

fn scripts(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "test")).collect();
    files.sort();
    files
}

fn run_all(files: &[PathBuf]) -> Vec<(String, Outcome)> {
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    files.iter().map(|path| (name(path), run_file(path))).collect()
}

fn report(outcomes: &[(String, Outcome)]) {
    let (mut passed, mut total) = (0, 0);
    for (name, outcome) in outcomes {
        println!("{name}: {} of {} evals pass", outcome.passed, outcome.total);
        outcome.failures.iter().for_each(|failure| println!("  {failure}"));
        passed += outcome.passed;
        total += outcome.total;
    }
    println!("{passed} of {total} evals pass");
}

#[test]
fn promqltest_scripts_of_prometheus_pass_as_many_evals_as_before() {
    let given = std::env::var_os("PROMQLTEST_DIR").map(PathBuf::from);
    let directory = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/promqltest"));
    let files = scripts(&directory);
    if files.is_empty() {
        println!("skipped: no *.test in {}", directory.display());
        return;
    }
    let outcomes = run_all(&files);
    report(&outcomes);
    for (name, floor) in FLOORS {
        if let Some((_, outcome)) = outcomes.iter().find(|(other, _)| other == name) {
            assert!(outcome.passed >= *floor, "{name}: {} evals pass, {floor} did before", outcome.passed);
        }
    }
}

#[test]
fn promqltest_scripts_of_our_own_all_pass() {
    let outcomes = run_all(&scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts")));
    report(&outcomes);
    assert!(outcomes.iter().map(|(_, outcome)| outcome.total).sum::<usize>() > 0, "no script was found");
    let failures: Vec<_> = outcomes.iter().flat_map(|(_, outcome)| &outcome.failures).collect();
    assert!(failures.is_empty(), "{failures:#?}");
}
