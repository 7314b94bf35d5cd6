//! A program under load that Prometheus scrapes: every count arrives, exemplars and native histograms too, by OpenMetrics and by protobuf.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tripod::metrics::{PrometheusFormat, render_prometheus};
use tripod::{Counter, Histogram};
use tripod_tests::http::encode;
use tripod_tests::programs::{Prometheus, folder_of, promtool_says, wait_for};

const THREADS: u64 = 4;
/// Counted before the load, so that the increase is not all there is.
const BEFORE: u64 = 10;
const ROUTES: [&str; 3] = ["/cart", "/order", "/ä \"quoted\" \\ one"];

/// What the program records into.
struct Instruments {
    jobs: Counter,
    explicit: Histogram,
    exponential: Histogram,
}

impl Instruments {
    fn new() -> Self {
        let bounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0];
        Self {
            jobs: tripod::counter("jobs.done").unit("{job}").description("Jobs that were done").build(),
            explicit: tripod::histogram("request.duration").unit("s").description("Durations").buckets(&bounds).build(),
            exponential: tripod::histogram("call.duration")
                .unit("s")
                .description("The same durations")
                .exponential_buckets(160)
                .build(),
        }
    }

    fn record(&self, thread: u64, n: u64, random: &mut fastrand::Rng) {
        let route = ROUTES[(n % 3) as usize];
        self.jobs.add(1, tripod::labels!(thread, route));
        // Most are fast, some are not: from 2 ms to about 3 s.
        let seconds = 0.002 * (random.f64() * 7.3).exp();
        self.explicit.record(seconds, tripod::labels!(route));
        self.exponential.record(seconds, tripod::labels!(route));
    }
}

