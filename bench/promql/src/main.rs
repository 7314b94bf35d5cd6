//! The same day of samples in Tripod and in Prometheus, the same range queries of both over HTTP: how long an answer takes, and how
//! much memory the server has at most while it makes it.
//!
//! Each query is asked of both in turn, the first time not counted; the p50 of the rest stands. The peak is that of the whole
//! process, reset before each query: programs, indexes and files that it has mapped count.

mod data;
mod server;

use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data::{Requests, SCRAPES};
use serde_json::Value;
use server::Server;

const STEP: u32 = 60;
const QUERIES: [&str; 2] =
    ["sum by (x) (rate(m[5m]))", "histogram_quantile(0.99, sum by (le, x) (rate(m_bucket[5m])))"];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().skip_while(|it| *it != name).nth(1);
    let quick = arguments.iter().any(|it| it == "--quick");
    let runs: usize = after("--runs").map_or(7, |text| text.parse().expect("--runs takes a number"));
    let dir = PathBuf::from(after("--dir").expect("--dir DIR: where both keep their data"));
    let program = |name: &str| PathBuf::from(std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set")));
    let counters = if quick { 100 } else { 1000 };
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("room on disk");

    // The day ends now: neither keeps what is too old.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is right").as_secs() as i64;
    let end = now / 60 * 60;
    let start = end - SCRAPES * 15;
    let servers = [
        Server::tripod(&program("TRIPOD_BIN"), &dir.join("tripod")),
        Server::prometheus(&program("PROMETHEUS_BIN"), &dir.join("prometheus")),
    ];
    let mut out = format!("# Range queries\n\n{}\n", machine());
    for server in &servers {
        let (samples, seconds) = server.fill(Requests::new(start * 1000, counters));
        eprintln!("{}: {samples} samples in {seconds:.1} s", server.name);
    }
    // Prometheus looks once a minute whether it should make blocks of what is in its head.
    servers.iter().for_each(|server| server.settle(Duration::from_secs(if quick { 5 } else { 75 })));

    _ = writeln!(
        out,
        "{counters} counters `m` and {} buckets `m_bucket`, 24 h at 15 s, by remote write into both; then `query_range` over 24 h \
         at a step of {STEP} s, over HTTP, both in turn, p50 of {runs} runs. Memory: resident at most (VmHWM) since the query was first \
         asked, of the whole process; in parentheses what was resident before.\n\n\
         | query | | {} | {} | of it | target | verdict |\n|---|---|---|---|---|---|---|",
        counters * 10,
        servers[0].name,
        servers[1].name,
    );
    for query in QUERIES {
        let mut took = [Vec::new(), Vec::new()];
        let mut answers = [Value::Null, Value::Null];
        let before = servers.each_ref().map(|server| server.memory().1);
        servers.iter().for_each(Server::forget_peak);
        for run in 0..=runs {
            for (at, server) in servers.iter().enumerate() {
                let (millis, answer) = server.ask(query, start, end, STEP);
                if run > 0 {
                    took[at].push(millis);
                }
                answers[at] = answer;
            }
        }
        let peak = servers.each_ref().map(|server| server.memory().0);
        compare(&answers[0], &answers[1]);
        let time = took.map(|mut took| {
            took.sort_by(f64::total_cmp);
            took[took.len() / 2]
        });
        let row = |out: &mut String, what: &str, figures: [String; 2], share: f64| {
            let verdict = if share <= 0.5 { "met" } else { "NOT met" };
            let [ours, theirs] = figures;
            _ = writeln!(out, "| `{query}` | {what} | {ours} | {theirs} | {share:.2} × | ≤ 0.5 × | {verdict} |");
        };
        row(&mut out, "time", time.map(|time| format!("{time:.0} ms")), time[0] / time[1]);
        let memory = [0, 1].map(|at| format!("{:.0} MiB ({:.0})", peak[at], before[at]));
        row(&mut out, "memory", memory, peak[0] / peak[1]);
    }
    _ = writeln!(out, "\nBoth gave the same answers (numbers within 1e-9 of each other).");
    println!("{out}");
    if let Some(file) = after("--write") {
        std::fs::write(file, out).expect("room on disk");
    }
    drop(servers);
    let _ = std::fs::remove_dir_all(&dir);
}

fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |it| it.1);
    let cpus = info.lines().filter(|line| line.starts_with("processor")).count();
    format!("{cpus} CPUs: {model}; load average at the start {}.\n", read("/proc/loadavg").trim())
}

/// Panics unless both say the same.
fn compare(ours: &Value, theirs: &Value) {
    let [ours, theirs] = [ours, theirs].map(|answer| {
        let mut rows = answer["data"]["result"].as_array().expect("series").clone();
        rows.sort_by_key(|row| row["metric"].to_string());
        rows
    });
    assert_eq!(ours.len(), theirs.len(), "as many series");
    assert!(!ours.is_empty(), "there is something");
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours["metric"], theirs["metric"]);
        let [ours, theirs] = [ours, theirs].map(|row| row["values"].as_array().expect("values"));
        assert_eq!(ours.len(), theirs.len(), "as many steps");
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert_eq!(ours[0].as_f64(), theirs[0].as_f64(), "the same times");
            let [a, b] = [ours, theirs]
                .map(|pair| pair[1].as_str().and_then(|text| text.parse::<f64>().ok()).expect("a number"));
            assert!(
                a == b || (a - b).abs() <= 1e-9 * b.abs() || a.is_nan() && b.is_nan(),
                "ours {ours}, theirs {theirs}"
            );
        }
    }
}
