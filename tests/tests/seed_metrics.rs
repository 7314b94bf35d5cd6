//! Each metric that a seed names is on the page of some running example, with its type and its labels.
//!
//! The names are read from the book: tables (A), blocks of series (C), calls in Python (D), lists (E). A counter's name ends in `_total`
//! on a page, whatever the seed calls it, as it would in the seed's own language.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tripod_tests::book::{PAGES, Page, blocks};
use tripod_tests::http::Client;
use tripod_tests::otlp_receiver::OtlpReceiver;
use tripod_tests::programs::ours;

/// Everything that goes wrong in an example has gone wrong within a fraction of this.
const PATIENCE: Duration = Duration::from_secs(60);

/// A metric as a seed has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    page: &'static str,
    name: String,
    /// As on a page for Prometheus; none where the seed does not say.
    kind: Option<String>,
    labels: BTreeSet<String>,
}

/// All that the seeds name.
fn wanted() -> Vec<Wanted> {
    let mut all: Vec<Wanted> = PAGES.iter().flat_map(of_page).collect();
    all.sort();
    all.dedup();
    all
}

fn of_page(page: &'static Page) -> Vec<Wanted> {
    let text = page.text();
    let wanted = |name: &str, kind: Option<&str>, labels: BTreeSet<String>| {
        let (name, kind) = (name.to_owned(), kind.map(str::to_lowercase));
        Wanted { page: page.file, name, kind, labels }
    };
    let tables = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| `")?.split('|').map(|cell| cell.trim_matches([' ', '`'])).collect();
        let [name, kind, labels, _, ""] = *cells else { return None };
        Some(wanted(name, Some(kind), labels.split(", ").map(str::to_owned).collect()))
    });
    let lists = text.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("- `")?.split_once("` - ")?;
        let kind = rest.rsplit_once('(')?.1.strip_suffix(')')?;
        Some(wanted(name, Some(kind), BTreeSet::new()))
    });
    let blocks = blocks(&text);
    let quoted =
        |info: &str| blocks.iter().filter(|block| block.begins_section && block.info == info).collect::<Vec<_>>();
    let series = quoted("text").into_iter().filter(|block| block.section.contains("metrics of"));
    let series = series.flat_map(|block| block.body.lines()).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let series = series.map(|line| {
        let (name, labels) = line.split_once('{').unwrap_or((line, ""));
        let labels = labels.trim_end_matches('}').split(", ").map(|label| label.split('=').next().unwrap_or_default());
        wanted(name, None, labels.filter(|label| !label.is_empty()).map(str::to_owned).collect())
    });
    let python = quoted("python");
    let calls = python.iter().flat_map(|block| {
        let prefix =
            block.body.split_once("PrometheusExporter(prefix=\"").filter(|_| block.body.contains("asyncio.run"));
        let prefix =
            prefix.map_or(String::new(), |(_, rest)| rest.split('"').next().unwrap_or_default().to_owned() + "_");
        let made = block.body.split(" = collector.").skip(1);
        made.map(move |call| (prefix.clone(), call)).collect::<Vec<_>>()
    });
    let calls = calls.filter_map(|(prefix, call)| {
        let (kind, arguments) = call.split_once('(')?;
        if !["counter", "gauge", "histogram", "summary"].contains(&kind) {
            return None;
        }
        let name = arguments.split('"').nth(1).expect("a name");
        // To the end of the call: a blank line, or the next statement.
        let own = arguments.split("\n\n").next().unwrap_or_default().split(")\n").next().unwrap_or_default();
        let labels = own.split_once("labels=[").map_or("", |(_, rest)| rest.split(']').next().unwrap_or_default());
        let labels = labels.split(", ").map(|label| label.trim_matches('"')).filter(|label| !label.is_empty());
        Some(wanted(&(prefix + name), Some(kind), labels.map(str::to_owned).collect()))
    });
    tables.chain(lists).chain(series).chain(calls).collect()
}

/// What a page for Prometheus has: types of families, and the labels of each series by its family's name.
#[derive(Debug, Default)]
struct Scraped {
    kinds: BTreeMap<String, String>,
    series: BTreeMap<String, Vec<BTreeSet<String>>>,
}

