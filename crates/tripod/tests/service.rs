//! A service: what its routes answer, what its checks may do, and the spans of its start and its end.
#![cfg(not(loom))]

mod common;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Request, Response, StatusCode};
use serde_json::Value;
use tower::{Service as _, ServiceExt};
use tripod::service::{Check, Service};
use tripod::{InSpanExt, MemoryExporter};
use tripod_wire::SpanId;
use tripod_wire::otlp::Span;

/// What a route answers, through a router as programs have it.
async fn get(routes: &Router, path: &str) -> (StatusCode, Value) {
    let response = send(routes, Request::get(path)).await;
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn send(routes: &Router, request: http::request::Builder) -> Response<Body> {
    let answered: Result<_, Infallible> = routes.clone().oneshot(request.body(Body::empty()).unwrap()).await;
    answered.unwrap()
}

fn routes(service: &Service) -> Router {
    Router::new().route("/charge", axum::routing::post(async || "charged")).fallback_service(service.routes())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A service that is ready, and one thing it needs.
fn with(check: Check) -> (Service, Router) {
    let service = Service::of("checkout");
    service.check(check);
    service.ready();
    let routes = routes(&service);
    (service, routes)
}

const SOON: Duration = Duration::from_millis(20);

#[test]
fn a_service_is_ready_from_when_it_says_so_until_it_stops_and_lives_all_the_time() {
    let _turn = common::turn();
    runtime().block_on(async {
        let service = Service::of("checkout");
        let routes = routes(&service);
        let status = async || {
            let (alive, _) = get(&routes, "/livez").await;
            assert_eq!(alive, StatusCode::OK);
            let (code, report) = get(&routes, "/readyz").await;
            (code.as_u16(), report["status"].as_str().unwrap().to_owned())
        };
        assert_eq!(status().await, (503, "starting".to_owned()));
        service.ready();
        assert_eq!(status().await, (200, "ready".to_owned()));
        service.stopping();
        service.ready();
        assert_eq!(status().await, (503, "stopping".to_owned()));
        drop(service);
        assert_eq!(status().await, (503, "stopping".to_owned()));
    });
}

#[test]
fn the_routes_stand_beside_those_of_the_program() {
    let _turn = common::turn();
    runtime().block_on(async {
        let service = Service::of("checkout");
        service.counter("service.charges").build().add(3, &[]);
        let routes = routes(&service);
        assert_eq!(send(&routes, Request::post("/charge")).await.status(), StatusCode::OK);
        assert_eq!(send(&routes, Request::get("/nothing")).await.status(), StatusCode::NOT_FOUND);
        let page = send(&routes, Request::get("/metrics")).await;
        let page = String::from_utf8(to_bytes(page.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap();
        assert!(page.contains("service_charges_total 3\n") || page.contains("service_charges_total{"), "{page}");
        let post = send(&routes, Request::post("/readyz")).await;
        assert_eq!(
            (post.status(), &post.headers()["allow"]),
            (StatusCode::METHOD_NOT_ALLOWED, &"GET, HEAD".parse().unwrap())
        );
        let head = send(&routes, Request::head("/livez")).await;
        assert_ne!(head.headers()["content-length"], "0");
        assert!(to_bytes(head.into_body(), usize::MAX).await.unwrap().is_empty());
        let ready: Router = Router::new().route_service("/health/ready", service.readiness());
        assert_eq!(get(&ready, "/health/ready").await.0, StatusCode::SERVICE_UNAVAILABLE);
    });
}

#[test]
fn what_fails_is_said_with_its_causes_and_what_is_optional_does_not_count() {
    #[derive(Debug, thiserror::Error)]
    #[error("no connection")]
    struct NoConnection(#[source] std::io::Error);
    let refused = || NoConnection(std::io::Error::other("refused"));
    let _turn = common::turn();
    runtime().block_on(async {
        let (service, routes) = with(Check::new("cache", move || async move { Err(refused()) }).optional());
        let (code, report) = get(&routes, "/readyz").await;
        assert_eq!(
            (code, &report["status"], &report["service"]),
            (StatusCode::OK, &"ready".into(), &"checkout".into())
        );
        let cache = &report["checks"][0];
        assert_eq!(
            (&cache["name"], &cache["status"], &cache["optional"]),
            (&"cache".into(), &"failed".into(), &true.into())
        );
        assert_eq!(cache["reason"], "no connection: refused");
        service.check(Check::blocking("disk", || Err("full")));
        service.check(Check::blocking("clock", || Ok::<_, String>(())));
        let (code, report) = get(&routes, "/readyz").await;
        assert_eq!((code, &report["status"]), (StatusCode::SERVICE_UNAVAILABLE, &"not ready".into()));
        assert_eq!(
            (&report["checks"][1]["reason"], &report["checks"][2]["status"]),
            (&"full".into(), &"passed".into())
        );
    });
}

#[test]
fn a_check_that_hangs_or_panics_has_failed_and_the_next_probe_asks_anew() {
    let _turn = common::turn();
    runtime().block_on(async {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let (_service, routes) = with(
            Check::new("moody", move || {
                let call = counted.fetch_add(1, Ordering::Relaxed);
                async move {
                    match call {
                        0 => std::future::pending::<()>().await,
                        1 => panic!("moody"),
                        _ => {}
                    }
                    Ok::<_, String>(())
                }
            })
            .timeout(SOON),
        );
        let (_, report) = get(&routes, "/readyz").await;
        assert_eq!(report["checks"][0]["reason"], "it took longer than 20ms");
        let (_, report) = get(&routes, "/readyz").await;
        assert_eq!(report["checks"][0]["reason"], "it panicked");
        let (code, _) = get(&routes, "/readyz").await;
        assert_eq!((code, calls.load(Ordering::Relaxed)), (StatusCode::OK, 3));
    });
}

#[test]
fn a_blocking_check_that_hangs_holds_one_thread_however_often_it_is_asked_for() {
    let _turn = common::turn();
    runtime().block_on(async {
        let (begun, free) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, wait) = (Arc::clone(&begun), Arc::clone(&free));
        let check = Check::blocking("disk", move || {
            count.fetch_add(1, Ordering::Relaxed);
            while !wait.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok::<_, String>(())
        });
        let (_service, routes) = with(check.timeout(SOON));
        for _ in 0..3 {
            assert_eq!(get(&routes, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
        }
        assert_eq!(begun.load(Ordering::Relaxed), 1);
        free.store(true, Ordering::Relaxed);
        while get(&routes, "/readyz").await.0 != StatusCode::OK {}
    });
}

#[test]
fn probes_that_come_together_share_a_run() {
    let _turn = common::turn();
    runtime().block_on(async {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let (_service, routes) = with(Check::new("database", move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async {
                tokio::time::sleep(SOON).await;
                Ok::<_, String>(())
            }
        }));
        let probes: Vec<_> = (0..50)
            .map(|_| {
                let routes = routes.clone();
                tokio::spawn(async move { get(&routes, "/readyz").await.0 })
            })
            .collect();
        for probe in probes {
            assert_eq!(probe.await.unwrap(), StatusCode::OK);
        }
        assert!(calls.load(Ordering::Relaxed) <= 2, "one that ran already, and one for all who came meanwhile");
    });
}

#[test]
fn without_a_runtime_checks_fail_and_nothing_panics() {
    let _turn = common::turn();
    let (service, _) = with(Check::new("database", async || Ok::<_, String>(())));
    let mut readiness = service.readiness();
    let mut answer = Box::pin(readiness.call(Request::get("/").body(()).unwrap()));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(Ok(answer)) = answer.as_mut().poll(&mut context) else { panic!("it waits for nothing") };
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn start_and_end_are_spans_and_what_happens_meanwhile_is_below_them() {
    let _turn = common::turn();
    let memory = MemoryExporter::default();
    let service = tripod::init().exporter(memory.clone()).start_service("checkout").expect("it starts");
    runtime().block_on(async {
        async { drop(tripod::span!("connect")) }.in_context(service.starting()).await;
        service.ready();
        async { drop(tripod::span!("late")) }.in_context(service.starting()).await;
        async { drop(tripod::span!("disconnect")) }.in_context(service.stopping()).await;
        drop(service.trace("work"));
    });
    assert!(service.guard().is_some() && service.shutdown());
    let spans = memory.spans();
    let find =
        |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name} in {spans:?}"));
    assert_eq!(find("connect").parent_span_id, find("service startup").span_id);
    assert_eq!(find("disconnect").parent_span_id, find("service shutdown").span_id);
    assert_ne!(find("late").trace_id, find("service startup").trace_id, "it was ready by then");
    for root in ["service startup", "service shutdown"] {
        let Span { parent_span_id, status, .. } = find(root);
        assert_eq!((parent_span_id, &*status.message), (&SpanId::default(), ""), "{root}");
    }
    assert_eq!(spans.len(), 6);
}

#[test]
fn a_service_that_ends_before_it_is_ready_says_so_on_its_start() {
    let _turn = common::turn();
    let memory = MemoryExporter::default();
    drop(tripod::init().exporter(memory.clone()).start_service("checkout").expect("it starts"));
    let spans = memory.spans();
    let startup = spans.iter().find(|span| span.name == "service startup").expect("it is sent");
    assert_eq!(&*startup.status.message, "it stopped before it was ready");
    assert_eq!(common::attribute(&startup.attributes, "error.type"), &"stopped".into());
    assert!(spans.iter().any(|span| span.name == "service shutdown"));
}

#[test]
fn checks_leave_no_spans_and_a_change_of_readiness_is_logged_once() {
    let _turn = common::turn();
    let memory = MemoryExporter::default();
    let service = tripod::init().exporter(memory.clone()).start_service("checkout").expect("it starts");
    let well = Arc::new(AtomicBool::new(true));
    let state = Arc::clone(&well);
    service.check(Check::new("database", move || {
        let well = state.load(Ordering::Relaxed);
        async move {
            let _span = tripod::span!("ping");
            tripod::info!("pinged");
            if well { Ok(()) } else { Err("gone") }
        }
    }));
    service.check(Check::blocking("disk", || {
        let _span = tripod::span!("stat");
        Ok::<_, String>(())
    }));
    service.ready();
    runtime().block_on(async {
        let routes = routes(&service);
        for is_well in [true, false, false, true, true] {
            well.store(is_well, Ordering::Relaxed);
            assert_eq!(get(&routes, "/readyz").await.0.is_success(), is_well);
        }
    });
    drop(service);
    assert_eq!(
        memory.spans().iter().map(|span| &*span.name).collect::<Vec<_>>(),
        ["service startup", "service shutdown"]
    );
    let said: Vec<String> = memory.logs().iter().map(|log| format!("{:?}", log.body)).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("not ready") && said[1].contains("ready again"), "{said:?}");
    let why = |key| common::attribute(&memory.logs()[0].attributes, key).to_string();
    assert_eq!([why("tripod.check.name"), why("tripod.check.reason")], ["database", "gone"]);
}
