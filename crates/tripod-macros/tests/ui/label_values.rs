struct Tier;

#[tripod::count_calls("calls_total", labels(tier = tier))]
fn not_a_value(tier: Tier) {
    let _ = tier;
}

#[tripod::track_metrics(labels(tier = tire))]
fn no_such_argument(tier: &str) {
    let _ = tier;
}

fn main() {}
