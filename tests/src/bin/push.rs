//! Records a few known metrics and spans, and leaves it to the environment where they go. Says on standard output what became of them, as
//! JSON, and ends when its standard input does.
//!
//! Usage: `push ROUNDS SECONDS`: so often everything is recorded and sent, with so many seconds in between.

use std::io::Read;
use std::time::Duration;

use serde_json::{Value, json};
use tripod::{Delivery, SpanBuilder, SpanKind, StatusCode, labels};

/// What the histograms measure, each round.
pub const MEASURED: [f64; 5] = [0.004, 0.02, 0.07, 0.3, 2.5];

fn main() {
    let arguments: Vec<u64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let [rounds, seconds] = arguments[..] else { panic!("usage: push ROUNDS SECONDS") };
    let guard = tripod::init()
        .service_name("push")
        .resource_attribute("service.instance.id", "the-one")
        .self_metrics(false)
        .logs(false)
        .metric_interval(Duration::from_secs(3600))
        .shutdown_timeout(Duration::from_secs(10))
        .start()
        .expect("telemetry starts");
    let mut delivered = false;
    for round in 0..rounds {
        if round > 0 {
            std::thread::sleep(Duration::from_secs(seconds));
        }
        record(round);
        delivered = guard.flush();
    }
    let stats = guard.stats();
    let exporters: serde_json::Map<String, Value> = stats
        .exporters
        .iter()
        .map(|one| (one.name.to_owned(), json!({ "spans": told(&one.spans), "points": told(&one.points) })))
        .collect();
    println!("{}", json!({ "delivered": delivered, "exporters": exporters }));
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    guard.shutdown();
}

fn told(delivery: &Delivery) -> Value {
    json!({ "exported": delivery.exported, "queued": delivery.queued, "dropped": delivery.dropped() })
}

fn record(round: u64) {
    let span = SpanBuilder::new("POST /orders").kind(SpanKind::SERVER).attribute("order.id", round as i64).enter();
    span.set_attribute("http.request.method", "POST");
    span.set_attribute("http.response.status_code", 503);
    let inner = SpanBuilder::new("charge").kind(SpanKind::CLIENT).enter();
    inner.set_status(StatusCode::ERROR, "no money");
    for lane in 0..3_u64 {
        tripod::counter("jobs").unit("{job}").build().add(10 + lane, labels!(lane));
    }
    tripod::gauge("room.temperature").unit("Cel").build().set(20.5 + round as f64, labels!(room = "küche"));
    tripod::up_down_counter("jobs.open").build().add(2, &[]);
    let explicit = tripod::histogram("order.duration").unit("s").buckets(&[0.01, 0.1, 1.0]).build();
    let exponential = tripod::histogram("order.size").unit("By").build();
    let summary = tripod::summary("order.items").build();
    for value in MEASURED {
        explicit.record(value, labels!(kind = "rush"));
        exponential.record(value * 1000.0, &[]);
        summary.record(value, &[]);
    }
}
