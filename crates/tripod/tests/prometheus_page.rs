//! What is on a page for Prometheus, in each format, with each way of naming: read back, in protobuf by its own messages.

mod common;

use common::{telemetry_with, turn};
use tripod::metrics::{PrometheusNames, PrometheusPage, scrape};
use tripod_wire::prometheus::client_model::{Metric, MetricFamily, MetricType, take_delimited};

const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=underscores";

/// The lines that have this in them.
fn lines(accept: &str, with: &str) -> Vec<String> {
    let page = String::from_utf8(scrape(accept).1).unwrap();
    page.lines().filter(|line| line.contains(with)).map(str::to_owned).collect()
}

fn families(accept: &str) -> Vec<MetricFamily> {
    let (content_type, page) = scrape(accept);
    assert!(content_type.starts_with("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "));
    let (mut rest, mut families) = (&page[..], Vec::new());
    while let Some(family) = take_delimited(&mut rest).unwrap() {
        families.push(family);
    }
    families
}

fn family(name: &str) -> MetricFamily {
    let mut own: Vec<_> = families(PROTOBUF).into_iter().filter(|family| family.name == name).collect();
    assert_eq!(own.len(), 1, "one family {name}");
    own.remove(0)
}

fn labels(metric: &Metric) -> Vec<(&str, &str)> {
    metric.labels.iter().map(|label| (label.name.as_str(), label.value.as_str())).collect()
}

#[test]
fn names_of_any_characters_are_quoted_or_escaped_as_the_scraper_asks() {
    let page = PrometheusPage::default().names(PrometheusNames::NoUtf8EscapingWithSuffixes);
    let _telemetry = telemetry_with(|builder| builder.prometheus_page(page));
    let calls = tripod::counter("page.calls").description("Calls").build();
    calls.add(2, tripod::labels!(http.route = "/a", plain = 1));
    let with = |escaping: &str| lines(&format!("text/plain;version=1.0.0;escaping={escaping}"), "calls");
    assert_eq!(
        with("allow-utf-8"),
        [
            "# TYPE \"page.calls_total\" counter",
            "# HELP \"page.calls_total\" Calls",
            "{\"page.calls_total\",\"http.route\"=\"/a\",plain=\"1\"} 2",
        ]
    );
    assert_eq!(with("underscores")[2], "page_calls_total{http_route=\"/a\",plain=\"1\"} 2");
    assert_eq!(with("dots")[2], "page_dot_calls__total{http_dot_route=\"/a\",plain=\"1\"} 2");
    assert_eq!(with("values")[2], "U__page_2e_calls__total{U__http_2e_route=\"/a\",plain=\"1\"} 2");
    let open = lines("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8", "calls");
    assert_eq!(open[0], "# TYPE \"page.calls\" counter");
    assert_eq!(open[2], "{\"page.calls_total\",\"http.route\"=\"/a\",plain=\"1\"} 2");
    // The format before has no quotes.
    assert_eq!(lines("text/plain;version=0.0.4;escaping=allow-utf-8", "calls")[2], with("underscores")[2]);
    let utf8 = PROTOBUF.replace("underscores", "allow-utf-8");
    assert!(families(&utf8).iter().any(|family| family.name == "page.calls_total"));
}

#[test]
fn names_stay_what_they_were_for_a_scraper_that_takes_any_characters() {
    let _telemetry = telemetry_with(|builder| builder);
    tripod::counter("page.stays").build().add(1, tripod::labels!(a.b = 1));
    let stays = lines("text/plain;version=1.0.0;escaping=allow-utf-8", "stays_total{");
    assert_eq!(stays, ["page_stays_total{a_b=\"1\"} 1"]);
}

#[test]
fn a_label_that_would_come_twice_is_told_apart() {
    let page = PrometheusPage::default().resource_labels(["service.*"], ["service.instance.id", "service.version"]);
    let _telemetry = telemetry_with(|builder| builder.service_name("shop").prometheus_page(page));
    let taken = tripod::labels!(le = "mine", service.name = "theirs");
    tripod::telemetry("owner").histogram("page.taken").buckets(&[1.0]).build().record(0.5, taken);
    assert_eq!(
        lines("text/plain", "page_taken_bucket")[0],
        "page_taken_bucket{otel_scope_name=\"owner\",service_name=\"shop\",exported_le=\"mine\",\
         exported_service_name=\"theirs\",le=\"1\"} 1"
    );
    let family = family("page_taken");
    let expected = [
        ("otel_scope_name", "owner"),
        ("service_name", "shop"),
        ("exported_le", "mine"),
        ("exported_service_name", "theirs"),
    ];
    assert_eq!(labels(&family.metrics[0]), expected);
}

