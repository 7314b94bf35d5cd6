//! Jobs on tokio: spans, and metrics under both choices of names.
#![cfg(not(loom))]

mod common;
#[path = "common/points.rs"]
mod points;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Telemetry, telemetry};
use points::{named, text, total};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tripod::instrument::jobs::{self, Job};
use tripod::instrument::{MetricNames, set_metric_names};
use tripod::{InSpanExt, SpanKind, StatusCode};
use tripod_wire::SpanId;

/// How many jobs of a name were completed, failed and cancelled, and how many are under way.
fn ended(telemetry: &Telemetry, name: &str) -> [f64; 4] {
    let by_status = |status| total(telemetry, "job_duration_seconds", &[("job_type", name), ("status", status)]);
    let of_name = |metric| total(telemetry, metric, &[("job_type", name)]);
    let [completed, failed, cancelled] = ["completed", "failed", "cancelled"].map(by_status);
    assert_eq!([of_name("jobs_completed"), of_name("jobs_failed")], [completed, failed], "{name}");
    [completed, failed, cancelled, of_name("jobs_active")]
}

#[tokio::test]
async fn a_job_is_a_part_of_what_spawned_it() {
    let telemetry = telemetry();
    async {
        let job = async {
            tripod::span!("step").end();
            Ok::<_, std::io::Error>(17)
        };
        assert_eq!(jobs::spawn("load", job).await.unwrap().unwrap(), 17);
        jobs::spawn_blocking("render", || tripod::span!("step").end()).await.unwrap();
    }
    .in_span(tripod::async_span!("request"))
    .await;

    let request = telemetry.span("request");
    for name in ["load", "render"] {
        let span = telemetry.span(name);
        assert_eq!((span.parent_span_id, span.kind), (request.span_id, SpanKind::INTERNAL), "{name}");
        assert_eq!((text(&span.attributes, "job.name"), span.status.code), (name.to_owned(), StatusCode::UNSET));
        assert_eq!(telemetry.memory().children_of(&span)[0].name, "step");
        assert_eq!(ended(&telemetry, name), [1.0, 0.0, 0.0, 0.0], "{name}");
        assert_eq!(total(&telemetry, "job_queue_duration_seconds", &[("job_type", name)]), 1.0, "{name}");
    }
}

#[tokio::test]
async fn a_detached_job_is_a_trace_of_its_own_that_is_linked() {
    let telemetry = telemetry();
    let mut baggage = tripod::Baggage::default();
    baggage.set("tenant", "acme");
    let spawn = async {
        let job = async { Some(tripod::Context::current().baggage?.get("tenant")?.to_owned()) };
        Job::new("detached").detached().spawn(job).await.unwrap()
    };
    let in_request = spawn.in_span(tripod::async_span!("spawner"));
    let tenant = in_request.in_context(tripod::Context::default().with_baggage(baggage)).await;
    assert_eq!(tenant.as_deref(), Some("acme"));
    let (spawner, job) = (telemetry.span("spawner"), telemetry.span("detached"));
    assert_eq!(job.parent_span_id, SpanId::NONE);
    assert_ne!(job.trace_id, spawner.trace_id);
    assert_eq!((job.links.len(), job.links[0].span_id), (1, spawner.span_id));
}

#[tokio::test]
async fn failures_and_panics_are_failed_jobs() {
    let telemetry = telemetry();
    jobs::spawn("failing", async { Err::<(), _>("out of paper") }).await.unwrap().unwrap_err();
    jobs::spawn_blocking("failing", || "x".parse::<u32>()).await.unwrap().unwrap_err();
    assert!(jobs::spawn("failing", async { buggy() }).await.unwrap_err().is_panic());
    assert!(jobs::spawn_blocking("failing", buggy).await.unwrap_err().is_panic());

    let spans = named(&telemetry, "failing");
    let errors: Vec<_> = spans.iter().map(|span| text(&span.attributes, "error.type")).collect();
    assert_eq!(errors, ["&str", "core::num::error::ParseIntError", "panic", "panic"]);
    assert!(spans.iter().all(|span| span.status.code == StatusCode::ERROR));
    assert_eq!(spans[0].status.message, "out of paper");
    assert!(spans[2].status.message.contains("index out of range"), "{}", spans[2].status.message);
    assert_eq!(ended(&telemetry, "failing"), [0.0, 4.0, 0.0, 0.0]);
}

fn buggy() {
    assert!(std::hint::black_box(false), "index out of range");
}

#[tokio::test]
async fn an_aborted_job_is_cancelled_once_begun_or_not() {
    let telemetry = telemetry();
    let begun = Arc::new(Notify::new());
    let job = {
        let begun = Arc::clone(&begun);
        async move {
            begun.notify_one();
            std::future::pending::<()>().await;
        }
    };
    let running = jobs::spawn("aborted", job);
    begun.notified().await;
    assert_eq!(ended(&telemetry, "aborted"), [0.0, 0.0, 0.0, 1.0]);
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    assert_eq!(ended(&telemetry, "aborted"), [0.0, 0.0, 1.0, 0.0]);

    let waiting = jobs::spawn("aborted", async {}); // on one thread, it can't have begun
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    drop(Job::new("aborted").run(async {}));
    drop(Job::new("aborted").run_blocking(|| ()));
    assert_eq!(ended(&telemetry, "aborted"), [0.0, 0.0, 4.0, 0.0]);
    let spans = named(&telemetry, "aborted");
    assert_eq!(spans.len(), 4);
    assert!(spans.iter().all(|span| text(&span.attributes, "error.type") == "cancelled"));
}

