//! What the attributes record: spans, metrics, errors, panics, cancellation.
#![allow(clippy::unused_async, clippy::unnecessary_wraps)]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use common::attribute;
use tripod::{ErrorType, StatusCode, count_calls, labels, measure_latency, telemetry, traced, track_metrics};
use tripod_wire::otlp::metrics::{HistogramDataPoint, MetricData};

fn counted(name: &str, labels: &[(&str, tripod::Value<'_>)]) -> f64 {
    tripod::counter(name.to_owned()).build().get(labels)
}

/// The point of a histogram that has just these labels.
fn point(name: &str, labels: &[(&str, &str)]) -> Option<HistogramDataPoint> {
    let metric = tripod::metrics::collect().into_iter().find(|metric| metric.name == name)?;
    let MetricData::Histogram { data_points, .. } = metric.data else { panic!("{name} is a histogram") };
    data_points.into_iter().find(|point| {
        let mut has: Vec<_> =
            point.attributes.iter().map(|label| (label.key.clone(), label.value.to_string())).collect();
        has.sort();
        has.iter().map(|(key, value)| (key.as_str(), value.as_str())).eq(labels.iter().copied())
    })
}

fn measured(name: &str, labels: &[(&str, &str)]) -> u64 {
    point(name, labels).map_or(0, |point| point.count)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// Polls once, then drops.
fn polled_once(future: impl Future) {
    block_on(async {
        tokio::select! {
            biased;
            _ = future => panic!("it is not done by then"),
            () = std::future::ready(()) => {}
        }
    });
}

#[derive(Debug)]
enum OrderError {
    Refused,
    Lost,
}

impl std::fmt::Display for OrderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?} it was")
    }
}

impl std::error::Error for OrderError {}

impl ErrorType for OrderError {
    fn error_type(&self) -> &str {
        match self {
            Self::Refused => "refused",
            Self::Lost => "lost",
        }
    }
}

#[test]
fn calls_errors_and_durations_are_counted_under_the_functions_name() {
    #[track_metrics]
    fn place_order(n: u32) -> Result<u32, OrderError> {
        match n {
            0 => Err(OrderError::Refused),
            1 => Err(OrderError::Lost),
            n => Ok(n),
        }
    }
    let _turn = common::turn();
    for n in 0..5 {
        let _ = place_order(n % 3);
    }
    assert_eq!(counted("place_order_calls_total", &[]), 5.0);
    assert_eq!(counted("place_order_errors_total", labels!(error_type = "refused")), 2.0);
    assert_eq!(counted("place_order_errors_total", labels!(error_type = "lost")), 2.0);
    assert_eq!(measured("place_order_duration_seconds", &[]), 5);
    let mut page = Vec::new();
    tripod::metrics::render_prometheus(tripod::metrics::PrometheusFormat::Text, &mut page);
    let page = String::from_utf8(page).unwrap();
    for sample in [
        "place_order_calls_total 5",
        "place_order_errors_total{error_type=\"refused\"} 2",
        "place_order_duration_seconds_count 5",
    ] {
        assert!(page.contains(sample), "{sample} in {page}");
    }
}

#[test]
fn a_name_and_labels_of_its_own_and_what_is_left_out() {
    #[track_metrics(name = "custom_operation", labels(component = "processor", shard = 3))]
    fn process() -> Result<(), OrderError> {
        Err(OrderError::Lost)
    }
    #[track_metrics("only_errors", calls = false, duration = false)]
    fn only_errors() -> Result<(), OrderError> {
        Err(OrderError::Lost)
    }
    #[track_metrics(errors = false, buckets = [1.0, 2.0])]
    fn no_errors() -> Result<(), OrderError> {
        Err(OrderError::Lost)
    }
    #[track_metrics(errors = false, duration = false)]
    fn only_calls() {}
    let _turn = common::turn();
    assert!(process().is_err() && only_errors().is_err() && no_errors().is_err());
    only_calls();
    assert_eq!(counted("custom_operation_calls_total", labels!(component = "processor", shard = 3)), 1.0);
    let failed = labels!(component = "processor", shard = 3, error_type = "lost");
    assert_eq!(counted("custom_operation_errors_total", failed), 1.0);
    assert_eq!(measured("custom_operation_duration_seconds", &[("component", "processor"), ("shard", "3")]), 1);
    assert_eq!(counted("only_errors_errors_total", labels!(error_type = "lost")), 1.0);
    assert_eq!(point("no_errors_duration_seconds", &[]).unwrap().explicit_bounds, [1.0, 2.0]);
    let names: Vec<String> = tripod::metrics::definitions().into_iter().map(|metric| metric.name).collect();
    for absent in
        ["only_errors_calls_total", "only_errors_duration_seconds", "no_errors_errors_total", "only_calls_errors_total"]
    {
        assert!(!names.iter().any(|name| name == absent), "{absent}");
    }
    assert_eq!(counted("only_calls_calls_total", &[]), 1.0);
}

