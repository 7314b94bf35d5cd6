#[tripod_macros::count_calls]
fn counted() {}

#[tripod_macros::measure_latency(labels(tier = "gold"))]
fn measured() {}

#[tripod_macros::cache_metrics]
fn cached() -> Option<u8> {
    None
}

#[tripod_macros::monitor_resource()]
fn watched() {}

fn main() {}
