//! A search for traces, as a table.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::{Value, json};

use crate::attribute::{self, Attribute};
use crate::client::{Client, ClientError};
use crate::outcome::{Failure, Found};
use crate::render::style::Style;
use crate::render::table::{Cell, Column, table};
use crate::render::units;
use crate::render::{fault, json};
use crate::terminal::{OutputArgs, print};
use crate::window::{Window, WindowArgs};

/// Columns of the longest bar beside a duration.
const BAR: u64 = 10;

/// A day, in nanoseconds.
const DAY: u64 = 86_400_000_000_000;

/// Which traces are searched.
#[derive(Debug, Args)]
#[command(next_help_heading = "Search")]
pub(crate) struct SearchArgs {
    /// Traces with a span of this service
    #[arg(long, short, value_name = "NAME")]
    service: Option<String>,
    /// … with a span of this name
    #[arg(long, short, value_name = "NAME")]
    operation: Option<String>,
    /// … with a span that has this attribute; several times for several
    #[arg(long = "attr", short, value_name = "KEY=VALUE", value_parser = attribute::parse)]
    attribute: Vec<Attribute>,
    /// … with a span that took at least so long: 1.5s, 200ms, 50us
    #[arg(long, value_name = "TIME")]
    min_duration: Option<String>,
    /// … with a span that took at most so long
    #[arg(long, value_name = "TIME")]
    max_duration: Option<String>,
    /// … with a span that failed
    #[arg(long, short)]
    errors: bool,
    /// … in which TraceQL finds spans: '{ span.http.route = "/orders" && duration > 1s }'
    #[arg(long = "query", short = 'q', value_name = "TRACEQL", conflicts_with_all = ["service", "operation", "attribute", "min_duration", "max_duration", "errors"])]
    traceql: Option<String>,
    /// How many, the newest first
    #[arg(long, short = 'n', value_name = "N", default_value = "20", value_parser = clap::value_parser!(u32).range(1..=5000))]
    limit: u32,
}

/// Searches and prints.
pub(super) fn search(
    client: &Client,
    args: &SearchArgs,
    window: &WindowArgs,
    output: &OutputArgs,
) -> Result<Found, Failure> {
    let within = window.window()?;
    let (summaries, complete) = match &args.traceql {
        Some(query) => by_query(client, query, within, args.limit)?,
        None => by_conditions(client, args, within)?,
    };
    if output.json {
        summaries.iter().try_for_each(|summary| print(&json::line(summary)))?;
    } else if summaries.is_empty() {
        eprintln!("no such traces {}", window.described());
    } else {
        print(&listed(&summaries, output))?;
        if !complete {
            eprintln!("there are more: --limit shows them, --since and the other conditions narrow the search");
        }
    }
    Ok(Found::any(summaries.len()))
}

/// Summaries of traces, and whether these are all.
type Summaries = (Vec<Value>, bool);

