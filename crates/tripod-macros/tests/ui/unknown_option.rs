#[tripod_macros::traced(nmae = "fetch")]
fn misspelt() {}

#[tripod_macros::track_metrics(label(component = "a"))]
fn misspelt_too() {}

#[tripod_macros::count_calls("calls_total", duration = false)]
fn of_another() {}

fn main() {}