#[test]
fn labels_are_made_of_arguments_which_the_body_may_take() {
    struct Request {
        method: String,
        path: String,
    }
    #[track_metrics(labels(method = request.method, long = %request.path, endpoint = "process"))]
    async fn handle(request: Request) -> Result<String, OrderError> {
        let Request { method, path } = request;
        tokio::task::yield_now().await;
        if method == "POST" { Err(OrderError::Refused) } else { Ok(path) }
    }
    let _turn = common::turn();
    let path = "/long".repeat(20);
    for method in ["GET", "POST", "GET"] {
        let _ = block_on(handle(Request { method: method.to_owned(), path: path.clone() }));
    }
    let get = labels!(endpoint = "process", method = "GET", long = path);
    assert_eq!(counted("handle_calls_total", get), 2.0);
    let refused = labels!(endpoint = "process", method = "POST", long = path, error_type = "refused");
    assert_eq!(counted("handle_errors_total", refused), 1.0);
    assert_eq!(measured("handle_duration_seconds", &[("endpoint", "process"), ("long", &path), ("method", "GET")]), 2);
}

#[test]
fn a_cancelled_call_is_counted_once_and_one_that_was_never_polled_not_at_all() {
    #[track_metrics]
    async fn waits() {
        std::future::pending::<()>().await;
    }
    #[measure_latency("waits_latency_seconds")]
    #[count_calls("waits_counted_total", labels(kind = "slow"))]
    async fn measured_too() {
        waits().await;
    }
    let _turn = common::turn();
    drop(waits());
    assert_eq!(counted("waits_calls_total", &[]), 0.0);
    polled_once(waits());
    polled_once(measured_too());
    assert_eq!(counted("waits_calls_total", &[]), 2.0);
    assert_eq!(counted("waits_errors_total", labels!(error_type = "cancelled")), 2.0);
    assert_eq!(measured("waits_duration_seconds", &[]), 2);
    assert_eq!(measured("waits_latency_seconds", &[]), 1);
    assert_eq!(counted("waits_counted_total", labels!(kind = "slow")), 1.0);
}

