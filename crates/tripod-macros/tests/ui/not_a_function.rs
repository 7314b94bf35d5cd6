#[tripod_macros::traced]
struct Order;

#[tripod_macros::track_metrics]
impl Order {}

#[tripod_macros::count_calls("calls_total")]
trait Orders {}

#[tripod_macros::measure_latency("latency_seconds")]
const LIMIT: u32 = 1;

#[tripod_macros::telemetry(provider = "finnhub")]
mod inner {}

fn main() {}
