//! All measurements in one run, each in processes of its own, with the targets beside them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::arguments::Arguments;
use crate::data::Origin;
use crate::feed::Load;
use crate::process;
use crate::report::{Target, short, table};

/// How much of everything.
struct Sizes {
    spans: u64,
    logs: u64,
    series: u64,
    scrapes: i64,
    active: u64,
    times: usize,
}

const FULL: Sizes =
    Sizes { spans: 10_000_000, logs: 10_000_000, series: 100_000, scrapes: 240, active: 1_000_000, times: 200 };
const QUICK: Sizes = Sizes { spans: 500_000, logs: 500_000, series: 20_000, scrapes: 120, active: 100_000, times: 20 };

const HEADER: [&str; 5] = ["what", "measured", "target", "verdict", "more"];

/// What the peers' questions are about: few enough for the slowest.
const TIMES_OF_PEERS: usize = 50;

pub struct Suite {
    peers: bool,
    dir: PathBuf,
    sizes: Sizes,
    /// The end of all data: full hours before now, so that nothing is too old to be kept.
    end: u64,
    rows: Vec<Vec<String>>,
    /// Tripod and its peers, with their figures.
    beside: Vec<(Peer, Value)>,
}

pub fn run(arguments: &Arguments) {
    let dir = arguments.get("--dir").unwrap_or_else(|| std::env::temp_dir().join("tripod-store-bench"));
    let mut sizes = if arguments.has("--quick") { QUICK } else { FULL };
    sizes.spans = arguments.get("--spans").unwrap_or(sizes.spans);
    sizes.logs = arguments.get("--logs").unwrap_or(sizes.logs);
    sizes.scrapes = arguments.get("--scrapes").unwrap_or(sizes.scrapes);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right").as_nanos() as u64;
    let hour = 3_600_000_000_000;
    let mut suite = Suite {
        peers: !arguments.has("--no-peers"),
        dir,
        sizes,
        end: now / hour * hour - hour,
        rows: Vec::new(),
        beside: Vec::new(),
    };
    let picked = arguments.words(&["--write", "--dir", "--spans", "--logs", "--scrapes"]);
    let wants = |name: &str| picked.is_empty() || picked.contains(&name);

    let mut text = format!("# Tripod's store\n\n{}\n", machine());
    print!("{text}");
    for name in ["spans", "logs", "samples", "memory"].into_iter().filter(|name| wants(name)) {
        suite.rows = vec![HEADER.map(str::to_owned).to_vec()];
        match name {
            "spans" => suite.spans(),
            "logs" => suite.logs(),
            "samples" => suite.samples(),
            _ => suite.memory(),
        }
        let mut section = format!("\n## {name}\n\n{}", table(&suite.rows));
        if suite.beside.len() > 1 {
            section += &format!("\n### {name}: beside what one would pick instead\n\n{}", beside(&suite.beside));
        }
        suite.beside.clear();
        print!("{section}");
        text += &section;
    }
    if let Some(file) = arguments.get::<PathBuf>("--write") {
        std::fs::write(&file, text).expect("the report can be written");
    }
}

fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let count = cpus.lines().filter(|line| line.starts_with("processor")).count();
    format!(
        "{count} CPUs:{}; kernel {}; load average at the start {}.",
        model.trim().trim_start_matches(':'),
        read("/proc/sys/kernel/osrelease").trim(),
        read("/proc/loadavg").trim()
    )
}

/// The number of this name.
fn number(figures: &Value, name: &str) -> f64 {
    figures[name].as_f64().unwrap_or_else(|| panic!("{name} is missing in {figures}"))
}

impl Suite {
    fn load(&self, signal: &'static str) -> Load {
        let Sizes { spans, logs, series, scrapes, .. } = self.sizes;
        let count = match signal {
            "spans" => spans,
            "logs" => logs,
            _ => series,
        };
        // Six hours; samples take as long as they are scraped.
        let hours = if signal == "samples" { (scrapes as u64 * 15).div_ceil(3600) } else { 6 };
        Load { signal, origin: Origin { seed: 42, start: self.end - hours * 3_600_000_000_000 }, count, scrapes }
    }

    fn fresh(&self, name: &str) -> PathBuf {
        let dir = self.dir.join(name);
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("the folder can be made");
        dir
    }

    fn row(&mut self, what: &str, unit: &str, figure: f64, target: Target, more: String) {
        let cells =
            [what.to_owned(), format!("{} {unit}", short(figure)), target.words(unit), target.verdict(figure), more];
        self.rows.push(cells.to_vec());
    }