/// Records in several threads until it is told to stop; answers how often each did, and the traces in which they did.
fn load(instruments: &Instruments, stop: &AtomicBool) -> (Vec<u64>, HashSet<String>) {
    let traces = Mutex::new(HashSet::new());
    let counted = std::thread::scope(|scope| {
        let work = |thread: u64| {
            let (mut n, mut random) = (0, fastrand::Rng::with_seed(thread));
            while !stop.load(Ordering::Relaxed) {
                let span = tripod::span!("work");
                traces.lock().unwrap().insert(span.context().trace_id.to_string());
                for _ in 0..50 {
                    instruments.record(thread, n, &mut random);
                    n += 1;
                }
                drop(span);
                std::thread::sleep(Duration::from_millis(2));
            }
            n
        };
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    (counted, traces.into_inner().unwrap())
}

/// Whether both Prometheus have what was counted: the increase of each series from the first sample to the last, and no reset.
fn check_counts(prometheus: &Prometheus, counted: &[u64]) {
    let total: u64 = counted.iter().sum();
    let all = wait_for("the last counts", || {
        let all = prometheus.number("sum(jobs_done_total{thread!=\"\"})")?;
        (all as u64 >= total).then_some(all)
    });
    assert_eq!(all, total as f64);
    for (thread, counted) in counted.iter().enumerate() {
        for (at, route) in ROUTES.iter().enumerate() {
            let route = route.replace('\\', "\\\\").replace('"', "\\\"");
            let series = format!("jobs_done_total{{thread=\"{thread}\",route=\"{route}\"}}");
            let expected = counted / 3 + u64::from(counted % 3 > at as u64);
            assert_eq!(prometheus.number(&series), Some(expected as f64), "{series}");
            assert_eq!(prometheus.number(&format!("resets({series}[10m])")), Some(0.0), "{series}");
        }
    }
    // Known from before the load on: the increase between two samples is what the program counted in between.
    let rows = prometheus.query("jobs_done_total{early=\"true\"}[10m]").unwrap();
    let samples = rows[0]["values"].as_array().unwrap();
    let value = |at: usize| samples[at][1].as_str().unwrap().parse::<f64>().unwrap();
    assert_eq!(value(samples.len() - 1) - value(0), total as f64, "of {} samples", samples.len());
}

fn check_exemplars(prometheus: &Prometheus, name: &str, traces: &HashSet<String>) {
    let call = |query: &str| format!("query_exemplars?query={}&start=0&end=99999999999", encode(query));
    let found = wait_for("exemplars", || {
        let data = prometheus.get(&call(name))?;
        let found: Vec<_> =
            data.as_array()?.iter().filter_map(|series| series["exemplars"].as_array().cloned()).flatten().collect();
        (!found.is_empty()).then_some(found)
    });
    println!("{} exemplars of {name}", found.len());
    for exemplar in found {
        let trace = exemplar["labels"]["trace_id"].as_str().expect("a trace");
        assert!(traces.contains(trace), "a trace of the program's: {exemplar}");
    }
}

/// The quantiles of the native histogram lie in the buckets in which those of the explicit one lie.
fn check_native(prometheus: &Prometheus, total: u64) {
    let count = prometheus.number("sum(histogram_count(call_duration_seconds))");
    assert_eq!(count, Some(total as f64), "every measurement is in the native histogram");
    let sums = ["sum(request_duration_seconds_sum)", "sum(histogram_sum(call_duration_seconds))"];
    let [explicit, native] = sums.map(|sum| prometheus.number(sum).unwrap());
    assert!((explicit - native).abs() < 1e-6 * explicit, "{explicit} and {native}");
    for quantile in [0.5, 0.9, 0.99] {
        let explicit = format!("histogram_quantile({quantile}, sum by (le) (request_duration_seconds_bucket))");
        let native = format!("histogram_quantile({quantile}, sum(call_duration_seconds))");
        let [explicit, native] = [explicit, native].map(|query| prometheus.number(&query).unwrap());
        let bounds = prometheus.query("sum by (le) (request_duration_seconds_bucket)").unwrap();
        let bounds = bounds.iter().filter_map(|row| row["metric"]["le"].as_str()?.parse::<f64>().ok());
        let (low, high) = bounds.fold((0.0_f64, f64::INFINITY), |(low, high), bound| {
            if bound < explicit { (low.max(bound), high) } else { (low, high.min(bound)) }
        });
        println!("quantile {quantile}: explicit {explicit}, native {native}, bucket {low} to {high}");
        // A native bucket is at most 0.3 % wide here, and may lie across a bound.
        assert!(native >= low * 0.997 && native <= high * 1.003, "{quantile}: {native} in {low} to {high}");
    }
}

#[test]
fn prometheus_has_every_count_and_exemplar_and_native_histograms_of_a_program_under_load() {
    let Some(programs) = folder_of("prometheus") else { return };
    let tripod = tripod::init()
        .service_name("shop")
        .prometheus("127.0.0.1:0")
        .exporter(tripod::MemoryExporter::default())
        .max_series(1000)
        .start()
        .unwrap();
    let target = tripod.prometheus_address().unwrap().to_string();
    let instruments = Instruments::new();
    let early = tripod::labels!(early = true);
    instruments.jobs.add(BEFORE, early);
    // One is told by OpenMetrics, the other, as it wants native histograms, by protobuf.
    let all = ["exemplar-storage", "exemplar-storage,native-histograms"]
        .map(|features| Prometheus::scraping(&programs, &target, features));
    for prometheus in &all {
        wait_for("the first scrape", || prometheus.number("jobs_done_total{early=\"true\"}"));
        assert_eq!(prometheus.number("target_info{service_name=\"shop\"}"), Some(1.0));
    }
    let stop = AtomicBool::new(false);
    let (counted, traces) = std::thread::scope(|scope| {
        let loaded = scope.spawn(|| load(&instruments, &stop));
        std::thread::sleep(Duration::from_secs(6));
        stop.store(true, Ordering::Relaxed);
        loaded.join().unwrap()
    });
    let total: u64 = counted.iter().sum();
    instruments.jobs.add(total, early);
    println!("{total} measurements in {} traces", traces.len());
    for prometheus in &all {
        wait_for("the last scrape", || {
            (prometheus.number("jobs_done_total{early=\"true\"}")? == (BEFORE + total) as f64).then_some(())
        });
        check_counts(prometheus, &counted);
        check_exemplars(prometheus, "request_duration_seconds_bucket", &traces);
        check_exemplars(prometheus, "jobs_done_total", &traces);
        assert_eq!(prometheus.number("min_over_time(up{job=\"tripod\"}[10m])"), Some(1.0), "no scrape failed");
    }
    check_native(&all[1], total);

    let mut page = Vec::new();
    render_prometheus(PrometheusFormat::Text, &mut page);
    let said = promtool_says(&programs, &page);
    assert!(said.is_empty(), "{said}");
}
