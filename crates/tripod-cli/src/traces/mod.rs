//! `tripod traces`: searches traces, or shows one of them.

mod search;
mod show;
pub(crate) mod trace;

use std::process::ExitCode;

use clap::Args;

use crate::client::ServerArgs;
use crate::outcome::{self, Failure, Found};
use crate::terminal::OutputArgs;
use crate::window::WindowArgs;

/// What `tripod traces` can be told.
#[derive(Debug, Args)]
pub(crate) struct TracesArgs {
    /// The id of the trace to show; without it, traces are searched
    #[arg(value_name = "TRACE_ID", value_parser = trace_id, conflicts_with_all = ["service", "operation", "attribute", "min_duration", "max_duration", "errors", "traceql", "limit", "since", "start", "end"])]
    id: Option<String>,
    /// Show what was logged, in line
    #[arg(long, requires = "id", conflicts_with = "json")]
    logs: bool,
    #[command(flatten)]
    search: search::SearchArgs,
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the command.
pub(crate) fn run(args: &TracesArgs) -> ExitCode {
    outcome::end(found(args))
}

fn found(args: &TracesArgs) -> Result<Found, Failure> {
    let client = args.server.client()?;
    match &args.id {
        Some(id) => show::show(&client, id, args.logs, &args.output),
        None => search::search(&client, &args.search, &args.window, &args.output),
    }
}

/// An id as people have it: in any case, perhaps without leading zeros.
pub(crate) fn trace_id(text: &str) -> Result<String, String> {
    let digits = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !digits || text.bytes().all(|byte| byte == b'0') {
        return Err("a trace id has up to 32 hex digits, not all of them zero".to_owned());
    }
    Ok(format!("{text:0>32}").to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::trace_id;

    #[test]
    fn an_id_is_filled_up_with_zeros() {
        assert_eq!(trace_id("AB12").unwrap(), "0000000000000000000000000000ab12");
        for wrong in ["", "0", "xyz", "123456789012345678901234567890123", "ä"] {
            assert!(trace_id(wrong).is_err(), "{wrong}");
        }
    }
}
