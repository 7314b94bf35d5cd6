//! `tripod check rules`: reads rule files as the server would, in the words and with the exit codes of `promtool check rules`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use tripod_server::rules::RuleFile;

/// Exit code where only the lint has something to say, and that is to be an error.
const LINT: u8 = 3;

/// What `tripod check rules` can be told.
#[derive(Debug, Args)]
pub(crate) struct CheckRulesArgs {
    /// Rule files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What to look for besides faults
    #[arg(long, value_enum, default_value = "duplicate-rules")]
    lint: Lint,
    /// End with code 3 when something is found that is no fault
    #[arg(long)]
    lint_fatal: bool,
}

/// What is looked for besides faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Lint {
    All,
    DuplicateRules,
    None,
}

/// Runs the command: 0 when the files would be taken, 1 when not.
pub(crate) fn run(args: &CheckRulesArgs) -> ExitCode {
    let (mut faulty, mut linted) = (false, false);
    for path in &args.files {
        println!("Checking {}", path.display());
        match RuleFile::read(path) {
            Ok(file) => {
                let duplicates = if args.lint == Lint::None { Vec::new() } else { file.duplicates() };
                if duplicates.is_empty() {
                    println!("  SUCCESS: {} rules found", file.rule_count());
                } else {
                    linted = true;
                    eprintln!("  FAILED:\nlint error {} duplicate rule(s) found.", duplicates.len());
                    for (name, labels) in duplicates {
                        eprintln!("Metric: {name}\nLabel(s):");
                        labels.iter().for_each(|(name, value)| eprintln!("\t{name}: {value}"));
                    }
                    eprintln!("Might cause inconsistency while recording expressions");
                }
            }
            Err(faults) => {
                faulty = true;
                eprintln!("  FAILED:");
                faults.iter().for_each(|fault| eprintln!("{fault}"));
            }
        }
        println!();
    }
    if faulty {
        ExitCode::FAILURE
    } else if linted && args.lint_fatal {
        ExitCode::from(LINT)
    } else {
        ExitCode::SUCCESS
    }
}
