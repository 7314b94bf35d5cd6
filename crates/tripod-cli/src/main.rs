//! The `tripod` command. One file a subcommand; each ends with an exit code.
#![deny(unsafe_code)]

mod allocator;
mod attribute;
mod bytes;
mod check;
mod check_rules;
mod client;
mod completions;
mod config_file;
mod demo;
mod durability;
mod duration;
#[cfg(feature = "parquet")]
mod export;
mod health;
mod import;
mod keep;
mod logs;
mod open;
mod outcome;
mod progress;
mod promql;
#[cfg(test)]
mod reference;
mod render;
mod rule_args;
mod services;
mod terminal;
mod test_rules;
mod traces;
mod up;
mod window;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use outcome::USAGE;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Observability on three legs: traces, metrics, logs
#[derive(Debug, Parser)]
#[command(name = "tripod", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Receive, keep, query and show telemetry, until Ctrl-C
    Up(up::UpArgs),
    /// Do the same, with a trading platform of four services that keeps it busy
    Demo(demo::DemoArgs),
    /// Search traces, or show one as a tree
    Traces(traces::TracesArgs),
    /// Search log records, or follow them
    Logs(logs::LogsArgs),
    /// Ask PromQL: a table of what is, or charts of what was
    Query(promql::QueryArgs),
    /// List services with their rate, errors and durations
    Services(services::ServicesArgs),
    /// Open the web page of a trace, a service or a metric
    Open(open::OpenArgs),
    /// Send what stands in files to a running server: OTLP, Jaeger's or Zipkin's JSON
    Import(import::ImportArgs),
    /// Write spans, logs or samples of a stopped server as a Parquet file
    #[cfg(feature = "parquet")]
    Export(export::ExportArgs),
    /// Read every byte of a stopped server's store, and name what is damaged
    Check(check::CheckArgs),
    /// Run unit tests of Prometheus rules
    Test(test_rules::TestArgs),
    /// Say by the exit code whether a server is ready
    Health(health::HealthArgs),
    /// Print what completes this command in a shell
    Completions(completions::CompletionsArgs),
    /// Print the manual
    Man(completions::ManArgs),
    #[command(hide = true)]
    DemoService(demo::ServiceArgs),
}

fn main() -> ExitCode {
    allow_open_files();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let arguments = match config_file::merge(arguments.clone(), &Cli::command().get_matches_from(arguments)) {
        Ok(arguments) => arguments,
        Err(error) => return up::fail(&error),
    };
    match Cli::parse_from(arguments).command {
        Command::Up(args) => {
            allocator::give_back_what_is_free();
            up::run(&args)
        }
        Command::Demo(args) => {
            allocator::give_back_what_is_free();
            demo::run(&args)
        }
        #[cfg(feature = "parquet")]
        Command::Export(args) => export::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Test(args) => test_rules::run(&args),
        Command::Health(args) => health::run(&args),
        Command::Traces(args) => traces::run(&args),
        Command::Logs(args) => logs::run(&args),
        Command::Query(args) => promql::run(&args),
        Command::Services(args) => services::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Open(args) => open::run(&args),
        Command::Completions(args) => completions::run(&args, &Cli::command()),
        Command::Man(args) => completions::man(&args, &Cli::command()),
        Command::DemoService(args) => demo::run_service(&args),
    }
}

/// Lets this process have as many files open as the system grants it at all. A store keeps a file open for every part, and a
/// server a socket for every client: the usual soft limit of 1,024, there for programs that use `select`, is soon reached.
fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // Where the system refuses, the limit stays what it was.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}