#[test]
fn what_a_runtime_drops_when_it_ends_is_cancelled() {
    let telemetry = telemetry();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for _ in 0..50 {
        runtime.spawn(Job::new("left behind").run(std::future::pending::<()>()));
    }
    drop(runtime);
    assert_eq!(ended(&telemetry, "left behind"), [0.0, 0.0, 50.0, 0.0]);
    assert_eq!(named(&telemetry, "left behind").len(), 50);
}

#[tokio::test]
async fn a_periodic_job_goes_on_after_failures_and_panics() {
    let telemetry = telemetry();
    let runs = Arc::new(AtomicUsize::new(0));
    let job = {
        let runs = Arc::clone(&runs);
        move || {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            async move {
                match run {
                    0 => Ok(()),
                    1 => Err("not now"),
                    2 => panic!("a bug"),
                    _ => std::future::pending().await,
                }
            }
        }
    };
    let periodic = tripod::in_span("starts it", || jobs::every("periodic", Duration::from_millis(2), job));
    while runs.load(Ordering::Relaxed) < 4 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(runs.load(Ordering::Relaxed), 4, "one run at a time");
    assert_eq!(ended(&telemetry, "periodic"), [1.0, 2.0, 0.0, 1.0]);
    periodic.abort();
    assert!(periodic.await.unwrap_err().is_cancelled());
    tokio::task::yield_now().await;
    assert_eq!(ended(&telemetry, "periodic"), [1.0, 2.0, 1.0, 0.0]);
    let spans = named(&telemetry, "periodic");
    assert!(spans.iter().all(|span| span.parent_span_id == SpanId::NONE), "each a trace of its own");
    assert_eq!(spans.len(), 4);
}

#[tokio::test]
async fn a_job_runs_in_whatever_runs_futures() {
    let telemetry = telemetry();
    let mut set = JoinSet::new();
    for n in 0..3 {
        set.spawn(Job::new("in a set").run(async move { if n == 1 { Err(format!("{n}")) } else { Ok(n) } }));
    }
    assert_eq!(set.join_all().await.iter().filter(|result| result.is_ok()).count(), 2);
    // Neither has to be sendable: it stays here.
    let local = std::rc::Rc::new(());
    Job::new("local").run(async move { drop(local) }).await;
    assert_eq!(std::thread::spawn(Job::new("thread").run_blocking(|| Some(1))).join().unwrap(), Some(1));
    assert_eq!(ended(&telemetry, "in a set"), [2.0, 1.0, 0.0, 0.0]);
    assert_eq!((ended(&telemetry, "local")[0], ended(&telemetry, "thread")[0]), (1.0, 1.0));
}

#[tokio::test]
async fn with_the_catalogues_names_jobs_are_requests_of_the_background_too() {
    let telemetry = telemetry();
    jobs::spawn("job1", async {}).await.unwrap();
    set_metric_names(MetricNames::Catalog);
    jobs::spawn("job1", async {}).await.unwrap();
    jobs::spawn("job1", async { Err::<(), _>("failed") }).await.unwrap().unwrap_err();
    let aborted = jobs::spawn("job1", std::future::pending::<()>());
    tokio::task::yield_now().await;
    let active = || total(&telemetry, "adapter_active_requests", &[("provider", "background")]);
    assert_eq!(active(), 1.0);
    aborted.abort();
    aborted.await.unwrap_err();
    set_metric_names(MetricNames::OpenTelemetry);

    assert_eq!(active(), 0.0);
    let job = [("provider", "background"), ("operation", "job1")];
    let requests = |status| total(&telemetry, "adapter_requests_total", &[job[0], job[1], ("status", status)]);
    assert_eq!((requests("success"), requests("error")), (1.0, 2.0));
    let errors = |error_type| total(&telemetry, "adapter_errors_total", &[job[0], job[1], ("error_type", error_type)]);
    assert_eq!((errors("&str"), errors("cancelled")), (1.0, 1.0));
    assert_eq!(ended(&telemetry, "job1"), [2.0, 1.0, 1.0, 0.0]);
}

#[test]
fn without_telemetry_jobs_run_in_the_context_that_they_were_spawned_in() {
    let _turn = common::turn();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let context = tripod::propagation::extract(&vec![("traceparent".to_owned(), parent.to_owned())]);
    let within = runtime.block_on(async {
        let spawn = async { jobs::spawn("quiet", async { Some(tripod::Context::current()) }).await.unwrap() };
        spawn.in_context(context.clone()).await
    });
    assert_eq!(within.unwrap().span, context.span);
}
