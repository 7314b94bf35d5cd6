//! Attributes beside the same written by hand: what a call of an empty function costs.

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Instant;

use tripod::metrics::{BoundCounter, BoundHistogram};
use tripod::{Counter, Histogram};

use crate::peers;
use crate::row::{Measure, Peer, Row, Unit, Work};
use crate::sinks::Kind;
use crate::spans::FEW;

const ROW: Row = Row {
    name: "",
    group: "attributes",
    title: "",
    note: "",
    measure: Measure::Caller,
    unit: Unit::Nanos,
    threads: 1,
    calls: 0,
    parts: 1,
    target: Some(1.1),
    peers: Vec::new(),
};

pub fn rows() -> Vec<Row> {
    vec![
        Row {
            name: "track-metrics",
            title: "`#[track_metrics]` on an empty function",
            note: "By hand: the same instruments, bound and kept; the clock is the standard library's.",
            peers: tracked(),
            ..ROW
        },
        Row {
            name: "track-labels",
            title: "`#[track_metrics(labels(…))]` with a label made of an argument",
            note: "By hand: the same instruments, the label looked up for each.",
            peers: tracked_with_a_label(),
            ..ROW
        },
        Row { name: "count-calls", title: "`#[count_calls]` on an empty function", peers: counted(), ..ROW },
        Row {
            name: "traced",
            title: "`#[traced]` on an empty function",
            note: "By hand: the macro `span!`.",
            calls: FEW,
            peers: traced(),
            ..ROW
        },
    ]
}

#[tripod::track_metrics]
#[inline(never)]
fn attribute() {
    black_box(());
}

#[inline(never)]
fn by_hand(calls: &BoundCounter, duration: &BoundHistogram) {
    calls.inc();
    let started = Instant::now();
    black_box(());
    duration.record(started.elapsed().as_secs_f64());
}

fn tracked() -> Vec<Peer> {
    vec![
        Peer::new("tripod", || {
            Work::each(|_| attribute()).total(|| tripod::counter("attribute_calls_total").build().get(&[]) as u64)
        }),
        Peer::new("by hand", || {
            let calls = tripod::counter("by_hand_calls_total").build().bind(&[]);
            let duration = tripod::histogram("by_hand_duration_seconds").unit("s").build().bind(&[]);
            let total = calls.clone();
            Work::each(move |_| by_hand(&calls, &duration)).total(move || total.get() as u64)
        }),
    ]
}

#[tripod::track_metrics(labels(method = method))]
#[inline(never)]
fn labelled(method: &str) {
    black_box(method);
}

#[inline(never)]
fn labelled_by_hand(calls: &Counter, duration: &Histogram, method: &str) {
    calls.inc(tripod::labels!(method));
    let started = Instant::now();
    black_box(method);
    duration.record(started.elapsed().as_secs_f64(), tripod::labels!(method));
}

const METHODS: [&str; 4] = ["GET", "PUT", "POST", "DELETE"];

fn total(calls: &Counter) -> u64 {
    METHODS.iter().map(|method| calls.get(tripod::labels!(method)) as u64).sum()
}

fn tracked_with_a_label() -> Vec<Peer> {
    vec![
        Peer::new("tripod", || {
            Work::each(|at| labelled(METHODS[at % 4])).total(|| total(&tripod::counter("labelled_calls_total").build()))
        }),
        Peer::new("by hand", || {
            let calls = tripod::counter("labelled_by_hand_calls_total").build();
            let duration = tripod::histogram("labelled_by_hand_duration_seconds").unit("s").build();
            let all = calls.clone();
            Work::each(move |at| labelled_by_hand(&calls, &duration, METHODS[at % 4])).total(move || total(&all))
        }),
    ]
}

#[tripod::count_calls("counted_by_attribute_total", labels(tier = "gold"))]
#[inline(never)]
fn counted_by_attribute() {
    black_box(());
}

#[inline(never)]
fn counted_by_hand() {
    static CALLS: LazyLock<BoundCounter> =
        LazyLock::new(|| tripod::counter("counted_by_hand_total").build().bind(tripod::labels!(tier = "gold")));
    CALLS.inc();
    black_box(());
}

fn counted() -> Vec<Peer> {
    vec![
        Peer::new("tripod", || Work::each(|_| counted_by_attribute()).total(|| gold("counted_by_attribute_total"))),
        Peer::new("by hand", || Work::each(|_| counted_by_hand()).total(|| gold("counted_by_hand_total"))),
    ]
}

fn gold(name: &'static str) -> u64 {
    tripod::counter(name).build().get(tripod::labels!(tier = "gold")) as u64
}

#[tripod::traced("root")]
#[inline(never)]
fn traced_by_attribute() {
    black_box(());
}

#[inline(never)]
fn traced_by_hand() {
    let _span = tripod::span!("root");
    black_box(());
}

fn with_spans(call: fn()) -> Work {
    let guard = peers::tripod(|builder| builder);
    Work::each(move |_| call()).flush(|| _ = guard.flush()).records(Kind::Span, 1).lost(peers::tripod_lost(guard))
}

fn traced() -> Vec<Peer> {
    vec![Peer::new("tripod", || with_spans(traced_by_attribute)), Peer::new("by hand", || with_spans(traced_by_hand))]
}
