//! Tripod's SDK beside its peers. `cargo run --release` in this folder measures every row; names of rows or of groups pick some.
//!
//! `--quick` takes one process a peer instead of three; `--list` names the rows; `--write FILE` also writes what is printed, the
//! summary first.

mod alloc;
mod attributes;
mod bridges;
mod catalogue;
mod child;
mod compare;
mod http;
mod logs;
mod metrics;
mod otlp;
mod peers;
mod propagation;
mod report;
mod row;
mod series;
mod service;
mod sinks;
mod spans;

use std::fmt::Write;

use compare::Effort;
use report::SUMMARY;
use row::Row;

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

/// The one measurement that is not a row: processes that serve, and load on them.
const AXUM: &str = "axum";

fn rows() -> Vec<Row> {
    [
        metrics::rows(),
        spans::rows(),
        attributes::rows(),
        logs::rows(),
        propagation::rows(),
        http::rows(),
        otlp::rows(),
        series::rows(),
        bridges::rows(),
        catalogue::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [child, row, peer] = &arguments[..]
        && child == "--child"
    {
        let row = rows().into_iter().find(|known| known.name == row).expect("the parent knows the rows");
        let peer = row.peers.iter().find(|known| known.name == peer).expect("the parent knows the peers");
        return child::serve(&row, peer);
    }
    if let [service, name, sink] = &arguments[..]
        && service == "--service"
    {
        return service::serve(name, sink);
    }
    let mut picked = Vec::new();
    let (mut effort, mut file) = (Effort::FULL, None);
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => effort = Effort::QUICK,
            "--write" => file = arguments.next(),
            "--list" => return list(),
            _ => picked.push(argument),
        }
    }
    let unknown = picked.iter().find(|name| *name != AXUM && !rows().iter().any(|row| row.is(name)));
    if let Some(unknown) = unknown {
        eprintln!("there is no row and no group {unknown}; --list names them");
        std::process::exit(2);
    }
    measure(&picked, effort, file.as_deref());
}

fn list() {
    for row in rows() {
        println!("{:<16} {:<8} {}", row.name, row.group, row.title);
    }
    println!("{AXUM:<16} {AXUM:<8} a service under load, bare and with telemetry");
}

impl Row {
    fn is(&self, name: &str) -> bool {
        self.name == name || self.group == name
    }
}

fn measure(picked: &[String], effort: Effort, file: Option<&str>) {
    let machine = machine(effort);
    println!("{machine}");
    let mut tables = String::new();
    let mut summary = vec![SUMMARY.map(str::to_owned).to_vec()];
    for row in rows().iter().filter(|row| picked.is_empty() || picked.iter().any(|name| row.is(name))) {
        let report = report::report(row, &compare::compare(row, effort));
        println!("{}", report.table);
        writeln!(tables, "{}", report.table).expect("a string takes everything");
        summary.push(report.summary.to_vec());
    }
    if picked.is_empty() || picked.iter().any(|name| name == AXUM) {
        match service::compare(effort) {
            Ok((table, lines)) => {
                println!("{table}");
                tables += &table;
                summary.extend(lines.into_iter().map(|line| line.to_vec()));
            }
            Err(error) => eprintln!("axum: {error}"),
        }
    }
    let summary = report::align(&summary);
    println!("\n## Summary\n\n{summary}");
    if let Some(file) = file {
        let text =
            format!("# Tripod's SDK beside its peers\n\n{machine}\n\n## Summary\n\n{summary}\n## Rows\n{tables}");
        if let Err(error) = std::fs::write(file, text) {
            eprintln!("{file}: {error}");
            std::process::exit(1);
        }
    }
}

/// What it was measured on.
fn machine(effort: Effort) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let Effort { processes, rounds } = effort;
    format!(
        "{cpus} CPUs: {}; kernel {}; load average at the start {}; {processes} processes a peer, {rounds} rounds in each, \
         the peers in turn.",
        model.trim_start_matches([' ', '\t', ':']),
        read("/proc/sys/kernel/osrelease").trim(),
        read("/proc/loadavg").trim()
    )
}
