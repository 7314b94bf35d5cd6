//! `tripod import`: sends what stands in files to a running server, on the way that a program's own telemetry takes.
//!
//! Read is what is written elsewhere: OTLP's JSON, a request a line or a document (a collector's file exporter, the SDK's files,
//! `tripod traces ID --json`), Jaeger's JSON of traces, Zipkin's list of spans. A file is read document by document, and sent in requests
//! of some megabytes, so that files may be larger than memory.

mod batch;
mod document;
mod jaeger;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use url::Url;

use self::batch::{Batches, Request, Signal};
use self::document::Documents;
use crate::client::{Client, ClientError, ServerArgs};
use crate::outcome::{self, Failure, Found};
use crate::progress::Progress;
use crate::render::text::plain;
use crate::terminal::print;

/// A request writes to disk before it is answered, and may have to wait for its turn.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a request is sent again to a server that has too much to do.
const TRIES: u32 = 30;

/// What `tripod import` can be told.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Files: OTLP as JSON lines, Jaeger's or Zipkin's JSON; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Where the server takes OTLP over HTTP [default: what the server at --url says]
    #[arg(long, value_name = "URL")]
    otlp: Option<Url>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the command.
pub(crate) fn run(args: &ImportArgs) -> ExitCode {
    outcome::end(import(args))
}

fn import(args: &ImportArgs) -> Result<Found, Failure> {
    let client = args.server.client_with(PATIENCE)?;
    let otlp = args.otlp.clone().map_or_else(|| client.otlp_address(), Ok)?;
    let total: Option<u64> = args.files.iter().map(|file| std::fs::metadata(file).ok().map(|meta| meta.len())).sum();
    let progress = Progress::bytes("importing", total);
    let mut sender = Sender { client: &client, otlp, sent: [0; 4], rejected: 0, said: None };
    let mut ended = Ok(());
    for file in &args.files {
        ended = read(file, &progress, &mut sender);
        if ended.is_err() {
            break;
        }
    }
    progress.finish();
    // What was sent before a fault is there.
    print(&format!("{}\n", sender.report()))?;
    ended?;
    if sender.rejected > 0 {
        let said = plain(sender.said.as_deref().unwrap_or_default()).into_owned();
        eprintln!("tripod: the server did not take {}: {said}", sender.rejected);
        return Ok(Found::Nothing);
    }
    Ok(Found::Something)
}

/// Sends all of a file.
fn read(file: &Path, progress: &Progress, sender: &mut Sender<'_>) -> Result<(), Failure> {
    let wrong = |reason: String| Failure::Usage(format!("{}: {reason}", file.display()));
    let input: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(file).map_err(|error| wrong(error.to_string()))?)
    };
    let mut documents = Documents::new(BufReader::with_capacity(1 << 16, progress.read(input)));
    let mut batches = Batches::default();
    let mut number = 0_u64;
    let read = loop {
        match documents.next() {
            None => break Ok(()),
            Some(Err(reason)) => break Err(wrong(reason)),
            Some(Ok(document)) => {
                number += 1;
                if let Err(reason) = batches.add(document) {
                    break Err(wrong(format!("document {number}: {reason}")));
                }
            }
        }
        while let Some(request) = batches.full() {
            sender.send(&request)?;
        }
    };
    // What is whole is sent, whatever follows it.
    for request in batches.rest() {
        sender.send(&request)?;
    }
    read
}

/// Sends requests, and counts what becomes of them.
struct Sender<'a> {
    client: &'a Client,
    otlp: Url,
    /// Records by signal.
    sent: [u64; 4],
    rejected: u64,
    /// Why, for the first of them.
    said: Option<String>,
}

impl Sender<'_> {
    fn send(&mut self, request: &Request) -> Result<(), Failure> {
        let url = match request.signal.path() {
            Some(path) => self.otlp.join(path).map_err(|error| Failure::Usage(format!("--otlp: {error}")))?,
            None => self.client.address("/api/v2/spans", &[]),
        };
        let mut tries = 0;
        let answer = loop {
            let answer = self.client.post(&url, request.body.as_bytes())?;
            tries += 1;
            if !matches!(answer.status, 429 | 503) || tries == TRIES {
                break answer;
            }
            sleep(Duration::from_secs(answer.retry_after.unwrap_or(1).clamp(1, 60)));
        };
        if !(200..300).contains(&answer.status) {
            return Err(match self.client.refused(&answer, url.path()) {
                ClientError::Refused { status, reason } => {
                    Failure::Usage(format!("the server answered {status}: {reason}"))
                }
                other => other.into(),
            });
        }
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let partial = &said["partialSuccess"];
        let rejected = ["rejectedSpans", "rejectedLogRecords", "rejectedDataPoints"].iter().find_map(|name| {
            partial[name].as_u64().or_else(|| partial[name].as_str().and_then(|text| text.parse().ok()))
        });
        let rejected = rejected.unwrap_or(0);
        self.rejected += rejected;
        if rejected > 0 && self.said.is_none() {
            self.said = Some(partial["errorMessage"].as_str().unwrap_or("it does not say why").to_owned());
        }
        self.sent[request.signal as usize] += request.records;
        Ok(())
    }

    fn report(&self) -> String {
        let of = |signal: Signal| self.sent[signal as usize];
        let counts = [
            (of(Signal::Traces) + of(Signal::Zipkin), "spans"),
            (of(Signal::Logs), "log records"),
            (of(Signal::Metrics), "metrics"),
        ];
        let sent: Vec<String> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        if sent.is_empty() { "nothing was sent".to_owned() } else { format!("sent {}", sent.join(", ")) }
    }
}