    /// The rows of what taking it all in cost.
    fn ingest_rows(&mut self, name: &str, figures: &Value, rate: f64, bytes: f64) {
        let accepted = number(figures, "accepted");
        assert_eq!(number(figures, "rejected"), 0.0, "all of it is valid");
        let (seconds, cpu) = (number(figures, "seconds"), number(figures, "cpu"));
        let acknowledged = number(figures, "cpu_acknowledged");
        self.row(
            &format!("{name} bytes in → durable, one core"),
            "/s",
            accepted / seconds,
            Target::AtLeast(rate),
            format!(
                "{} of them; core {:.0}% busy; {} CPU s a million, with flush and merge to the end {}, that is {} /CPU s",
                short(accepted),
                acknowledged / seconds * 100.0,
                short(acknowledged / accepted * 1e6),
                short(cpu / accepted * 1e6),
                short(accepted / cpu)
            ),
        );
        let disk = number(figures, "disk_bytes");
        self.row(
            &format!("{name} on disk"),
            "B",
            disk / accepted,
            Target::AtMost(bytes),
            format!(
                "{} MB; {} B each in the request",
                short(disk / 1e6),
                short(number(figures, "request_bytes") / accepted)
            ),
        );
    }

    fn query_rows(&mut self, answer: &Value, targets: impl Fn(&str) -> Target) {
        for query in answer["queries"].as_array().expect("queries were timed") {
            let name = query["name"].as_str().unwrap_or_default();
            let more =
                format!("p99 {} ms; {} runs; {} found", short(number(query, "p99")), query["runs"], query["found"]);
            self.row(name, "ms p50", number(query, "p50"), targets(name), more);
        }
    }

    fn spans(&mut self) {
        let (dir, load) = (self.fresh("spans"), self.load("spans"));
        let figures = ingest(&dir, &load);
        self.ingest_rows("spans,", &figures, 350_000.0, 55.0);
        let peak = number(&figures, "peak") / f64::from(1 << 20);
        self.row("memory during it, at most", "MiB", peak, Target::AtMost(512.0), String::new());
        let answer = query(&dir, &load, self.sizes.times);
        self.query_rows(&answer, |name| match name {
            "trace by id" | "trace by id, absent" => Target::AtMost(5.0),
            "services" => Target::AtMost(1.0),
            name if name.starts_with("service + attribute") => Target::AtMost(50.0),
            _ => Target::None,
        });
        // Other traces, later ones.
        let more = Load { origin: Origin { seed: 43, start: self.end }, count: 4_000_000, ..load };
        more.pour(own(0, "fill").arg("--dir").arg(&dir).args(load.arguments()));
        let started = figures_of(&output(own(0, "start").arg("--dir").arg(&dir)));
        let more = format!(
            "after kill -9; log of {} MB with {} requests; {} CPU s; {} MiB when ready",
            short(number(&started, "wal_bytes") / 1e6),
            started["records"],
            short(number(&started, "cpu")),
            short(number(&started, "ready") / f64::from(1 << 20))
        );
        self.row("start with all of it and a full log", "s", number(&started, "seconds"), Target::AtMost(2.0), more);
        let again = figures_of(&output(own(0, "start").arg("--dir").arg(&dir)));
        let resident = number(&again, "resident") / f64::from(1 << 20);
        self.row("memory idle, all of it on disk", "MiB", resident, Target::AtMost(50.0), String::new());
        let _ = std::fs::remove_dir_all(dir);
        self.tripod(figures, answer);
        self.library(Peer("SQLite", "synced; no index on attributes"), "sqlite-spans", &load);
        self.parquet(&load);
    }

    fn logs(&mut self) {
        let (dir, load) = (self.fresh("logs"), self.load("logs"));
        let figures = ingest(&dir, &load);
        self.ingest_rows("log records,", &figures, 500_000.0, 40.0);
        let peak = number(&figures, "peak") / f64::from(1 << 20);
        self.row("memory during it, at most", "MiB", peak, Target::None, String::new());
        let answer = query(&dir, &load, self.sizes.times);
        self.query_rows(&answer, |name| match name {
            name if name.starts_with("phrase") => Target::AtMost(100.0),
            name if name.starts_with("volume") => Target::AtMost(200.0),
            _ => Target::None,
        });
        let _ = std::fs::remove_dir_all(dir);
        self.tripod(figures, answer);
        self.library(Peer("SQLite FTS5", "synced"), "sqlite-logs", &load);
        self.library(
            Peer("tantivy", "synced every 100,000 records, until then lost in a crash"),
            "tantivy-logs",
            &load,
        );
    }

