//! Every metric of the catalogue has a way to be recorded, and stands on the page as the catalogue says.

use std::collections::BTreeSet;
use std::time::Duration;

use tripod::catalog::{self, Metric};

use super::common::{turn, wait_until};
use super::exercise;
use super::shown::Page;

/// What a page has of a metric that the catalogue does not say, or the other way round.
fn complaint(page: &Page, metric: &Metric) -> Option<String> {
    let name = metric.prometheus_name();
    let Some(family) = page.0.get(&name) else { return Some(format!("{name} is not recorded")) };
    if family.kind != metric.prometheus_type() {
        return Some(format!("{name} is a {}, not a {}", family.kind, metric.prometheus_type()));
    }
    // A name may belong to two sets; then each series has the labels of one of them.
    let own: BTreeSet<String> = metric.prometheus_labels().collect();
    let series = family.samples.iter().map(super::shown::Sample::own_labels).filter(|labels| labels.is_subset(&own));
    let seen: BTreeSet<String> = series.flatten().collect();
    (seen != own || family.samples.is_empty()).then(|| format!("{name} has the labels {seen:?}, not {own:?}"))
}

#[test]
fn every_metric_is_recorded_by_its_set_with_its_name_type_and_labels() {
    let _turn = turn();
    let _sampling = catalog::system::start(Duration::ZERO).unwrap();
    exercise::everything();
    // What is sampled comes a moment later; shares of processor time with the second sample.
    let complaints = || catalog::metrics().filter_map(|metric| complaint(&Page::now(), metric)).collect::<Vec<_>>();
    if cfg!(target_os = "linux") {
        wait_until(|| {
            catalog::metrics()
                .filter(|metric| metric.set == "system")
                .all(|metric| complaint(&Page::now(), metric).is_none())
        });
        assert_eq!(complaints(), Vec::<String>::new());
    } else {
        assert!(complaints().iter().all(|complaint| complaint.starts_with("process_")));
    }
}

#[test]
fn labels_are_known_and_few() {
    for metric in catalog::metrics() {
        assert!(metric.labels.len() <= 4, "{}", metric.name);
        let distinct: BTreeSet<_> = metric.labels.iter().collect();
        assert_eq!(distinct.len(), metric.labels.len(), "{}", metric.name);
        // Prometheus gives each target such labels: ours would be renamed.
        let of_targets = ["job", "instance", "service"];
        assert!(!metric.labels.iter().any(|label| of_targets.contains(label)), "{}", metric.name);
        assert!(!metric.description.is_empty() && !metric.description.ends_with('.'), "{}", metric.name);
    }
}

#[test]
fn system_metrics_are_gone_when_nobody_wants_them_any_more() {
    let _turn = turn();
    let seen = || Page::now().0.contains_key("system_memory_usage_bytes");
    let first = catalog::system::start(Duration::from_secs(3600)).unwrap();
    let second = catalog::system::start(Duration::from_millis(300)).unwrap();
    wait_until(seen);
    drop(first);
    assert!(seen(), "the other is still there");
    drop(second);
    assert!(!seen());
    let third = catalog::system::start(Duration::from_secs(1)).unwrap();
    wait_until(seen);
    drop(third);
}

#[test]
fn custom_metrics_stand_beside_the_catalogues() {
    let _turn = turn();
    let operations = tripod::counter("custom_operations_total").description("Total custom operations").build();
    operations.inc(tripod::labels!(operation_type = "import", status = "success"));
    let duration =
        tripod::histogram("custom_operation_duration_seconds").unit("s").buckets(&[0.1, 0.5, 1.0, 2.0, 5.0]).build();
    duration.record(0.7, tripod::labels!(operation_type = "import"));
    let usage = tripod::gauge("custom_resource_usage").build();
    usage.set(0.8, tripod::labels!(resource_type = "disk"));

    let page = Page::now();
    assert_eq!(page.0["custom_operations_total"].kind, "counter");
    assert_eq!(page.sum("custom_operations_total", &[("operation_type", "import"), ("status", "success")]), 1.0);
    assert_eq!(page.sum("custom_operation_duration_seconds_bucket", &[("le", "1")]), 1.0);
    assert_eq!(page.sum("custom_operation_duration_seconds_bucket", &[("le", "0.5")]), 0.0);
    assert_eq!(page.sum("custom_resource_usage", &[("resource_type", "disk")]), 0.8);
}
