//! The same series, by the same bytes, in Prometheus 3.5 and in Tripod, and random queries of both: they have to say the same.
//!
//! A few hundred queries by default; `TRIPOD_DIFFERENTIAL_QUERIES=5000` asks more, `TRIPOD_DIFFERENTIAL_SEED` others. Where Prometheus
//! can't be had, the test says so and passes; in CI it fails.
//!
//! Where in a query a warning stands is not compared. What is not asked, because Prometheus itself leaves it open, or 3.5 is not what
//! later versions are:
//! - which series `limitk` takes and which of equals `topk` takes: those that its index happens to give first;
//! - `limit_ratio`, whose choice hangs on a hash of its own;
//! - `histogram_fraction` of classic buckets: version 3.5 takes them in the order in which its index gives them and says NaN where the
//!   last one is not `+Inf`; later ones sort them, as Tripod does;
//! - `rate` and `increase` of native histograms: 3.5 extrapolates their windows to before the count was zero; later ones stop there, as
//!   for numbers, and so does Tripod;
//! - dates of numbers that are no times (what Go makes of them depends on the machine), and `count_values` of fractions (their last
//!   digit is another where a sine is).
//!
//! - `mad_over_time`, which is a number in 3.5 where one of the values is not, and NaN in later ones;
//! - conflicting resets of counters within `histogram_count`, `histogram_sum` and `histogram_avg`: 3.5 reads no buckets for them, and does
//!   not see the conflict that it tells of otherwise.
//!
//! - `timestamp` of a selector with `@`: 3.5 finds nothing where the selector alone finds a series and the sample's time is plain.
//!
//! Windows of native histograms come out wrong in 3.5 now and then where several steps share them: it gives another answer to the same
//! query when it is asked again, or at one of these steps alone. Such a difference counts only when it is there at that one time, too; within subqueries, where that
//! can't be asked, it does not count.
//!
//! Waves of what grows without bound (`cos(cosh(x))`) hang on the last digit, and are not compared. `info()` is not asked yet.

use tripod_tests::Tripod;
use tripod_tests::differential::{Answer, Data, Queries, STEP, differences};
use tripod_tests::http::Client;
use tripod_tests::programs::{Prometheus, folder_of};

/// When the data begins, in milliseconds: 2026-01-01.
const START: i64 = 1_767_225_600_000;

/// A number from the environment.
fn number(name: &str, or: u64) -> u64 {
    std::env::var(name).map_or(or, |text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number: {text:?}")))
}

/// Whether histograms differ that came of a window.
fn is_windows_of_histograms(query: &str, how: &str) -> bool {
    how.contains("buckets") && query.contains('[')
}

#[test]
fn random_queries_have_the_answers_of_prometheus() {
    let Some(programs) = folder_of("prometheus-newest") else { return };
    let prometheus = Prometheus::receiving(&programs, "native-histograms,promql-experimental-functions");
    let folder = tempfile::tempdir().unwrap();
    let tripod = Tripod::start(folder.path());
    let (seed, count) = (number("TRIPOD_DIFFERENTIAL_SEED", 1), number("TRIPOD_DIFFERENTIAL_QUERIES", 300));
    let mut rng = fastrand::Rng::with_seed(seed);
    // A time of its own, so that a seed means the same data and queries whenever the test runs.
    let data = Data::new(&mut rng, START);
    let client = Client::default();
    let headers = [
        ("content-type", "application/x-protobuf"),
        ("content-encoding", "snappy"),
        ("x-prometheus-remote-write-version", "0.1.0"),
    ];
    for request in data.requests() {
        for server in [&prometheus.url, &tripod.http] {
            let answer = client.post(&format!("{server}/api/v1/write"), &headers, &request).unwrap();
            assert!((200..300).contains(&answer.status), "{server}: {}", answer.text());
        }
    }
    let ask = |call: &str| {
        [&tripod.http, &prometheus.url].map(|server| {
            let answer = client.get(&format!("{server}/api/v1/{call}"));
            Answer::read(&answer.unwrap_or_else(|error| panic!("{call}: {error}")).json())
        })
    };
    let (mut found, mut wrong_there, mut differing) = (0, 0, Vec::new());
    for query in Queries::new(rng, data.start, data.end() + STEP).take(count as usize) {
        let call = query.call();
        let [ours, theirs] = ask(&call).map(|answer| {
            if query.text.contains("histogram_") { answer.without_note("conflicting counter resets") } else { answer }
        });
        found += usize::from(!theirs.is_empty());
        let waves = ["sin(", "cos(", "tan("].iter().any(|wave| query.text.contains(wave));
        let grows = ["sinh(", "cosh(", "exp(", "^"].iter().any(|growth| query.text.contains(growth));
        if (waves && grows) || query.text.contains("timestamp(") && query.text.contains('@') {
            continue;
        }
        // Sums are made in another order, and of squares little is left where the numbers are large and close.
        let tolerance = if query.text.contains("stdvar") || query.text.contains("stddev") { 1e-6 } else { 1e-10 };
        let Some(how) = differences(&ours, &theirs, tolerance) else { continue };
        let again = ask(&call);
        if again[0] == ours && again[1] != theirs && differences(&again[0], &again[1], tolerance).is_none() {
            wrong_there += 1;
            continue;
        }
        if is_windows_of_histograms(&query.text, &how) {
            let once = query.at_once(&how).map(|call| ask(&call));
            if query.text.contains(':')
                || once.is_some_and(|[ours, theirs]| differences(&ours, &theirs, tolerance).is_none())
            {
                wrong_there += 1;
                continue;
            }
        }
        differing.push(format!("{}\n  at {:?}\n  {how}", query.text, query.times));
    }
    println!(
        "seed {seed}: {} of {count} queries differ, {found} had something to say, {wrong_there} are wrong in 3.5 alone",
        differing.len()
    );
    assert!(found * 2 > count as usize, "most queries find something: {found} of {count}");
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
