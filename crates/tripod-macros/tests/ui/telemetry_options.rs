#[tripod_macros::telemetry]
fn nobodys() {}

#[tripod_macros::telemetry("finnhub")]
fn whose() {}

#[tripod_macros::telemetry(provider = format!("finnhub"))]
fn computed() {}

#[tripod_macros::telemetry(skip)]
fn left_out() {}

fn main() {}
