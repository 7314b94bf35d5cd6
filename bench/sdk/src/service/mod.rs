//! A service under load: bare, with Tripod, and with tracing-opentelemetry, in turn.
//!
//! Each is a process on CPU 0, with all its threads: what telemetry does in the background costs it requests too. The load and the
//! receiver of what it sends are on CPU 1, in this process.

mod app;
mod load;
mod sink;
mod tracing;
mod tripod;

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use self::sink::{Arrived, Sink};
pub use self::tripod::{instruments as tripod_instruments, serve as tripod_by_hand};
use crate::child::{pin_to_cpu, process_cpu};
use crate::compare::Effort;
use crate::peers::tripod_lost;
use crate::report::{align, short};

/// Both send metrics this often.
const METRIC_INTERVAL: Duration = Duration::from_secs(5);
const WARM_UP: Duration = Duration::from_millis(300);
const ROUND: Duration = Duration::from_secs(1);
/// Quiet rounds that requests/s are judged by.
const FEWEST: usize = 3;
/// What each request records.
const SPANS: u64 = 2;

const NAMES: [&str; 3] = ["bare", "tripod", "tracing-otel"];
const BARE: usize = 0;
const TRIPOD: usize = 1;
const TRACING: usize = 2;

/// A round of one service.
struct Round {
    per_second: f64,
    p50: Duration,
    p99: Duration,
    /// CPU time of the service a request, all threads, flush included.
    cpu: Duration,
    /// The share of CPU 0 that the service had.
    share: f64,
}

/// What the service's process does.
pub fn serve(name: &str, sink: &str) {
    pin_to_cpu(0);
    let (router, flush): (_, Box<dyn Fn() -> u64>) = match NAMES.iter().position(|known| *known == name) {
        Some(TRIPOD) => {
            let (router, guard) = tripod::app(sink);
            let guard = &*Box::leak(Box::new(guard));
            let lost = tripod_lost(guard);
            let flush = move || {
                guard.flush();
                lost()
            };
            (router, Box::new(flush))
        }
        Some(TRACING) => {
            let (router, providers) = tracing::app(sink);
            let flush = move || {
                providers.flush();
                0
            };
            (router, Box::new(flush))
        }
        _ => (app::router::<app::Bare>(), Box::new(|| 0)),
    };
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            println!("{}", listener.local_addr().expect("it is bound"));
            axum::serve(listener, router).await.expect("it serves until the process ends");
        });
    });
    for line in io::stdin().lines() {
        let lost = if line.expect("the parent writes text") == "flush" { flush() } else { 0 };
        println!("{} {lost}", process_cpu().as_nanos());
    }
}

/// A service's process, seen from here.
struct Service {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    address: SocketAddr,
    arrived: Arc<Arrived>,
    requests: u64,
    lost: u64,
    rounds: Vec<Round>,
}

impl Service {
    fn start(name: &str, sink: &Sink) -> io::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--service", name, &format!("{}/{name}", sink.url)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let missing = || io::Error::other("the service has no pipes");
        let to = process.stdin.take().ok_or_else(missing)?;
        let mut from = BufReader::new(process.stdout.take().ok_or_else(missing)?);
        let mut line = String::new();
        from.read_line(&mut line)?;
        let address = line.trim().parse().map_err(io::Error::other)?;
        let arrived = sink.of(name);
        Ok(Self { process, to, from, address, arrived, requests: 0, lost: 0, rounds: Vec::new() })
    }

    /// Asks for its CPU time so far, flushed or not.
    fn ask(&mut self, what: &str) -> io::Result<Duration> {
        writeln!(self.to, "{what}")?;
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        let (cpu, lost) = line.trim().split_once(' ').ok_or_else(|| io::Error::other("the service has ended"))?;
        self.lost = lost.parse().map_err(io::Error::other)?;
        Ok(Duration::from_nanos(cpu.parse().map_err(io::Error::other)?))
    }

    fn round(&mut self) -> io::Result<()> {
        self.requests += load::load(self.address, WARM_UP)?.latencies.len() as u64;
        self.ask("flush")?;
        let (cpu, start) = (self.ask("cpu")?, Instant::now());
        let mut seen = load::load(self.address, ROUND)?;
        let share = (self.ask("cpu")? - cpu).as_secs_f64() / start.elapsed().as_secs_f64();
        let cpu = (self.ask("flush")? - cpu) / seen.latencies.len() as u32;
        self.requests += seen.latencies.len() as u64;
        let (p50, p99) = (seen.quantile(0.5), seen.quantile(0.99));
        self.rounds.push(Round { per_second: seen.per_second(), p50, p99, cpu, share });
        Ok(())
    }

    fn end(mut self) -> io::Result<Ended> {
        self.ask("flush")?;
        drop(self.to);
        self.process.wait()?;
        let arrived = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        let Arrived { spans, logs, metrics, bytes } = &*self.arrived;
        let arrived = [spans, logs, metrics, bytes].map(arrived);
        Ok(Ended { rounds: self.rounds, requests: self.requests, lost: self.lost, arrived })
    }
}

/// What is known of a service at the end.
struct Ended {
    rounds: Vec<Round>,
    requests: u64,
    /// Records that Tripod says it lost.
    lost: u64,
    /// Spans, log records, metrics, bytes.
    arrived: [u64; 4],
}

