//! The same without the catalogue: a pipeline and a small API before it whose metrics are made by hand, under the names and labels that
//! the guide to pipelines gives them (`docs/from-the-seeds/pipelines.md`).
#![forbid(unsafe_code)]

use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Parser;
use tripod::{Counter, Gauge, Histogram, Summary, labels, traced};

/// Runs a pipeline whose metrics are made by hand, and serves them
#[derive(Parser)]
struct Arguments {
    /// End after so many seconds
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Where metrics are served
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9464")]
    listen: String,
}

/// What the API tells.
struct Api {
    requests: Counter,
    concurrent: Counter,
    connections: Gauge,
    duration: Histogram,
    latency: Summary,
}

impl Default for Api {
    fn default() -> Self {
        let buckets = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
        Self {
            requests: tripod::counter("http_requests_total").labels(["method", "endpoint", "status"]).build(),
            concurrent: tripod::counter("concurrent_requests").build(),
            connections: tripod::gauge("active_connections").build(),
            duration: tripod::histogram("request_duration_seconds").labels(["endpoint"]).buckets(&buckets).build(),
            latency: tripod::summary("request_latency_seconds")
                .labels(["service"])
                .quantiles(&[0.5, 0.9, 0.95, 0.99])
                .build(),
        }
    }
}

impl Api {
    /// A request for a run, and the run.
    #[traced("POST /runs", kind = "server")]
    fn request(&self, pipeline: &Pipeline) {
        let started = Instant::now();
        self.concurrent.inc(&[]);
        self.connections.inc(&[]);
        let status = if pipeline.run("data_processor", fastrand::usize(5..20)) { 201 } else { 500 };
        self.connections.dec(&[]);
        self.requests.inc(labels!(method = "POST", endpoint = "/runs", status));
        let took = started.elapsed().as_secs_f64();
        self.duration.record(took, labels!(endpoint = "/runs"));
        self.latency.record(took, labels!(service = "api"));
    }
}

/// What the pipeline tells. The guide calls its name now `pipeline`, now `pipeline_name`, now `name`.
struct Pipeline {
    executions: Counter,
    duration: Histogram,
    items: Counter,
    cost: Counter,
}

impl Default for Pipeline {
    fn default() -> Self {
        let pipeline = tripod::metrics::namespace("pipeline");
        Self {
            executions: pipeline.counter("executions_total").build(),
            duration: pipeline.histogram("duration_seconds").build(),
            items: pipeline.counter("items_total").labels(["pipeline"]).build(),
            cost: pipeline.counter("cost_usd").labels(["name"]).build(),
        }
    }
}

impl Pipeline {
    /// Whether all items were processed.
    #[traced("pipeline_execution", fields(pipeline.name = name, items.count = items))]
    fn run(&self, name: &str, items: usize) -> bool {
        let started = Instant::now();
        let done = (0..items).take_while(|item| process_item(*item)).count();
        let status = if done == items { "success" } else { "error" };
        self.items.add(done as u64, labels!(pipeline = name));
        self.cost.add_f64(done as f64 * 0.001, labels!(name));
        let took = started.elapsed().as_secs_f64();
        self.executions.inc(labels!(pipeline = name, pipeline_name = name, name, status));
        self.duration.record(took, labels!(pipeline = name, pipeline_name = name, name));
        done == items
    }
}

#[traced(fields(item.id = item))]
fn process_item(item: usize) -> bool {
    sleep(Duration::from_millis(1));
    let failed = fastrand::u8(..) == 0;
    if failed {
        tripod::error!("no record", item.id = item);
    }
    !failed
}

fn main() -> Result<(), tripod::Error> {
    let arguments = Arguments::parse();
    let tripod = tripod::init().service_name("pipeline-by-hand").prometheus(&arguments.listen).start()?;
    if let Some(address) = tripod.prometheus_address() {
        println!("metrics: http://{address}/metrics");
    }

    let started = Instant::now();
    let (api, pipeline) = (Api::default(), Pipeline::default());
    while arguments.seconds.is_none_or(|seconds| started.elapsed() < Duration::from_secs(seconds)) {
        api.request(&pipeline);
        sleep(Duration::from_millis(100));
    }
    Ok(())
}
