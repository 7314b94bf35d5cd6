//! The same calls through Tripod's bridges and through what their users have today.

use tracing_subscriber::layer::SubscriberExt;

use crate::metrics::LABELS;
use crate::peers::{self, label_sets};
use crate::row::{Peer, Row, Work};
use crate::sinks::Kind;
use crate::spans::{FEW, ROW};

pub fn rows() -> Vec<Row> {
    vec![
        Row {
            name: "tracing",
            title: "tracing: a span within a span, 3 fields, the caller's time",
            note: "Spans of the crate tracing, in each case with all that its subscriber needs.",
            group: "bridges",
            calls: FEW / 2,
            peers: spans(),
            ..ROW
        },
        Row {
            name: "facade",
            title: "metrics: a counter by its macro, 3 labels of the caller's",
            note: "64 label sets in rotation, of strings that the façade wants owned.",
            group: "bridges",
            calls: 0,
            peers: counters(),
            ..ROW
        },
    ]
}

fn spans() -> Vec<Peer> {
    vec![
        Peer::new("tripod", || {
            let guard = peers::tripod(|builder| builder);
            tripod::bridge::tracing::subscriber().init().expect("one subscriber a process");
            two_spans().flush(|| _ = guard.flush()).records(Kind::Span, 2).lost(peers::tripod_lost(guard))
        }),
        Peer::new("tripod, layer", || {
            let guard = peers::tripod(|builder| builder);
            let subscriber = tracing_subscriber::registry().with(tripod::bridge::tracing::layer());
            tracing::subscriber::set_global_default(subscriber).expect("one subscriber a process");
            two_spans().flush(|| _ = guard.flush()).records(Kind::Span, 2).lost(peers::tripod_lost(guard))
        })
        .note("over tracing-subscriber's registry, for who has other layers too")
        .unranked(),
        Peer::new("tracing-otel, lean", || {
            let (provider, tracer) = peers::otel_traces();
            let subscriber = tracing_subscriber::registry().with(peers::lean_layer(tracer));
            tracing::subscriber::set_global_default(subscriber).expect("one subscriber a process");
            two_spans().flush(move || _ = provider.force_flush()).records(Kind::Span, 2)
        }),
    ]
}

fn two_spans() -> Work {
    let sets = label_sets();
    Work::each(move |at| {
        let [method, route, _] = &sets[at % 64];
        let _root = tracing::info_span!("root").entered();
        let _child =
            tracing::info_span!("child", method = method.as_str(), route = route.as_str(), attempt = at).entered();
    })
}

fn counters() -> Vec<Peer> {
    vec![
        Peer::new("tripod", || {
            tripod::bridge::metrics::init().expect("one recorder a process");
            counts()
        }),
        Peer::new("metrics + exporter-prometheus", || {
            peers::metrics_recorder();
            counts()
        }),
    ]
}

fn counts() -> Work {
    let sets = label_sets();
    Work::each(move |at| {
        let [method, route, status] = &sets[at % 64];
        let labels = [(LABELS[0], method.clone()), (LABELS[1], route.clone()), (LABELS[2], status.clone())];
        metrics::counter!("bench", &labels).increment(1);
    })
}