    fn samples(&mut self) {
        let (dir, load) = (self.fresh("samples"), self.load("samples"));
        let figures = ingest(&dir, &load);
        self.ingest_rows("samples over remote write,", &figures, 2_000_000.0, 1.0);
        let peak = number(&figures, "peak") / f64::from(1 << 20);
        let series = format!("{} series, {} scrapes", short(load.count as f64), load.scrapes);
        self.row("memory during it, at most", "MiB", peak, Target::None, series);
        let answer = query(&dir, &load, self.sizes.times.min(TIMES_OF_PEERS));
        self.query_rows(&answer, |_| Target::None);
        let _ = std::fs::remove_dir_all(dir);
        self.tripod(figures, answer);
        let (prometheus, victoria) = ("TRIPOD_BENCH_PROMETHEUS", "TRIPOD_BENCH_VICTORIA_METRICS");
        self.server(
            Peer("Prometheus 2.42", "log not synced; bytes of a snapshot; asked over HTTP"),
            "prometheus",
            prometheus,
            &load,
        );
        self.server(
            Peer("VictoriaMetrics 1.79", "no log, up to 5 s lost in a crash; asked over HTTP"),
            "victoria-metrics",
            victoria,
            &load,
        );
    }

    fn memory(&mut self) {
        let empty = self.fresh("empty");
        let idle = figures_of(&output(own(0, "start").arg("--dir").arg(&empty)));
        let resident = number(&idle, "resident") / f64::from(1 << 20);
        self.row("memory idle, empty", "MiB", resident, Target::AtMost(50.0), String::new());
        let _ = std::fs::remove_dir_all(empty);
        let dir = self.fresh("active");
        let load = Load { count: self.sizes.active, scrapes: 8, ..self.load("samples") };
        let figures = ingest(&dir, &load);
        let grown = number(&figures, "resident") - number(&figures, "resident_before");
        let more = format!("{} series, {} scrapes", short(load.count as f64), load.scrapes);
        self.row("memory an active series", "B", grown / load.count as f64, Target::AtMost(1024.0), more);
        let _ = std::fs::remove_dir_all(dir);
        for (peer, program) in
            [("prometheus", "TRIPOD_BENCH_PROMETHEUS"), ("victoria-metrics", "TRIPOD_BENCH_VICTORIA_METRICS")]
        {
            let Some(figures) = self.serve(peer, program, &load) else { continue };
            let grown = number(&figures, "resident") - number(&figures, "resident_before");
            let what = format!("the same in {peer}");
            self.row(&what, "B", grown / load.count as f64, Target::None, String::new());
        }
    }

    /// Tripod's own figures, beside which the peers' stand.
    fn tripod(&mut self, mut figures: Value, answer: Value) {
        figures["queries"] = answer["queries"].clone();
        self.beside.push((Peer("Tripod", "synced; asked as a library"), figures));
    }

    /// A peer that is a library.
    fn library(&mut self, peer: Peer, name: &str, load: &Load) {
        if !self.peers {
            return;
        }
        let dir = self.fresh(name);
        let mut command = own(0, "peer");
        command.args(["--peer", name, "--dir"]).arg(&dir).args(load.arguments());
        let figures = figures_of(&load.pour(command.args(["--times", &self.times_of_peers()])));
        self.beside.push((peer, figures));
        let _ = std::fs::remove_dir_all(dir);
    }

    /// Parquet files, and DuckDB over them.
    fn parquet(&mut self, load: &Load) {
        let Some(python) = self.peers.then(|| std::env::var_os("TRIPOD_BENCH_PYTHON")).flatten() else { return };
        let dir = self.fresh("parquet-spans");
        let mut command = own(0, "peer");
        command.args(["--peer", "parquet-spans", "--dir"]).arg(&dir).args(load.arguments());
        let mut written = figures_of(&load.pour(command.args(["--times", "0"])));
        let mut command = own(0, "duckdb");
        command.arg("--python").arg(python).arg("--dir").arg(&dir).args(load.arguments());
        let asked = figures_of(&output(command.args(["--times", &self.times_of_peers()])));
        written["queries"] = asked["parquet"].clone();
        self.beside.push((Peer("Parquet, asked by DuckDB", "synced every 200,000 spans, until then lost"), written));
        self.beside.push((Peer("DuckDB 2.0", "a copy of the Parquet files, without taking requests in"), asked));
        let _ = std::fs::remove_dir_all(dir);
    }

