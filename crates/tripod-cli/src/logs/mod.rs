//! `tripod logs`: searches log records, and follows them.

mod follow;
pub(crate) mod record;

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use self::record::Record;
use crate::attribute::{self, Attribute};
use crate::client::{Client, ServerArgs};
use crate::outcome::{self, Failure, Found};
use crate::render::json as as_json;
use crate::terminal::{OutputArgs, Terminal, print};
use crate::traces;
use crate::window::{Window, WindowArgs};

/// What `tripod logs` can be told.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Words that all occur in the body or an attribute's value, whatever the case; with spaces in it, a phrase
    #[arg(value_name = "TEXT")]
    words: Vec<String>,
    /// Go on with what arrives, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Which records are searched.
#[derive(Debug, Args)]
#[command(next_help_heading = "Search")]
struct FilterArgs {
    /// Records of this service
    #[arg(long, short, value_name = "NAME")]
    service: Option<String>,
    /// … of this level or a graver one
    #[arg(long, short = 'l', value_name = "LEVEL", ignore_case = true)]
    severity: Option<Level>,
    /// … of this level alone
    #[arg(long, value_name = "LEVEL", ignore_case = true, hide_possible_values = true)]
    only: Option<Level>,
    /// … with this attribute, of the record or its resource; several times for several
    #[arg(long = "attr", short, value_name = "KEY=VALUE", value_parser = attribute::parse)]
    attribute: Vec<Attribute>,
    /// … whose body this regular expression matches somewhere
    #[arg(long, value_name = "REGEX")]
    regex: Option<String>,
    /// … written during this trace
    #[arg(long, value_name = "TRACE_ID", value_parser = traces::trace_id)]
    trace: Option<String>,
    /// … written during this span
    #[arg(long, value_name = "SPAN_ID")]
    span: Option<String>,
    /// How many, the newest
    #[arg(long, short = 'n', value_name = "N", default_value = "100", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

impl Level {
    fn name(self) -> String {
        format!("{self:?}").to_uppercase()
    }
}

/// What is asked of the server, but for the window and how many.
#[derive(Debug, Clone)]
struct Conditions(Vec<(&'static str, String)>);

impl Conditions {
    fn of(args: &LogsArgs) -> Result<Self, Failure> {
        let filter = &args.filter;
        if let Some(word) = args.words.iter().find(|word| word.contains('"')) {
            return Err(Failure::Usage(format!(
                "{word:?} has a quote in it, which can't be searched for: leave it out"
            )));
        }
        let phrases: Vec<String> = args.words.iter().map(|word| format!("\"{word}\"")).collect();
        let attributes: serde_json::Map<String, Value> =
            filter.attribute.iter().map(|one| (one.key.clone(), one.value.clone().into())).collect();
        let given = [
            ("query", (!phrases.is_empty()).then(|| phrases.join(" "))),
            ("service", filter.service.clone()),
            ("min_severity", filter.severity.map(Level::name)),
            ("severity", filter.only.map(Level::name)),
            ("tags", (!attributes.is_empty()).then(|| json!(attributes).to_string())),
            ("regex", filter.regex.clone()),
            ("trace_id", filter.trace.clone()),
            ("span_id", filter.span.clone()),
        ];
        Ok(Self(given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()))
    }

    /// The newest records of a window, the oldest of them first.
    fn records(&self, client: &Client, window: Window, limit: usize) -> Result<Vec<Value>, Failure> {
        let mut parameters = self.0.clone();
        parameters.push(("start", window.start.to_string()));
        parameters.push(("end", window.end.to_string()));
        parameters.push(("limit", limit.to_string()));
        match client.get("/api/logs", &parameters)?["logs"].take() {
            Value::Array(mut records) => {
                records.reverse();
                Ok(records)
            }
            _ => Err(Failure::Answer("it has no list \"logs\"".to_owned())),
        }
    }
}

/// Writes records, one a line.
struct Printer {
    json: bool,
    terminal: Terminal,
}

impl Printer {
    fn print(&self, records: &[Value]) -> Result<(), Failure> {
        let line = |record: &Value| {
            if self.json {
                return as_json::line(record);
            }
            Record::of(record).line(self.terminal.width, self.terminal.painter)
        };
        let lines: String = records.iter().map(line).collect();
        if !lines.is_empty() {
            print(&lines)?;
        }
        Ok(())
    }
}

/// Runs the command.
pub(crate) fn run(args: &LogsArgs) -> ExitCode {
    outcome::end(found(args))
}

fn found(args: &LogsArgs) -> Result<Found, Failure> {
    let client = args.server.client()?;
    let conditions = Conditions::of(args)?;
    let printer = Printer { json: args.output.json, terminal: args.output.terminal() };
    // Whoever names a trace means all that was logged during it.
    let mut window = args.window.window()?;
    if args.filter.trace.is_some() && args.window.is_default() {
        window.start = 0;
    }
    let limit = args.filter.limit as usize;
    if args.follow {
        if args.window.has_end() {
            return Err(Failure::Usage("--follow goes on without end: leave out --end".to_owned()));
        }
        return follow::follow(&client, &conditions, window.start, limit, &printer);
    }
    let records = conditions.records(&client, window, limit)?;
    printer.print(&records)?;
    if records.is_empty() && !args.output.json {
        eprintln!("no such records {}", args.window.described());
    }
    if records.len() == limit && !args.output.json {
        eprintln!(
            "these are the newest {limit}: --limit shows more, --since and the other conditions narrow the search"
        );
    }
    Ok(Found::any(records.len()))
}
