//! `tripod test rules`: runs unit tests of rules, in the format of `promtool test rules`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;
use tripod_server::rules::{Case, Report, run_unit_tests};

use crate::USAGE;

/// What `tripod test` can be told.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Run unit tests of Prometheus rules
    Rules(TestRulesArgs),
}

/// What `tripod test rules` can be told.
#[derive(Debug, Args)]
struct TestRulesArgs {
    /// Files of tests
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Run only tests whose name contains this; again for more
    #[arg(long, value_name = "TEXT")]
    run: Vec<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Write the result as JUnit XML as well
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// Runs the command: 0 when all is as expected, 1 when not.
pub(crate) fn run(args: &TestArgs) -> ExitCode {
    let What::Rules(args) = &args.what;
    let wanted = |name: &str| args.run.is_empty() || args.run.iter().any(|text| name.contains(text));
    let mut reports = Vec::new();
    for file in &args.files {
        let report = run_unit_tests(file, &wanted);
        if !args.json {
            print(&report);
        }
        reports.push(report);
    }
    if args.json {
        println!("{}", as_json(&reports));
    }
    if let Some(path) = &args.junit
        && let Err(reason) = write(path, &as_junit(&reports))
    {
        eprintln!("tripod: error: {reason}");
        return ExitCode::from(USAGE);
    }
    if reports.iter().all(Report::is_success) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{} can't be written: {error}", path.display()))
}

/// Failures go to stderr, as all that is wrong does.
fn print(report: &Report) {
    println!("Unit Testing: {}", report.file);
    if report.is_success() {
        println!("  SUCCESS\n");
        return;
    }
    eprintln!("  FAILED:");
    report.faults.iter().for_each(|fault| eprintln!("{}", indented(fault, "    ")));
    for Case { name, failures, .. } in report.cases.iter().filter(|case| !case.failures.is_empty()) {
        eprintln!("    name: {name}");
        failures.iter().for_each(|failure| eprintln!("{}", indented(failure, "      ")));
    }
    println!();
}

fn indented(text: &str, by: &str) -> String {
    text.lines().map(|line| format!("{by}{line}")).collect::<Vec<_>>().join("\n")
}

fn as_json(reports: &[Report]) -> String {
    let case =
        |case: &Case| json!({ "name": case.name, "failures": case.failures, "seconds": case.took.as_secs_f64() });
    let report = |report: &Report| {
        let cases: Vec<_> = report.cases.iter().map(case).collect();
        json!({ "file": report.file, "success": report.is_success(), "faults": report.faults, "tests": cases })
    };
    format!("{:#}", json!(reports.iter().map(report).collect::<Vec<_>>()))
}

fn as_junit(reports: &[Report]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    // Writing to a String can't fail.
    for report in reports {
        let failed = report.cases.iter().filter(|case| !case.failures.is_empty()).count();
        let (tests, errors) = (report.cases.len() + report.faults.len(), report.faults.len());
        let file = escape(&report.file);
        let _ = writeln!(out, r#"  <testsuite name="{file}" tests="{tests}" failures="{failed}" errors="{errors}">"#);
        for fault in &report.faults {
            let _ = writeln!(out, r#"    <testcase name="{file}"><error>{}</error></testcase>"#, escape(fault));
        }
        for Case { name, failures, took } in &report.cases {
            let seconds = took.as_secs_f64();
            let _ = writeln!(out, r#"    <testcase name="{}" time="{seconds:.6}">"#, escape(name));
            for failure in failures {
                let _ = writeln!(out, "      <failure>{}</failure>", escape(failure));
            }
            out.push_str("    </testcase>\n");
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// A text in XML; characters that it can't have become a question mark.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
    out
}