fn by_conditions(client: &Client, args: &SearchArgs, within: Window) -> Result<Summaries, Failure> {
    let mut attributes: BTreeMap<&str, &str> =
        args.attribute.iter().map(|one| (one.key.as_str(), one.value.as_str())).collect();
    if args.errors {
        attributes.insert("error", "true");
    }
    let mut parameters = vec![
        ("limit", args.limit.to_string()),
        ("start", (within.start / 1000).to_string()),
        ("end", (within.end / 1000).to_string()),
    ];
    let given = [
        ("service", &args.service),
        ("operation", &args.operation),
        ("minDuration", &args.min_duration),
        ("maxDuration", &args.max_duration),
    ];
    parameters.extend(given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    if !attributes.is_empty() {
        parameters.push(("tags", json!(attributes).to_string()));
    }
    let mut answer = client.get("/api/trace-summaries", &parameters)?;
    let complete = answer["complete"].as_bool().unwrap_or(true);
    Ok((list(&mut answer, "summaries")?, complete))
}

fn by_query(client: &Client, query: &str, within: Window, limit: u32) -> Result<Summaries, Failure> {
    let parameters = [
        ("q", query.to_owned()),
        ("limit", limit.to_string()),
        ("start", within.start.to_string()),
        ("end", within.end.to_string()),
    ];
    let mut answer = client.get("/api/search", &parameters).map_err(|error| match error {
        ClientError::Refused { reason, .. } => Failure::Usage(fault::marked(query, &reason)),
        other => Failure::Client(other),
    })?;
    if let Some(message) = answer["message"].as_str() {
        eprintln!("tripod: the search ended early: {}", crate::render::text::plain(message));
    }
    let traces = list(&mut answer, "traces")?;
    let complete = traces.len() < limit as usize;
    Ok((traces.iter().map(summary).collect(), complete))
}

/// A trace as Tempo's API has it, in the shape of all others.
fn summary(found: &Value) -> Value {
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let mut services: Vec<Value> = found["serviceStats"].as_object().map_or_else(Vec::new, |stats| {
        let share = |(name, of): (&String, &Value)| json!({ "name": name, "spans": count(&of["spanCount"]), "errors": count(&of["errorCount"]) });
        stats.iter().map(share).collect()
    });
    services.sort_by_key(|share| std::cmp::Reverse(count(&share["spans"])));
    let sum = |what: &str| services.iter().map(|share| count(&share[what])).sum::<u64>();
    let matched = found["spanSets"].as_array().into_iter().flatten().map(|set| count(&set["matched"])).sum::<u64>();
    let (spans, errors) = (sum("spans"), sum("errors"));
    json!({
        "traceID": found["traceID"],
        "service": found["rootServiceName"],
        "operation": found["rootTraceName"],
        "start_unix_nano": found["startTimeUnixNano"],
        "duration_ns": found["durationNanos"],
        "spans": spans,
        "errors": errors,
        "services": services,
        "matched": matched,
    })
}

fn list(answer: &mut Value, name: &str) -> Result<Vec<Value>, Failure> {
    match answer[name].take() {
        Value::Array(list) => Ok(list),
        _ => Err(Failure::Answer(format!("it has no list {name:?}"))),
    }
}

fn listed(summaries: &[Value], output: &OutputArgs) -> String {
    let terminal = output.terminal();
    let nanos = |of: &Value, name: &str| of[name].as_str().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    // The day is said where it is not the same for all.
    let day = |one: &Value| nanos(one, "start_unix_nano") / DAY;
    let one_day = summaries.windows(2).all(|two| day(&two[0]) == day(&two[1]));
    let started = |one: &Value| {
        if one_day {
            units::time_of_day(nanos(one, "start_unix_nano"))
        } else {
            units::date_and_time(nanos(one, "start_unix_nano"))
        }
    };
    let longest = summaries.iter().map(|one| nanos(one, "duration_ns")).max().unwrap_or(0).max(1);
    let matches = summaries.iter().any(|one| one.get("matched").is_some());
    let mut columns = vec![
        Column::new(if one_day { "UTC" } else { "STARTED (UTC)" }).spare(1),
        Column::new("TRACE"),
        Column::new("SERVICE").least(6),
        Column::new("OPERATION").least(8),
        Column::new("DURATION").right(),
        Column::new("").spare(4),
        Column::new("SPANS").right().spare(3),
        Column::new("ERRORS").right().spare(2),
    ];
    columns.push(if matches { Column::new("FOUND").right().spare(5) } else { Column::new("SAID").least(8).spare(5) });
    let rows: Vec<Vec<Cell>> = summaries
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap_or_default();
            let errors = one["errors"].as_u64().unwrap_or(0);
            let style = if errors > 0 { Style::Bad } else { Style::Plain };
            let duration = nanos(one, "duration_ns");
            let eighths = u128::from(duration) * u128::from(BAR) * 8 / u128::from(longest);
            let last = if matches { one["matched"].to_string() } else { text("error").to_owned() };
            vec![
                Cell::styled(&started(one), Style::Dim),
                Cell::new(text("traceID")),
                Cell::styled(text("service"), Style::Nth(0)),
                Cell::new(text("operation")),
                Cell::new(&units::duration(duration)),
                Cell::styled(&bar(eighths as usize), style),
                Cell::new(&one["spans"].to_string()),
                Cell::styled(&if errors == 0 { String::new() } else { errors.to_string() }, style),
                Cell::styled(&last, if matches { Style::Plain } else { Style::Bad }),
            ]
        })
        .collect();
    table(&columns, &rows, terminal.width, terminal.painter)
}

/// A bar of so many eighths of columns.
fn bar(eighths: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    // What took any time at all is seen.
    let eighths = eighths.max(1);
    "█".repeat(eighths / 8) + PARTS[eighths % 8]
}
