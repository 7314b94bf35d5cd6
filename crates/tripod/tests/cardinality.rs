//! Label sets are bounded, nothing recorded beyond the bound is lost, and it is said which label is to blame.

mod common;

use common::{attribute, telemetry};
use tripod::metrics::{Cardinality, cardinality};
use tripod_wire::otlp::metrics::{MetricData, NumberValue};

fn of(instrument: &str) -> Cardinality {
    cardinality().into_iter().find(|own| own.instrument == instrument).unwrap()
}

#[test]
fn what_overflows_is_counted_together_and_the_label_with_the_most_values_comes_first() {
    let telemetry = telemetry();
    let logins = tripod::counter("card_logins_total").max_series(10).build();
    for user in 0..40 {
        logins.add(2, tripod::labels!(user, method = if user % 2 == 0 { "password" } else { "token" }));
    }
    logins.inc(tripod::labels!(user = 3, method = "token"));
    let report = of("card_logins_total");
    assert_eq!((report.series, report.limit, report.overflowed), (10, 10, 30));
    assert_eq!(report.labels, [("user".to_owned(), 10), ("method".to_owned(), 2)]);
    let MetricData::Sum { data_points, .. } = telemetry.metric("card_logins_total").data else { panic!("a sum") };
    assert_eq!(data_points.len(), 11);
    let overflow = data_points.iter().find(|point| point.attributes[0].key == "otel.metric.overflow").unwrap();
    assert_eq!(
        (overflow.value, attribute(&overflow.attributes, "otel.metric.overflow")),
        (NumberValue::Int(60), &true.into())
    );
}

#[test]
fn what_overflows_comes_first_then_what_has_the_most_series() {
    let small = tripod::counter("card_small_total").max_series(1).build();
    let large = tripod::counter("card_large_total").build();
    for n in 0..20 {
        large.inc(tripod::labels!(n));
    }
    small.inc(tripod::labels!(n = 1));
    small.inc(tripod::labels!(n = 2));
    let all = cardinality();
    let at = |name: &str| all.iter().position(|own| own.instrument == name).unwrap();
    assert!(at("card_small_total") < at("card_large_total"));
    assert_eq!((of("card_large_total").series, of("card_large_total").overflowed), (20, 0));
}