#[test]
fn what_a_page_does_not_want_it_does_not_have() {
    let page = PrometheusPage::default().scope_labels(false).target_info(false).created(true);
    let _telemetry = telemetry_with(|builder| builder.prometheus_page(page));
    tripod::telemetry("owner").counter("page.bare").build().add(1, &[]);
    tripod::gauge("page.level").build().set(1.0, &[]);
    let open_metrics = "application/openmetrics-text;version=1.0.0";
    assert!(lines(open_metrics, "target").is_empty() && lines(open_metrics, "otel_scope").is_empty());
    let created = lines(open_metrics, "page_bare_created ");
    let seconds: f64 = created[0].rsplit(' ').next().unwrap().parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((now - 3600.0..=now).contains(&seconds), "{created:?}");
    assert!(lines("text/plain", "_created").is_empty() && lines(open_metrics, "page_level_created").is_empty());
}

#[test]
fn protobuf_has_native_and_explicit_histograms_exemplars_and_the_start() {
    let _telemetry = telemetry_with(|builder| builder.service_name("shop"));
    let native = tripod::histogram("page.native").unit("s").description("Durations").exponential_buckets(160).build();
    let explicit = tripod::histogram("page.explicit").buckets(&[1.0, 10.0]).build();
    let calls = tripod::counter("page.marked").build();
    let span = tripod::span!("measured");
    let trace = span.context().trace_id.to_string();
    for value in [0.0, 0.5, 3.0, 3.0, -2.0] {
        native.record(value, &[]);
        explicit.record(value, &[]);
    }
    calls.inc(&[]);
    drop(span);

    let family_of = family("page_native_seconds");
    assert_eq!(
        (family_of.kind, family_of.help.as_str(), family_of.unit.as_str()),
        (MetricType::HISTOGRAM, "Durations", "seconds")
    );
    let histogram = family_of.metrics[0].histogram.as_ref().unwrap();
    assert_eq!((histogram.sample_count, histogram.zero_count, histogram.buckets.len()), (5, 1, 0));
    assert!((histogram.sample_sum - 4.5).abs() < 1e-9 && histogram.created.is_some());
    let (mut number, mut count, mut at, mut found) = (0, 0, 0, Vec::new());
    for span in &histogram.positive_spans {
        number += span.offset;
        for _ in 0..span.length {
            count += histogram.positive_deltas[at];
            if count > 0 {
                found.push((2_f64.powf(f64::from(number) * 2_f64.powi(-histogram.schema)), count));
            }
            (number, at) = (number + 1, at + 1);
        }
    }
    let width = 2_f64.powf(2_f64.powi(-histogram.schema));
    let holds = |(upper, _): &(f64, i64), value: f64| value <= *upper * 1.000_001 && value > upper / width * 0.999_999;
    assert_eq!(found.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [1, 2]);
    assert!(holds(&found[0], 0.5) && holds(&found[1], 3.0), "{found:?}");
    assert_eq!(histogram.negative_deltas, [1]);
    let exemplar = histogram.exemplars.first().expect("one of the five");
    assert_eq!((exemplar.labels[0].name.as_str(), &exemplar.labels[0].value), ("trace_id", &trace));
    assert!(exemplar.timestamp.is_some());

    let explicit = family("page_explicit").metrics[0].histogram.clone().unwrap();
    let buckets: Vec<_> = explicit.buckets.iter().map(|bucket| (bucket.upper_bound, bucket.cumulative_count)).collect();
    assert_eq!(buckets, [(1.0, 3), (10.0, 5), (f64::INFINITY, 5)]);
    assert!(explicit.buckets[0].exemplar.is_some() && explicit.buckets[2].exemplar.is_none());
    let counter = family("page_marked_total").metrics[0].counter.clone().unwrap();
    assert!(counter.value == 1.0 && counter.exemplar.is_some() && counter.created.is_some());
    let target = family("target_info");
    assert!(target.kind == MetricType::GAUGE && labels(&target.metrics[0]).contains(&("service_name", "shop")));
}

#[test]
fn an_exponential_histogram_has_an_exemplar_in_the_bucket_where_it_lies() {
    let _telemetry = telemetry_with(|builder| builder);
    let sizes = tripod::histogram("page.spread").exponential_buckets(160).build();
    let span = tripod::span!("measured");
    [1.0, 1000.0].iter().for_each(|value| sizes.record(*value, &[]));
    drop(span);
    let marked = lines("application/openmetrics-text", "page_spread_bucket");
    let marked: Vec<_> = marked.iter().filter(|line| line.contains(" # {trace_id=")).collect();
    assert_eq!(marked.len(), 2, "{marked:?}");
    for line in marked {
        let bound: f64 = line.split("le=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
        let value: f64 = line.split("} ").nth(2).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(value <= bound && value > bound * 0.95, "{line}");
    }
}

#[test]
fn without_telemetry_there_is_a_page_all_the_same() {
    let _turn = turn();
    tripod::counter("page.early").build().add(1, &[]);
    assert_eq!(lines("", "page_early_total 1").len(), 1);
}
