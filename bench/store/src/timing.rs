//! How long a query takes, many times.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A query that takes so long in all is asked less often than it should be, but [`AT_LEAST`] times.
const PATIENCE: Duration = Duration::from_secs(6);

/// What a query finds so often at first is compared between those who were asked.
const AT_LEAST: usize = 2;

/// Runs a query so often, each time with its number, and gives the quantiles in milliseconds, how much it found at most, and at first.
pub fn measure(name: &str, times: usize, mut query: impl FnMut(usize) -> usize) -> Value {
    let (mut took, mut found) = (Vec::with_capacity(times), Vec::with_capacity(times));
    let first = Instant::now();
    for number in 0..times {
        if first.elapsed() > PATIENCE && number >= AT_LEAST {
            break;
        }
        let begin = Instant::now();
        let here = query(number);
        took.push(begin.elapsed().as_secs_f64() * 1e3);
        found.push(here);
    }
    let (most, first) = (found.iter().max().copied().unwrap_or(0), &found[..AT_LEAST.min(found.len())]);
    took.sort_by(f64::total_cmp);
    let quantile = |share: f64| took[((took.len() - 1) as f64 * share).round() as usize];
    json!({
        "name": name,
        "runs": took.len(),
        "p50": quantile(0.5),
        "p99": quantile(0.99),
        "found": most,
        "first": first,
    })
}
