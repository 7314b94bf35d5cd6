#[tripod_macros::track_metrics(calls = false, errors = false, duration = false)]
fn nothing() {}

fn main() {}
