//! The service with Tripod.

use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tripod::{Counter, Guard, Histogram, InSpanExt, SpanBuilder, SpanKind};

use super::METRIC_INTERVAL;
use super::app::{Telemetry, header, router};

struct Tripod;

impl Telemetry for Tripod {
    fn child(order: u64, work: impl FnOnce() -> f64) -> f64 {
        let _span = tripod::span!("price order", app.order.id = order);
        work()
    }

    fn priced(order: u64, items: u32, total: f64) {
        tripod::info!("order priced", app.order.id = order, app.order.items = items, app.order.total = total);
    }
}

/// What the middleware records into.
#[derive(Clone)]
pub struct Instruments {
    requests: Counter,
    duration: Histogram,
}

pub fn app(sink: &str) -> (Router, Guard) {
    let guard = tripod::init().service_name("shop").otlp_endpoint(sink).metric_interval(METRIC_INTERVAL).start();
    (router::<Tripod>().layer(from_fn_with_state(instruments(), serve)), guard.expect("telemetry starts"))
}

pub fn instruments() -> Instruments {
    Instruments {
        requests: tripod::counter("http.server.requests").unit("{request}").build(),
        duration: tripod::histogram("http.server.request.duration").unit("s").build(),
    }
}

pub async fn serve(State(instruments): State<Instruments>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    let method = request.method().clone();
    let span = SpanBuilder::new(format!("{method} {route}"))
        .parent(tripod::propagation::extract(request.headers()))
        .kind(SpanKind::SERVER)
        .attribute("http.request.method", method.as_str())
        .attribute("http.route", route)
        .attribute("url.path", request.uri().path())
        .attribute("url.scheme", "http")
        .attribute("server.address", header(&request, "host"))
        .attribute("user_agent.original", header(&request, "user-agent"))
        .attribute("network.protocol.version", "1.1")
        .start();
    let response = async {
        let response = next.run(request).await;
        tripod::current().set_attribute("http.response.status_code", i64::from(response.status().as_u16()));
        response
    };
    let response = response.in_span(span).await;
    let (method, status) = (method.as_str(), response.status().as_u16());
    let labels = tripod::labels!(http.request.method = method, http.route = route, http.response.status_code = status);
    instruments.requests.add(1, labels);
    instruments.duration.record(start.elapsed().as_secs_f64(), labels);
    response
}