impl Scraped {
    fn read(page: &str) -> Self {
        let mut scraped = Self::default();
        for line in page.lines() {
            if let Some(family) = line.strip_prefix("# TYPE ") {
                let (name, kind) = family.split_once(' ').expect("a name and a type");
                scraped.kinds.insert(name.to_owned(), kind.to_owned());
            } else if !line.starts_with('#') {
                let (name, labels) = line.split_once('{').unwrap_or((line.split(' ').next().expect("a name"), ""));
                let family = ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|end| name.strip_suffix(end).filter(|family| scraped.kinds.contains_key(*family)));
                let of_family = scraped.series.entry(family.unwrap_or(name).to_owned()).or_default();
                of_family.push(keys(labels));
            }
        }
        scraped
    }

    /// Whether it has a series of that name, type and labels, and perhaps more labels.
    fn has(&self, wanted: &Wanted) -> bool {
        let names = [wanted.name.clone(), format!("{}_total", wanted.name)];
        names.iter().any(|name| {
            let kind = self.kinds.get(name);
            let is_kind = wanted.kind.is_none() || wanted.kind.as_ref() == kind;
            let series = self.series.get(name).into_iter().flatten();
            kind.is_some() && is_kind && series.into_iter().any(|labels| labels.is_superset(&wanted.labels))
        })
    }
}

/// The names of the labels in `a="x",b="y"} 1`.
fn keys(mut labels: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    while let Some((key, rest)) = labels.split_once("=\"") {
        keys.insert(key.trim_start_matches(',').to_owned());
        let mut escaped = false;
        let end = rest.find(|letter| {
            let ends = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            ends
        });
        labels = &rest[end.expect("a value ends") + 1..];
    }
    keys
}

/// An example that runs.
struct Example {
    name: &'static str,
    url: String,
    child: Child,
}

impl Example {
    /// Starts a program; what it says first, after this word, is where it is.
    fn start(name: &'static str, command: &mut Command, word: &str) -> Self {
        command.envs([("OTEL_TRACES_EXPORTER", "none"), ("OTEL_LOGS_EXPORTER", "none")]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it says where it is");
        let url = line.trim().strip_prefix(word).unwrap_or_else(|| panic!("{name} says {line:?}")).to_owned();
        Self { name, url, child }
    }

    /// An example of a package.
    fn of(package: &str, name: &'static str) -> Self {
        let mut command = Command::new(ours(name, package));
        Self::start(name, command.args(["--listen", "127.0.0.1:0", "--seconds", "300"]), "metrics: ")
    }

    /// The services of the trading platform, each calling the one before.
    fn platform(collector: &OtlpReceiver) -> Vec<Self> {
        let mut services: Vec<Self> = Vec::new();
        for name in ["worker", "backend", "trigger-dispatcher", "signal-generator"] {
            let mut command = Command::new(ours("trading-platform", "trading-platform"));
            command.args([name, "127.0.0.1:0"]).env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url);
            if let Some(before) = services.last() {
                command.arg(before.url.trim_end_matches("/metrics"));
            }
            let mut service = Self::start(name, &mut command, "listening ");
            service.url = format!("http://{}/metrics", service.url);
            services.push(service);
        }
        services
    }

    fn scrape(&self, client: &Client) -> Scraped {
        let answer = client.get(&self.url).expect("it answers");
        assert_eq!(answer.status, 200, "{}", self.name);
        Scraped::read(&answer.text())
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_metric_of_the_seeds_is_on_the_page_of_some_example() {
    let wanted = wanted();
    assert!(wanted.len() >= 70, "only {} names were read from the book", wanted.len());
    let collector = OtlpReceiver::default();
    let mut examples = Example::platform(&collector);
    examples.extend([
        Example::of("adapters", "adapters"),
        Example::of("pipeline", "pipeline"),
        Example::of("pipeline", "pipeline-by-hand"),
        Example::of("llm-rag", "llm-rag"),
    ]);
    let client = Client::default();
    let begin = Instant::now();
    let missing = loop {
        let pages: Vec<_> = examples.iter().map(|example| example.scrape(&client)).collect();
        let missing: Vec<_> = wanted.iter().filter(|metric| !pages.iter().any(|page| page.has(metric))).collect();
        if missing.is_empty() || begin.elapsed() > PATIENCE {
            break missing;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    println!("{} of {} names", wanted.len() - missing.len(), wanted.len());
    assert!(missing.is_empty(), "no example has {missing:#?}");
}

#[test]
fn names_are_read_from_tables_lists_blocks_and_calls() {
    let all = wanted();
    let find = |name: &str| all.iter().find(|wanted| wanted.name == name).unwrap_or_else(|| panic!("no {name}"));
    let labels = |name: &str| find(name).labels.iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(labels("pipeline_duration_seconds"), ["name"]);
    assert_eq!(labels("pipeline_items_total"), ["pipeline"]);
    assert_eq!(find("request_latency_seconds").kind.as_deref(), Some("summary"));
    assert_eq!(labels("http_requests_total"), ["endpoint", "method", "status"]);
}
