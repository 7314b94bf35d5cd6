//! `tripod services`: rate, errors and durations of each service.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use crate::client::ServerArgs;
use crate::duration;
use crate::outcome::{self, Failure, Found};
use crate::render::json;
use crate::render::spark::spark;
use crate::render::style::Style;
use crate::render::table::{Cell, Column, table};
use crate::render::units;
use crate::terminal::{OutputArgs, Terminal, print};
use crate::window::now;

/// Parts of the window that are counted apart.
const STEPS: usize = 24;

/// What `tripod services` can be told.
#[derive(Debug, Args)]
pub(crate) struct ServicesArgs {
    /// How far back from now
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = duration::parse)]
    since: Duration,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the command.
pub(crate) fn run(args: &ServicesArgs) -> ExitCode {
    outcome::end(found(args))
}

fn found(args: &ServicesArgs) -> Result<Found, Failure> {
    let client = args.server.client()?;
    let (end, since) = (now(), u64::try_from(args.since.as_nanos()).unwrap_or(u64::MAX));
    let start = end.saturating_sub(since);
    let parameters = [("start", start.to_string()), ("end", end.to_string()), ("steps", STEPS.to_string())];
    let answer = client.get("/api/overview", &parameters)?;
    let services = answer["services"].as_array().ok_or_else(|| Failure::Answer("it has no services".to_owned()))?;
    if args.output.json {
        services.iter().try_for_each(|service| print(&json::line(service)))?;
    } else if services.is_empty() {
        eprintln!("no service was called in the last {}; --since looks further back", units::duration(since));
    } else {
        print(&listed(services, args.output.terminal()))?;
    }
    Ok(Found::any(services.len()))
}

fn listed(services: &[Value], terminal: Terminal) -> String {
    let columns = [
        Column::new("SERVICE").least(12),
        Column::new("CALLS/S").right(),
        Column::new("").spare(3),
        Column::new("ERRORS").right(),
        Column::new("P50").right().spare(2),
        Column::new("P95").right(),
        Column::new("P99").right().spare(1),
        Column::new("P95 OVER TIME").spare(4),
    ];
    let row = |of: &Value| {
        let number = |name: &str| of[name].as_f64().unwrap_or(0.0);
        let course = |name: &str| {
            let steps = of[name].as_array().into_iter().flatten();
            spark(&steps.map(Value::as_f64).collect::<Vec<_>>(), STEPS)
        };
        let millis = |name: &str| units::duration((number(name) * 1e6) as u64);
        let errors = number("error_ratio") * 100.0;
        let look = if errors >= 1.0 {
            Style::Bad
        } else if errors > 0.0 {
            Style::Warn
        } else {
            Style::Dim
        };
        vec![
            Cell::styled(of["service"].as_str().unwrap_or_default(), Style::Bold),
            Cell::new(&units::number(number("rate"))),
            Cell::styled(&course("calls_by_step"), Style::Nth(0)),
            Cell::styled(&format!("{errors:.1}%"), look),
            Cell::new(&millis("p50_ms")),
            Cell::new(&millis("p95_ms")),
            Cell::new(&millis("p99_ms")),
            Cell::styled(&course("p95_ms_by_step"), Style::Nth(1)),
        ]
    };
    let rows: Vec<Vec<Cell>> = services.iter().map(row).collect();
    table(&columns, &rows, terminal.width, terminal.painter)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::render::style::Painter;

    #[test]
    fn services_are_listed_at_any_width() {
        let service = |name: &str, errors: f64| {
            json!({ "service": name, "rate": 12.5, "error_ratio": errors, "p50_ms": 3.1, "p95_ms": 41.7, "p99_ms": 1203.0,
                "calls_by_step": [1, 2, 3, 2], "p95_ms_by_step": [10.0, 20.0, 40.0, 0.0] })
        };
        let services = [service("signal-generator", 0.0), service("注文", 0.043)];
        for width in [100, 70, 50] {
            let text = listed(&services, Terminal { width: Some(width), painter: Painter(false) });
            insta::assert_snapshot!(format!("services_of_{width}_columns"), text);
        }
    }
}
