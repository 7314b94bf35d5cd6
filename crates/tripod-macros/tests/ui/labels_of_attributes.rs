#[tripod_macros::track_metrics(labels(component: "processor"))]
fn with_a_colon() {}

#[tripod_macros::track_metrics(labels(component = "a", component = "b"))]
fn twice() {}

#[tripod_macros::track_metrics(labels(error_type = "mine"))]
fn taken() {}

#[tripod_macros::count_calls("calls_total", labels("" = 1))]
fn empty() {}

#[tripod_macros::count_calls("calls_total", labels)]
fn no_brackets() {}

#[tripod_macros::track_metrics(name)]
fn no_value() {}

#[tripod_macros::track_metrics(name = NAME)]
fn no_text() {}

fn main() {}
