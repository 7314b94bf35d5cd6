#[tripod_macros::track_metrics("orders placed")]
fn with_a_space() {}

#[tripod_macros::count_calls("1st_total")]
fn with_a_digit_first() {}

#[tripod_macros::measure_latency("größe")]
fn not_ascii() {}

#[tripod_macros::track_metrics]
fn _hidden() {}

fn main() {}
