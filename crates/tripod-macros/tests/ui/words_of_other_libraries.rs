#[tripod_macros::track_metrics(label_extractor = |request| request.method)]
fn label_extractor() {}

#[tripod_macros::track_metrics(track_duration = false)]
fn track_duration() {}

#[tripod_macros::measure_latency(metric_name = "latency_seconds")]
fn metric_name() {}

#[tripod_macros::traced(skip_all)]
fn skip_all() {}

#[tripod_macros::traced(record(user))]
fn record(user: u32) {
    let _ = user;
}

#[tripod_macros::telemetry(provider_name = "finnhub")]
fn provider_name() {}

fn main() {}