    fn server(&mut self, peer: Peer, name: &str, program: &str, load: &Load) {
        if let Some(figures) = self.serve(name, program, load) {
            self.beside.push((peer, figures));
        }
    }

    /// A peer that is a program; nothing where it can't be had.
    fn serve(&self, name: &str, program: &str, load: &Load) -> Option<Value> {
        let program = self.peers.then(|| std::env::var_os(program)).flatten()?;
        let dir = self.fresh(name);
        let mut command = own(1, "server");
        command.args(["--peer", name, "--program"]).arg(program).arg("--dir").arg(&dir).args(load.arguments());
        let figures = figures_of(&output(command.args(["--times", &self.times_of_peers()])));
        let _ = std::fs::remove_dir_all(dir);
        Some(figures)
    }

    fn times_of_peers(&self) -> String {
        self.sizes.times.min(TIMES_OF_PEERS).to_string()
    }
}

/// A name, and what is to be known of how it takes data.
struct Peer(&'static str, &'static str);

/// Two tables: what taking it in cost each, and how long each query took.
fn beside(peers: &[(Peer, Value)]) -> String {
    let header = ["", "/s", "CPU s a million, all in all", "B on disk", "MiB of memory at most", "when it answers"];
    let mut costs = vec![header.map(str::to_owned).to_vec()];
    costs.extend(peers.iter().map(|(Peer(name, note), figures)| {
        let accepted = number(figures, "accepted");
        let mut cells = vec![(*name).to_owned()];
        cells.push(short(accepted / number(figures, "seconds")));
        cells.push(short(number(figures, "cpu") / accepted * 1e6));
        cells.push(short(number(figures, "disk_bytes") / accepted));
        cells.push(figures["peak"].as_f64().map_or("-".to_owned(), |peak| short(peak / f64::from(1 << 20))));
        cells.push((*note).to_owned());
        cells
    }));
    let names: Vec<&str> =
        peers[0].1["queries"].as_array().into_iter().flatten().filter_map(|row| row["name"].as_str()).collect();
    let mut times = vec![vec!["p50 / p99, ms".to_owned()]];
    times[0].extend(peers.iter().map(|(Peer(name, _), _)| (*name).to_owned()));
    for (at, name) in names.into_iter().enumerate() {
        let first = &peers[0].1["queries"][at]["first"];
        let of = |figures: &Value| {
            figures["queries"].as_array().into_iter().flatten().find(|row| row["name"] == name).cloned()
        };
        let cells: Vec<Option<Value>> = peers.iter().map(|(_, figures)| of(figures)).collect();
        // Only what is asked of others too.
        if cells.iter().flatten().count() > 1 {
            let cell = |row: &Option<Value>| {
                row.as_ref().map_or("-".to_owned(), |row| {
                    let time = format!("{} / {}", short(number(row, "p50")), short(number(row, "p99")));
                    // Who finds something else has not answered the same question.
                    if row["first"] == *first { time } else { format!("{time}, found {} not {first}", row["first"]) }
                })
            };
            times.push(std::iter::once(name.to_owned()).chain(cells.iter().map(cell)).collect());
        }
    }
    format!("{}\n{}", table(&costs), table(&times))
}

/// This program, as another process on a core.
pub fn own(core: usize, command: &str) -> Command {
    let mut own = process::on_core(core, std::env::current_exe().expect("this program's path"));
    own.arg(command);
    own
}

fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().expect("the process starts");
    assert!(output.status.success(), "{command:?}: {}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

/// What a process prints last.
fn figures_of(printed: &str) -> Value {
    let line = printed.lines().last().unwrap_or_else(|| panic!("a process has failed, see above"));
    serde_json::from_str(line).unwrap_or_else(|_| panic!("no figures: {line}"))
}

fn ingest(dir: &Path, load: &Load) -> Value {
    figures_of(&load.pour(own(0, "ingest").arg("--dir").arg(dir).args(load.arguments())))
}

fn query(dir: &Path, load: &Load, times: usize) -> Value {
    let times = times.to_string();
    figures_of(&output(own(0, "query").arg("--dir").arg(dir).args(load.arguments()).args(["--times", &times])))
}
