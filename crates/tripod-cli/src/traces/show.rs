//! One trace as a tree.

use tripod_wire::otlp::TracesData;
use tripod_wire::proto::Message as _;

use super::trace::Trace;
use crate::client::Client;
use crate::logs::record::Record;
use crate::outcome::{Failure, Found};
use crate::render::json;
use crate::render::style::Style;
use crate::render::text::plain;
use crate::render::tree::{LogLine, tree};
use crate::render::units;
use crate::terminal::{OutputArgs, Terminal, print};

/// Records of a trace that are shown.
const MAX_LOGS: usize = 10_000;

/// Shows a trace.
pub(super) fn show(client: &Client, id: &str, logs: bool, output: &OutputArgs) -> Result<Found, Failure> {
    let none = || {
        eprintln!("there is no trace {id}: it was never sent, or is kept no longer");
        Ok(Found::Nothing)
    };
    let Some(bytes) = client.get_protobuf(&format!("/api/traces/{id}"))? else { return none() };
    let data = TracesData::decode(&bytes).map_err(|error| Failure::Answer(error.to_string()))?;
    if output.json {
        print(&(json::escaped(&data.to_json()) + "\n"))?;
        return Ok(Found::Something);
    }
    let Some(trace) = Trace::of(&data) else { return none() };
    let lines = if logs { logged(client, id)? } else { Vec::new() };
    let terminal = output.terminal();
    print(&head(&trace, terminal))?;
    print(&tree(&trace, &lines, terminal.width, terminal.painter))?;
    print(&(terminal.painter.paint(Style::Dim, "━ on the critical path  ─ not on it") + "\n"))?;
    Ok(Found::Something)
}

fn logged(client: &Client, id: &str) -> Result<Vec<LogLine>, Failure> {
    let parameters = [("trace_id", id.to_owned()), ("limit", MAX_LOGS.to_string())];
    let answer = client.get("/api/logs", &parameters)?;
    let records = answer["logs"].as_array().ok_or_else(|| Failure::Answer("it has no list \"logs\"".to_owned()))?;
    if records.len() == MAX_LOGS {
        eprintln!("tripod: only the newest {MAX_LOGS} records of the trace are shown");
    }
    // They come newest first.
    Ok(records.iter().rev().map(|record| line(&Record::of(record))).collect())
}

fn line(record: &Record) -> LogLine {
    LogLine {
        span: record.span_id.parse().unwrap_or_default(),
        time: record.time,
        severity: record.severity.clone(),
        severity_number: record.severity_number,
        text: record.message(),
    }
}

/// What the trace is, above the tree.
fn head(trace: &Trace, terminal: Terminal) -> String {
    let painter = terminal.painter;
    let root = &trace.spans[trace.main];
    let failed = trace.failed();
    let name = format!("{} {}", plain(&root.service), plain(&root.name));
    let mut facts = vec![
        format!("{} UTC", units::date_and_time(trace.start)),
        units::duration(trace.end - trace.start),
        counted(trace.spans.len(), "span"),
    ];
    if failed > 0 {
        facts.push(painter.paint(Style::Bad, &format!("{failed} failed")));
    }
    let services = trace.services();
    let shares = services.iter().enumerate().map(|(at, share)| {
        let failed = if share.failed > 0 { format!(" ({} failed)", share.failed) } else { String::new() };
        format!("{} {}{failed}", painter.paint(Style::Nth(at), &plain(&share.service)), share.spans)
    });
    let shares: Vec<String> = shares.collect();
    format!(
        "{} {}\n{}\n{}\n\n",
        painter.paint(Style::Bold, &name),
        painter.paint(Style::Dim, &trace.id.to_string()),
        facts.join(" · "),
        shares.join(" · ")
    )
}

/// `1 span`, `2 spans`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
