//! A busy program whose collector is away for a while: says what recording cost it meanwhile, and what became of every span.
//!
//! Usage: `outage ENDPOINT SPOOL SECONDS SPANS_PER_SECOND`. It records for so long, however the collector fares, then waits until all
//! is delivered; what it says is a JSON object on standard output. It exits with 1 when not all could be delivered.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::json;

/// Far less than what an outage piles up, so that most of it goes to disk.
const QUEUE_BYTES: usize = 1 << 20;
const SPOOL_BYTES: u64 = 1 << 30;

/// Spans are recorded in groups of so many, each timed as a whole.
const GROUP: u32 = 100;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, spool, seconds, rate] = arguments.as_slice() else {
        eprintln!("usage: outage ENDPOINT SPOOL SECONDS SPANS_PER_SECOND");
        return ExitCode::from(2);
    };
    let seconds: u64 = seconds.parse().expect("SECONDS is a number");
    let rate: u32 = rate.parse().expect("SPANS_PER_SECOND is a number");
    let guard = tripod::init()
        .service_name("outage")
        .otlp_endpoint(endpoint)
        .metrics(false)
        .logs(false)
        .queue_memory(QUEUE_BYTES)
        .spool(spool, SPOOL_BYTES)
        .shutdown_timeout(Duration::from_secs(50))
        .start()
        .expect("telemetry starts");

    let (spans, mut nanos) = record(Duration::from_secs(seconds), rate);
    nanos.sort_unstable();
    let share = |share: f64| nanos[((nanos.len() - 1) as f64 * share) as usize];
    let spooled: u64 = guard.stats().exporters.iter().map(|exporter| exporter.spans.queued).sum();
    let all = guard.flush();
    let stats = guard.stats();
    let exporter = &stats.exporters[0].spans;
    println!(
        "{}",
        json!({
            "recorded": spans,
            "waiting_at_the_end": spooled,
            "exported": exporter.exported,
            "dropped": exporter.dropped() + stats.spans.refused,
            "nanos_a_span": {"median": share(0.5), "p99": share(0.99), "most": share(1.0)},
        })
    );
    if all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Records at this rate; answers how many spans it was, and how long each took on average in its group.
fn record(length: Duration, rate: u32) -> (u64, Vec<u64>) {
    let (start, mut spans, mut nanos) = (Instant::now(), 0, Vec::new());
    while start.elapsed() < length {
        let begin = Instant::now();
        for number in 0..GROUP {
            let _span = tripod::span!("work", number, user = "ada", amount = 42.5);
        }
        nanos.push(begin.elapsed().as_nanos() as u64 / u64::from(GROUP));
        spans += u64::from(GROUP);
        let due = Duration::from_secs(1) * u32::try_from(spans).unwrap_or(u32::MAX) / rate;
        std::thread::sleep(due.saturating_sub(start.elapsed()));
    }
    (spans, nanos)
}