#[test]
fn a_panic_is_an_error_and_goes_on() {
    #[track_metrics]
    fn breaks(now: bool) {
        assert!(!now, "broken");
    }
    #[track_metrics]
    async fn breaks_later() {
        tokio::task::yield_now().await;
        breaks(true);
    }
    let _turn = common::turn();
    let message = catch_unwind(|| breaks(true)).unwrap_err();
    assert_eq!(message.downcast_ref::<&str>(), Some(&"broken"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert!(runtime.block_on(runtime.spawn(breaks_later())).unwrap_err().is_panic());
    assert_eq!(counted("breaks_errors_total", labels!(error_type = "panic")), 2.0);
    assert_eq!(counted("breaks_later_errors_total", labels!(error_type = "panic")), 1.0);
    assert_eq!((measured("breaks_duration_seconds", &[]), measured("breaks_later_duration_seconds", &[])), (2, 1));
}

#[test]
fn a_duration_is_what_the_call_took() {
    #[measure_latency("nap_seconds", labels(tier = tier), buckets = [0.01, 10.0])]
    fn nap(tier: &str, time: Duration) {
        std::thread::sleep(time);
    }
    let _turn = common::turn();
    nap("gold", Duration::from_millis(20));
    let point = point("nap_seconds", &[("tier", "gold")]).unwrap();
    assert_eq!((point.count, point.explicit_bounds), (1, vec![0.01, 10.0]));
    assert!(point.sum.unwrap() >= 0.02, "{:?}", point.sum);
}

#[test]
fn several_attributes_on_one_function_record_each_their_part() {
    #[track_metrics(labels(order = order))]
    #[count_calls("stacked_total")]
    #[traced("stacked", args)]
    #[measure_latency("stacked_seconds")]
    async fn stacked(order: u32) -> Result<u32, OrderError> {
        tokio::task::yield_now().await;
        tripod::current().set_attribute("inside", true);
        Err(OrderError::Refused)
    }
    let telemetry = common::telemetry();
    assert!(block_on(stacked(7)).is_err());
    let span = telemetry.span("stacked");
    assert_eq!(attribute(&span.attributes, "order"), &7_i64.into());
    assert_eq!(attribute(&span.attributes, "inside"), &true.into());
    assert_eq!((span.status.code, span.status.message.as_str()), (StatusCode::ERROR, "Refused it was"));
    assert_eq!(counted("stacked_errors_total", labels!(order = 7, error_type = "refused")), 1.0);
    assert_eq!(counted("stacked_total", &[]), 1.0);
    assert_eq!(measured("stacked_seconds", &[]), 1);
}

#[test]
fn the_attribute_next_to_the_function_is_the_outermost_so_that_exemplars_lead_to_its_span() {
    #[track_metrics]
    #[traced]
    fn exemplary() {}
    let telemetry = common::telemetry();
    exemplary();
    let span = telemetry.span("exemplary");
    let point = point("exemplary_duration_seconds", &[]).unwrap();
    let spans: Vec<_> = point.exemplars.iter().map(|exemplar| exemplar.span_id).collect();
    assert_eq!(spans, [span.span_id]);
}

#[test]
fn calls_within_calls_are_counted_each_and_their_spans_are_nested() {
    #[track_metrics]
    #[traced]
    async fn inner(fails: bool) -> Result<(), OrderError> {
        tokio::task::yield_now().await;
        if fails { Err(OrderError::Lost) } else { Ok(()) }
    }
    #[track_metrics]
    #[traced]
    async fn outer() -> Result<(), OrderError> {
        inner(false).await?;
        inner(true).await?;
        inner(false).await
    }
    let telemetry = common::telemetry();
    assert!(block_on(outer()).is_err());
    assert_eq!((counted("outer_calls_total", &[]), counted("inner_calls_total", &[])), (1.0, 2.0));
    let failed = labels!(error_type = "lost");
    assert_eq!((counted("outer_errors_total", failed), counted("inner_errors_total", failed)), (1.0, 1.0));
    let outer = telemetry.span("outer");
    let inner: Vec<_> = telemetry.spans().into_iter().filter(|span| span.name == "inner").collect();
    assert_eq!(inner.len(), 2);
    assert!(inner.iter().all(|span| span.parent_span_id == outer.span_id && span.trace_id == outer.trace_id));
}

#[test]
fn arguments_are_recorded_only_where_they_are_asked_for() {
    #[derive(Debug)]
    #[allow(dead_code)]
    struct Order {
        id: u32,
    }
    struct Secret;
    #[traced]
    fn nothing(_user: &str) {}
    #[traced(args, skip(password), fields(user = "hidden", order.id = order.id))]
    fn login(user: &str, password: &Secret, order: &Order, tries: Option<u8>, tags: Vec<String>, _unused: Secret) {
        let _ = (user, password);
    }
    let telemetry = common::telemetry();
    nothing("ada");
    login("ada", &Secret, &Order { id: 7 }, None, vec!["a".to_owned()], Secret);
    assert_eq!(telemetry.span("nothing").attributes, []);
    let span = telemetry.span("login");
    let mut keys: Vec<&str> = span.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["order", "order.id", "tags", "tries", "user"]);
    assert_eq!(attribute(&span.attributes, "user"), &"hidden".into());
    assert_eq!(attribute(&span.attributes, "order"), &"Order { id: 7 }".into());
    assert_eq!(attribute(&span.attributes, "order.id"), &7_i64.into());
}

#[test]
fn a_future_has_its_span_until_it_is_done_whatever_makes_it() {
    #[traced]
    fn as_a_block() -> impl Future<Output = Result<(), OrderError>> {
        async {
            tokio::task::yield_now().await;
            drop(tripod::span!("within a block"));
            Err(OrderError::Lost)
        }
    }
    #[traced]
    fn as_a_value() -> std::pin::Pin<Box<dyn Future<Output = Result<(), OrderError>> + Send>> {
        drop(tripod::span!("before the future"));
        let future = async {
            tokio::task::yield_now().await;
            drop(tripod::span!("within the future"));
            Err(OrderError::Lost)
        };
        Box::pin(future)
    }
    let telemetry = common::telemetry();
    assert!(block_on(as_a_block()).is_err() && block_on(as_a_value()).is_err());
    for (child, parent) in
        [("within a block", "as_a_block"), ("before the future", "as_a_value"), ("within the future", "as_a_value")]
    {
        let (child, parent) = (telemetry.span(child), telemetry.span(parent));
        assert_eq!(child.parent_span_id, parent.span_id, "{}", child.name);
        assert_eq!(parent.status.code, StatusCode::ERROR);
    }
}

#[test]
fn telemetry_is_a_span_a_request_and_its_error() {
    const PROVIDER: &str = "finnhub";
    #[telemetry(provider = PROVIDER, fields(symbol = symbol))]
    async fn fetch_data(symbol: String) -> Result<u32, OrderError> {
        tokio::task::yield_now().await;
        if symbol == "AAPL" { Ok(1) } else { Err(OrderError::Lost) }
    }
    #[telemetry(provider = "finnhub", operation = "wait", name = "waiting", kind = "client")]
    async fn waits() {
        std::future::pending::<()>().await;
    }
    #[telemetry(provider = "finnhub", errors = false)]
    fn may_fail() -> Result<(), OrderError> {
        Err(OrderError::Lost)
    }
    #[telemetry(provider = "finnhub")]
    fn panics() {
        panic!("on purpose");
    }
    let telemetry = common::telemetry();
    let active = || tripod::up_down_counter("adapter_active_requests").build().get(labels!(provider = PROVIDER));
    assert!(block_on(fetch_data("AAPL".to_owned())).is_ok());
    assert!(block_on(fetch_data("MSFT".to_owned())).is_err());
    polled_once(async {
        let waiting = waits();
        tokio::pin!(waiting);
        std::future::poll_fn(|task| {
            assert!(waiting.as_mut().poll(task).is_pending());
            assert_eq!(active(), 1.0);
            std::task::Poll::<()>::Pending
        })
        .await;
    });
    assert!(may_fail().is_err());
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert_eq!(active(), 0.0);
    for (operation, status) in [
        ("fetch_data", "success"),
        ("fetch_data", "error"),
        ("wait", "cancelled"),
        ("may_fail", "success"),
        ("panics", "error"),
    ] {
        let of = labels!(provider = PROVIDER, operation, status);
        assert_eq!(counted("adapter_requests_total", of), 1.0, "{operation} {status}");
    }
    for (operation, error_type) in [("fetch_data", "lost"), ("panics", "panic")] {
        let of = labels!(provider = PROVIDER, operation, error_type);
        assert_eq!(counted("adapter_errors_total", of), 1.0, "{operation}");
    }
    assert_eq!(measured("adapter_request_duration_seconds", &[("operation", "fetch_data"), ("provider", PROVIDER)]), 2);

    let spans = telemetry.spans();
    let fetched: Vec<_> = spans.iter().filter(|span| span.name == "adapter.fetch_data").collect();
    assert_eq!(fetched.len(), 2);
    for (key, value) in [("provider", PROVIDER), ("operation", "fetch_data"), ("symbol", "AAPL")] {
        assert_eq!(attribute(&fetched[0].attributes, key), &value.into());
    }
    assert_eq!((fetched[0].status.code, fetched[1].status.code), (StatusCode::UNSET, StatusCode::ERROR));
    assert_eq!(telemetry.span("waiting").kind, tripod::SpanKind::CLIENT);
    assert_eq!(telemetry.span("adapter.may_fail").status.code, StatusCode::UNSET);
    assert!(telemetry.span("adapter.panics").status.message.starts_with("on purpose"));
}

#[test]
fn operations_are_timed_and_traced_by_hand() {
    use tripod::instrument::{time_operation, trace_operation};
    let telemetry = common::telemetry();
    let timed = time_operation("by_hand_seconds", labels!(query_type = "select"));
    std::thread::sleep(Duration::from_millis(2));
    assert!(timed.elapsed() >= Duration::from_millis(2));
    drop(timed);
    time_operation("by_hand_seconds", labels!(query_type = "select")).discard();
    block_on(async {
        let _timed = time_operation("by_hand_seconds", labels!(query_type = "insert"));
        tokio::task::yield_now().await;
    });
    let select = point("by_hand_seconds", &[("query_type", "select")]).unwrap();
    assert_eq!(select.count, 1);
    assert!(select.sum.unwrap() >= 0.002);
    assert_eq!(measured("by_hand_seconds", &[("query_type", "insert")]), 1);
    tripod::counter("by_hand_total").build();
    let lost = tripod::metrics::lost_by_name();
    drop(time_operation("by_hand_total", &[]));
    assert_eq!(tripod::metrics::lost_by_name(), lost + 1, "a counter can't be timed");

    trace_operation("guard").enter().set_attribute("table", "users");
    assert!(trace_operation("closure").run(|| Err::<(), _>(OrderError::Lost)).is_err());
    assert!(block_on(trace_operation("future").run_future(async { Err::<(), _>(OrderError::Lost) })).is_err());
    drop(trace_operation("never begun"));
    assert_eq!(attribute(&telemetry.span("guard").attributes, "table"), &"users".into());
    assert_eq!(telemetry.span("closure").status.message, "Lost it was");
    assert_eq!(telemetry.span("future").status.message, "Lost it was");
    assert_eq!(telemetry.spans().len(), 3);
}

#[test]
fn while_telemetry_is_off_no_label_is_evaluated_and_nothing_recorded() {
    #[track_metrics(labels(n = costly()))]
    #[count_calls("off_total", labels(n = costly()))]
    #[measure_latency("off_seconds", labels(n = costly()))]
    #[telemetry(provider = "off", fields(n = costly()))]
    fn work() -> u32 {
        1
    }
    fn costly() -> u32 {
        panic!("not to be evaluated")
    }
    let _turn = common::turn();
    let guard = tripod::init().disabled(true).start().unwrap();
    assert_eq!(work(), 1);
    drop(guard);
}