/// The table, and the lines of the summary.
pub fn compare(effort: Effort) -> io::Result<(String, Vec<[String; 6]>)> {
    pin_to_cpu(1);
    let sink = Sink::start()?;
    let mut services = NAMES.iter().map(|name| Service::start(name, &sink)).collect::<io::Result<Vec<_>>>()?;
    for round in 0..effort.processes * effort.rounds {
        // Each comes first in its turn.
        for at in 0..services.len() {
            services[(round + at) % NAMES.len()].round()?;
        }
    }
    let ended = services.into_iter().map(Service::end).collect::<io::Result<Vec<_>>>()?;
    Ok(report(&ended))
}

fn report(ended: &[Ended]) -> (String, Vec<[String; 6]>) {
    let quiet: Vec<usize> = (0..ended[BARE].rounds.len())
        .filter(|round| ended.iter().all(|service| service.rounds[*round].share > 0.9))
        .collect();
    let all = ended[BARE].rounds.len();
    // On a machine that is never quiet, what there is has to do.
    let used = if quiet.len() >= FEWEST { quiet.clone() } else { (0..all).collect() };
    let ratio = |of: fn(&Round) -> f64, at: usize| {
        median(used.iter().map(|round| of(&ended[at].rounds[*round]) / of(&ended[BARE].rounds[*round])))
    };
    let header = [
        "service",
        "requests/s",
        "× bare",
        "p50 µs",
        "p99 µs",
        "CPU µs a request",
        "× bare",
        "share of CPU 0",
        "arrived",
        "bytes/request",
    ];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    for (at, service) in ended.iter().enumerate() {
        let of = |of: fn(&Round) -> f64| median(used.iter().map(|round| of(&service.rounds[*round])));
        lines.push(vec![
            NAMES[at].to_owned(),
            format!("{:.0}", of(|round| round.per_second)),
            format!("{:.3}", ratio(|round| round.per_second, at)),
            format!("{:.0}", of(|round| round.p50.as_secs_f64() * 1e6)),
            format!("{:.0}", of(|round| round.p99.as_secs_f64() * 1e6)),
            short(of(|round| round.cpu.as_secs_f64() * 1e6)),
            format!("{:.3}", ratio(|round| round.cpu.as_secs_f64(), at)),
            format!("{:.0}%", of(|round| round.share) * 100.0),
            service.arrived(),
            short(service.arrived[3] as f64 / service.requests as f64),
        ]);
    }
    let rates = [TRIPOD, TRACING].map(|at| ratio(|round| round.per_second, at));
    let costs = [TRIPOD, TRACING].map(|at| 1.0 / ratio(|round| round.cpu.as_secs_f64(), at));
    let mut summary = vec![keeps("axum, by CPU", costs[0]), loses("axum, lost by CPU", costs)];
    if quiet.len() >= FEWEST {
        summary.extend([keeps("axum, requests/s", rates[0]), loses("axum, requests/s lost", rates)]);
    }
    let mut table = format!(
        "\n### axum: a service under load\n\nTwo routes, JSON, two steps of some 15 µs; {} connections, {:?} a round. On one CPU \
         with all its threads; a request records a server span with 8 attributes, a span within, a log line, a counter and a \
         histogram, sent by OTLP over HTTP. \"By CPU\": what throughput the CPU time a request allows, which holds on a busy \
         machine too.\n\n",
        load::CONNECTIONS,
        ROUND
    );
    table += &align(&lines);
    let _ = writeln!(
        table,
        "\n- {} of {all} rounds were quiet: the services had CPU 0 for themselves. With fewer than {FEWEST}, all rounds are shown, \
         and requests/s are not judged.",
        quiet.len()
    );
    for line in &summary {
        let _ = writeln!(table, "\n**{}: {}**", line[0], line[5]);
    }
    (table, summary)
}

impl Ended {
    fn arrived(&self) -> String {
        let [spans, logs, metrics, _] = self.arrived;
        if metrics == 0 {
            return "-".to_owned();
        }
        let part = |arrived: u64, created: u64, word: &str| match arrived == created {
            true => format!("all {created} {word}"),
            false => format!("**{:.2}%**: {arrived} of {created} {word}", arrived as f64 / created as f64 * 100.0),
        };
        let lost = if self.lost > 0 { format!(", said to be lost: {}", self.lost) } else { String::new() };
        format!("{}, {}{lost}", part(spans, self.requests * SPANS, "spans"), part(logs, self.requests, "logs"))
    }
}

fn keeps(name: &str, kept: f64) -> [String; 6] {
    let met = if kept >= 0.95 { "met" } else { "NOT met" };
    let verdict = format!("{met}: keeps {:.1}% of the bare service's", kept * 100.0);
    [name.into(), format!("{kept:.3} × bare"), "1 (bare)".into(), format!("{kept:.3}"), "≥ 0.95 ×".into(), verdict]
}

fn loses(name: &str, kept: [f64; 2]) -> [String; 6] {
    let [tripod, tracing] = kept.map(|kept| 1.0 - kept);
    let share = tripod / tracing;
    let met = if share <= 1.0 / 3.0 { "met" } else { "NOT met" };
    let percent = |lost: f64| format!("{:.1}%", lost * 100.0);
    let verdict = format!("{met}: loses {} where tracing-otel loses {}", percent(tripod), percent(tracing));
    let peer = format!("{} (tracing-otel)", percent(tracing));
    [name.into(), percent(tripod), peer, format!("{share:.2}"), "0.33 ×".into(), verdict]
}

fn median(all: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = all.collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
