//! An HTTP request to axum, in process: what the layer adds to it, beside middleware by hand.

use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tower::Service;
use tripod::instrument::tower::ServerLayer;

use crate::peers::{tripod, tripod_lost};
use crate::row::{Measure, Peer, Row, Work};
use crate::service;
use crate::sinks::Kind;
use crate::spans::{FEW, ROW};

pub fn rows() -> Vec<Row> {
    let row = |name, title, measure| Row {
        name,
        group: "http",
        title,
        note: "The request is made, routed and answered, and its body read, in one poll: what bare axum takes is a part of each figure.",
        measure,
        calls: FEW,
        target: Some(1.5),
        peers: peers(),
        ..ROW
    };
    vec![
        row("http-server", "a request to axum, the caller's time", Measure::Caller),
        row("http-server-cpu", "a request to axum, CPU time of all threads", Measure::Cpu),
    ]
}

fn peers() -> Vec<Peer> {
    vec![
        Peer::new("tripod", || with_tripod(orders().layer(ServerLayer::new()))).note(
            "`ServerLayer`: 8 attributes, duration, active requests and size of the response, to the end of the body",
        ),
        Peer::new("by hand", || {
            let middleware = from_fn_with_state(service::tripod_instruments(), service::tripod_by_hand);
            with_tripod(orders().layer(middleware))
        })
        .note("the middleware of the row `axum`: 8 attributes, a counter and the duration; ends before the body"),
        Peer::new("bare", || Work::new(|n| ask(&Mutex::new(orders()), n))).unranked(),
    ]
}

fn with_tripod(app: Router) -> Work {
    let guard = tripod(|builder| builder.metrics(true));
    let app = Mutex::new(app);
    Work::new(move |n| ask(&app, n))
        .flush(move || {
            guard.flush();
        })
        .records(Kind::Span, 1)
        .lost(tripod_lost(guard))
}

fn orders() -> Router {
    Router::new().route("/orders/{id}", get(|Path(id): Path<u64>| async move { if id == 17 { "ada" } else { "" } }))
}

fn ask(app: &Mutex<Router>, times: u64) {
    let mut app = app.lock().expect("nobody panics");
    for _ in 0..times {
        let request = Request::get("/orders/17")
            .header("host", "shop.example.com")
            .header("user-agent", "bench/1.0")
            .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
            .body(Body::empty())
            .expect("a valid request");
        let Ok(response) = at_once(app.call(request));
        assert_eq!(at_once(to_bytes(response.into_body(), 3)).expect("a body of that size"), "ada");
    }
}

/// What is ready when first asked for.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("nothing here waits"),
    }
}
