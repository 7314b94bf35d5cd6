//! `tripod check`: reads every byte of a stopped store, says what is there, what is damaged, and what to do. `tripod check config`,
//! `tripod check prometheus-config` and `tripod check rules` read files as the server would.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use tripod_server::PrometheusConfig;
use tripod_store::{Check, Embedded, StoreError};

use crate::check_rules::CheckRulesArgs;
use crate::config_file::ConfigError;
use crate::progress::Progress;
use crate::terminal::say;
use crate::{USAGE, check_rules, config_file};

/// What `tripod check` can be told.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct CheckArgs {
    #[command(subcommand)]
    what: Option<What>,
    /// Directory of the store; no server may be running on it
    #[arg(long, value_name = "DIR", default_value = "tripod-data")]
    data: PathBuf,
}

/// What is checked, if not the store.
#[derive(Debug, Subcommand)]
enum What {
    /// Check a file for `tripod up --config`, and the files that it names
    Config {
        /// The file
        file: PathBuf,
    },
    /// Read Prometheus' configuration, and name what is wrong and what is not acted on
    PrometheusConfig {
        /// The file, prometheus.yml
        file: PathBuf,
    },
    /// Read Prometheus rule files, and name what is wrong
    Rules(CheckRulesArgs),
}

/// Reads a configuration: 0 when it would be taken, 2 when not.
fn check_prometheus_config(file: &Path) -> ExitCode {
    match PrometheusConfig::read(file) {
        Ok(config) => {
            config.notices().iter().for_each(|notice| say(&format!("{notice}\n")));
            say(&format!("{} is valid: {}\n", file.display(), config.summary()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tripod: error: {error}");
            ExitCode::from(USAGE)
        }
    }
}

/// Runs the command: 0 when all is whole, 1 when something is damaged or wrong, 2 when there is nothing to look at.
pub(crate) fn run(args: &CheckArgs) -> ExitCode {
    match &args.what {
        Some(What::Config { file }) => check_config(file),
        Some(What::PrometheusConfig { file }) => check_prometheus_config(file),
        Some(What::Rules(args)) => check_rules::run(args),
        None => check_store(args),
    }
}

fn check_config(file: &Path) -> ExitCode {
    match config_file::check(file) {
        Ok(settings) => {
            say(&format!("{}: {settings} settings, all of them well\n", file.display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tripod: error: {error}");
            if matches!(error, ConfigError::Unreadable { .. }) { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
    }
}

fn check_store(args: &CheckArgs) -> ExitCode {
    let progress = Progress::bytes("checking", Some(0));
    let checked = Embedded::check_telling(&args.data, &mut |done, total| progress.at(done, total));
    progress.finish();
    match checked {
        Ok(check) => {
            say(&report(&check, &args.data));
            if check.damaged.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        // A store whose list of parts can't be read is a damaged one.
        Err(error @ StoreError::Damaged { .. }) => {
            eprintln!("tripod: error: {error}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("tripod: error: {error}");
            if matches!(error, StoreError::Locked { .. }) {
                eprintln!("tripod: what is being written can't be checked; a snapshot of it can");
            }
            ExitCode::from(USAGE)
        }
    }
}

/// What was found, as text for people.
fn report(check: &Check, dir: &Path) -> String {
    let mut text = format!("{:<10} {}\n", "format", check.format);
    let mut line = |head: &str, said: String| {
        // Writing to a String can't fail.
        let _ = writeln!(text, "{head:<10} {said}");
    };
    let mut signals: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for part in &check.parts {
        let (parts, rows, bytes) = signals.entry(&part.signal).or_default();
        (*parts, *rows, *bytes) = (*parts + 1, *rows + part.rows, *bytes + part.bytes);
    }
    for (signal, (parts, rows, bytes)) in signals {
        line(signal, format!("{rows} rows in {parts} parts, {bytes} bytes"));
    }
    let Check { records, segments, wal_bytes, unfinished_bytes, .. } = check;
    line("log", format!("{records} records in {segments} segments, {wal_bytes} bytes"));
    if *unfinished_bytes > 0 {
        line(
            "",
            format!(
                "{unfinished_bytes} bytes of an unfinished write, never acknowledged: the next start cuts them off"
            ),
        );
    }
    for path in &check.set_aside {
        line("set aside", format!("{}: found damaged earlier, and not served", path.display()));
    }
    for damage in &check.damaged {
        let (bytes, offset, path) = (damage.bytes, damage.offset, damage.path.display());
        line("DAMAGED", format!("{bytes} bytes at offset {offset} of {path}: {}", damage.reason));
    }
    text.push_str(&advice(check, dir));
    text
}

fn advice(check: &Check, dir: &Path) -> String {
    if check.damaged.is_empty() {
        return "what is served is whole\n".to_owned();
    }
    let dir = dir.display();
    format!(
        "\nCopy a damaged part back from a backup (a snapshot on another disk: one beside the store has the same file under another name),\n\
         or move it to {dir}/damaged: the server then starts without it, and serves the rest. Damaged records of the log are skipped at the next start.\n"
    )
}
