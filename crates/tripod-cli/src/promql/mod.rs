//! `tripod query`: PromQL, at one time as a table, over a range as charts.

mod instant;
mod range;
mod series;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use tripod_server::parse_time;

use crate::client::{Client, ClientError, ServerArgs};
use crate::duration;
use crate::outcome::{self, Failure, Found};
use crate::render::text::plain;
use crate::render::{fault, json};
use crate::terminal::{OutputArgs, print};
use crate::window::now;

/// Points of a range for each letter of a terminal of usual width.
const POINTS: u64 = 200;

/// What `tripod query` can be told.
#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// The query, such as 'sum by (service_name) (rate(http_server_request_duration_seconds_count[5m]))'
    #[arg(value_name = "PROMQL")]
    query: String,
    /// When: 2026-11-21T05:00:00Z, or a number since the Unix epoch; with --range, its end [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time, help_heading = "Time")]
    time: Option<u64>,
    /// Draw what it was over so long
    #[arg(long, short, value_name = "TIME", value_parser = duration::parse, help_heading = "Time")]
    range: Option<Duration>,
    /// Time between two points of a range [default: a 200th of it]
    #[arg(long, value_name = "TIME", value_parser = duration::parse, requires = "range", help_heading = "Time")]
    step: Option<Duration>,
    /// Lines of a chart
    #[arg(long, value_name = "LINES", default_value = "12", requires = "range", help_heading = "Output", value_parser = clap::value_parser!(u16).range(2..=200))]
    height: u16,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the command.
pub(crate) fn run(args: &QueryArgs) -> ExitCode {
    outcome::end(found(args))
}

fn found(args: &QueryArgs) -> Result<Found, Failure> {
    let client = args.server.client()?;
    let time = args.time.unwrap_or_else(now);
    let Some(range) = args.range else {
        let parameters = [("query", args.query.clone()), ("time", seconds(time))];
        let data = ask(&client, "/api/v1/query", &parameters, &args.query)?;
        return answered(args, &data, || instant::show(&data, args.output.terminal()));
    };
    let range_nanos = u64::try_from(range.as_nanos()).unwrap_or(u64::MAX);
    let step = args.step.unwrap_or_else(|| default_step(range));
    let span = range::Span { start: time.saturating_sub(range_nanos), end: time, step };
    let parameters = [
        ("query", args.query.clone()),
        ("start", seconds(span.start)),
        ("end", seconds(span.end)),
        ("step", step.as_secs_f64().to_string()),
    ];
    let data = ask(&client, "/api/v1/query_range", &parameters, &args.query)?;
    answered(args, &data, || range::show(&data, span, args.height.into(), args.output.terminal()))
}

/// Prints the answer as it is, or drawn.
fn answered(args: &QueryArgs, data: &Value, draw: impl FnOnce() -> Result<String, Failure>) -> Result<Found, Failure> {
    let empty = data["result"].as_array().is_some_and(Vec::is_empty);
    if args.output.json {
        print(&json::line(data))?;
    } else if empty {
        eprintln!("no series");
    } else {
        print(&draw()?)?;
    }
    Ok(if empty { Found::Nothing } else { Found::Something })
}

/// Asks, and says where a query is wrong and what the server warns of.
fn ask(client: &Client, path: &str, parameters: &[(&str, String)], query: &str) -> Result<Value, Failure> {
    let mut answer = client.get(path, parameters).map_err(|error| match error {
        ClientError::Refused { reason, .. } => Failure::Usage(fault::marked(query, &reason)),
        other => Failure::Client(other),
    })?;
    for notes in ["warnings", "infos"] {
        for note in answer[notes].as_array().into_iter().flatten().filter_map(Value::as_str) {
            eprintln!("tripod: {}", plain(note));
        }
    }
    match answer["data"].take() {
        Value::Object(data) => Ok(Value::Object(data)),
        _ => Err(Failure::Answer("it has no data".to_owned())),
    }
}

/// A time as Prometheus' API has it, to the millisecond that it knows.
fn seconds(nanos: u64) -> String {
    let millis = nanos / 1_000_000;
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// Whole seconds, at least one.
fn default_step(range: Duration) -> Duration {
    Duration::from_secs((range.as_secs() / POINTS).max(1))
}
