//! Labels by type: what is derived gives the series that the macro gives.

use std::sync::LazyLock;

use tripod::metrics::Typed;
use tripod::{Counter, Histogram, LabelValue, Labels, ToValue};

#[derive(LabelValue, Clone, Copy)]
enum Method {
    Get,
    #[label(rename = "PURGE")]
    Purge,
    VersionControl,
}

#[derive(LabelValue)]
#[label(rename_all = "kebab-case")]
enum Zone {
    UsEast,
}

#[derive(Labels)]
struct HttpLabels<'a> {
    method: Method,
    #[label(rename = "http.route")]
    route: &'a str,
    status: u16,
    #[label(skip)]
    _body: &'a [u8],
    user: Option<&'a str>,
    #[label(display)]
    peer: std::net::IpAddr,
}

#[derive(Labels)]
struct Generic<'a, 'b, T: ToValue, const N: usize> {
    a: &'a str,
    b: &'b T,
    r#type: [u8; N],
}

#[derive(Labels)]
struct NoLabels {}

fn labels<L: Labels>(labels: &L) -> Vec<String> {
    labels.with(|labels| labels.iter().map(|(key, value)| format!("{key}={value}")).collect())
}

fn http<'a>(route: &'a str, user: Option<&'a str>) -> HttpLabels<'a> {
    HttpLabels { method: Method::Get, route, status: 200, _body: b"", user, peer: [127, 0, 0, 1].into() }
}

#[test]
fn labels_come_in_order_of_their_keys_and_none_is_left_out() {
    let expected = ["http.route=/a", "method=get", "peer=127.0.0.1", "status=200"];
    assert_eq!(labels(&http("/a", None)), expected);
    assert_eq!(labels(&http("/a", Some("ada"))), [expected.as_slice(), &["user=ada"]].concat());
    assert_eq!(HttpLabels::KEYS, ["http.route", "method", "peer", "status", "user"]);
    assert!(labels(&NoLabels {}).is_empty());
    assert_eq!(labels(&Generic { a: "x", b: &1.5, r#type: [1, 2] }), ["a=x", "b=1.5", "type=[1,2]"]);
}

#[test]
fn an_enums_variants_are_text_in_the_case_that_it_asks_for() {
    let text = |value: &dyn ToValue| format!("{}", value.to_value());
    assert_eq!(
        [Method::Get, Method::Purge, Method::VersionControl].map(|m| text(&m)),
        ["get", "PURGE", "version_control"]
    );
    assert_eq!(text(&Zone::UsEast), "us-east");
}

#[test]
fn a_handle_in_a_static_takes_labels_borrowed_for_a_moment_and_finds_the_macros_series() {
    static REQUESTS: LazyLock<Typed<Counter, HttpLabels<'static>>> =
        LazyLock::new(|| tripod::counter("typed_requests_total").build().typed());
    for n in 0..3 {
        let route = format!("/orders/{}", n % 2);
        REQUESTS.add(1, &http(&route, None));
        REQUESTS.bind(&http(&route, None)).inc();
    }
    let same = tripod::labels!(status = 200, method = "get", peer = "127.0.0.1", "http.route" = "/orders/0");
    assert_eq!(REQUESTS.instrument().get(same), 4.0);
    assert_eq!(REQUESTS.get(&http("/orders/1", None)), 2.0);
    assert_eq!(REQUESTS.get(&http("/orders/1", Some("ada"))), 0.0);
}

#[test]
fn every_kind_of_instrument_takes_typed_labels() {
    let none = NoLabels {};
    let open: Typed<_, NoLabels> = tripod::up_down_counter("typed_open").build().typed();
    open.add(-2, &none);
    let level: Typed<_, NoLabels> = tripod::gauge("typed_level").build().typed();
    level.set(2.0, &none);
    level.inc(&none);
    let time: Typed<Histogram, NoLabels> = tripod::histogram("typed_seconds").build().typed();
    time.record(0.1, &none);
    let sizes: Typed<_, NoLabels> = tripod::metrics::namespace("typed").summary("sizes").build().typed();
    sizes.record(12.0, &none);
    assert_eq!((open.get(&none), level.get(&none)), (-2.0, 3.0));
}

#[test]
fn labels_of_one_call_are_kept_in_a_variable() {
    let counter = tripod::counter("kept_labels_total").build();
    let name = String::from("mail");
    tripod::let_labels!(set = name, length = name.len(), shown = %format!("{name}!"), "quoted.key" = 1 + 1, tags = &name.as_bytes()[..1]);
    counter.inc(set);
    counter.inc(set);
    let same = tripod::labels!(name = "mail", length = 4, shown = "mail!", "quoted.key" = 2, tags = [109]);
    assert_eq!(counter.get(same), 2.0);
    tripod::let_labels!(empty =);
    assert_eq!(empty.len(), 0);
}

#[test]
fn a_slice_is_a_list() {
    let all = [1, 2, 3];
    assert_eq!((&all[1..]).to_value().to_string(), "[2,3]");
    assert_eq!(tripod::labels!(some = &all[..2])[0].1.to_string(), "[1,2]");
}
