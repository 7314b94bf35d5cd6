//! Tasks of apalis, by its backend in memory.
#![cfg(not(loom))]

mod common;
#[path = "common/points.rs"]
mod points;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use std::task::{Context, Poll};

use apalis::prelude::*;
use common::telemetry;
use points::{named, text, total};
use tower::{Service, layer::layer_fn};
use tripod::instrument::apalis as traced;
use tripod::{InSpanExt, SpanKind, StatusCode};
use tripod_wire::SpanId;

#[tokio::test]
async fn a_task_is_a_part_of_the_trace_that_pushed_it() {
    let telemetry = telemetry();
    let mut storage = MemoryStorage::new();
    let push = async {
        let task = TaskBuilder::new(17_u32).metadata(&traced::Origin::current());
        storage
            .push_task(task.queue("mails".into()).task_id(TaskId::from_int(5)).max_attempts(3).build())
            .await
            .unwrap();
    };
    push.in_span(tripod::async_span!("request")).await;
    let handler = |number: u32, worker: WorkerContext| async move {
        tripod::span!("step").end();
        worker.stop().unwrap();
        Ok::<_, BoxDynError>(number)
    };
    WorkerBuilder::new("mailer").backend(storage).layer(traced::Layer::new()).build(handler).run().await.unwrap();

    let (request, task) = (telemetry.span("request"), telemetry.span("process mails"));
    assert_eq!(
        (task.kind, task.parent_span_id, task.status.code),
        (SpanKind::CONSUMER, request.span_id, StatusCode::UNSET)
    );
    assert_eq!((task.links.len(), task.links[0].span_id), (1, request.span_id));
    assert_eq!(telemetry.memory().children_of(&task)[0].name, "step");
    for (key, value) in [
        ("messaging.system", "apalis"),
        ("messaging.operation.name", "process"),
        ("messaging.operation.type", "process"),
        ("messaging.destination.name", "mails"),
        ("messaging.message.id", "5"),
        ("messaging.client.id", "mailer"),
        ("job.name", "mails"),
        ("job.attempt", "1"),
        ("job.max_attempts", "3"),
    ] {
        assert_eq!(text(&task.attributes, key), value, "{key}");
    }
    let of_mails = |metric| total(&telemetry, metric, &[("job_type", "mails")]);
    let metrics =
        ["jobs_completed", "jobs_failed", "jobs_active", "job_duration_seconds", "job_queue_duration_seconds"];
    assert_eq!(metrics.map(of_mails), [1.0, 0.0, 0.0, 1.0, 1.0]);
}

#[tokio::test]
async fn a_task_that_nobody_traced_begins_a_trace_and_is_called_by_its_type() {
    let telemetry = telemetry();
    let mut storage = MemoryStorage::new();
    let push = async { storage.push(1_i64).await.unwrap() };
    push.in_span(tripod::async_span!("untraced")).await;
    let handler = |_: i64, worker: WorkerContext| async move { worker.stop().unwrap() };
    WorkerBuilder::new("worker").backend(storage).layer(traced::Layer::new()).build(handler).run().await.unwrap();
    let task = telemetry.span("process i64");
    assert_eq!((task.parent_span_id, task.links.len()), (SpanId::NONE, 0));
    assert_eq!(
        total(&telemetry, "job_queue_duration_seconds", &[("job_type", "i64")]),
        0.0,
        "when it was pushed is not known"
    );
}

/// Calls a handler until it does not fail.
#[derive(Clone)]
struct Again<S> {
    handler: S,
}

impl<S> Service<Task<u8>> for Again<S>
where
    S: Service<Task<u8>, Response = (), Error = BoxDynError, Future: Send> + Clone + Send + 'static,
{
    type Response = ();
    type Error = BoxDynError;
    type Future = Pin<Box<dyn Future<Output = Result<(), BoxDynError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        self.handler.poll_ready(context)
    }

    fn call(&mut self, task: Task<u8>) -> Self::Future {
        let mut handler = self.handler.clone();
        Box::pin(async move {
            while handler.call(task.clone()).await.is_err() {}
            Ok(())
        })
    }
}

#[tokio::test]
async fn each_attempt_is_a_span_where_the_layer_was_added_after_retry() {
    let telemetry = telemetry();
    let mut storage = MemoryStorage::new();
    storage.push_task(traced::task(3_u8)).await.unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let handler = {
        let calls = Arc::clone(&calls);
        move |_: u8, worker: WorkerContext| {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            async move {
                if call < 2 {
                    return Err(BoxDynError::from("not yet"));
                }
                worker.stop().unwrap();
                Ok(())
            }
        }
    };
    let worker = WorkerBuilder::new("retrier")
        .backend(storage)
        .layer(layer_fn(|handler| Again { handler }))
        .layer(traced::Layer::new().name("retried"))
        .build(handler);
    worker.run().await.unwrap();

    let spans = named(&telemetry, "process retried");
    let errors: Vec<_> = spans.iter().map(|span| text(&span.attributes, "error.type")).collect();
    assert_eq!(errors, ["_OTHER", "_OTHER", ""]);
    assert_eq!(spans[0].status.message, "not yet");
    let of_name = |metric| total(&telemetry, metric, &[("job_type", "retried")]);
    assert_eq!(["jobs_completed", "jobs_failed", "jobs_active"].map(of_name), [1.0, 2.0, 0.0]);
}

#[tokio::test]
async fn errors_of_apalis_are_told_apart() {
    let telemetry = telemetry();
    let mut storage = MemoryStorage::new();
    for number in 0..3_u16 {
        storage.push(number).await.unwrap();
    }
    let handler = |number: u16, worker: WorkerContext| async move {
        match number {
            0 => Err::<(), _>(BoxDynError::from(AbortError::new("no such user"))),
            1 => Err(BoxDynError::from(DeferredError::new("too early"))),
            _ => {
                worker.stop().unwrap();
                Err(BoxDynError::from("anything"))
            }
        }
    };
    let layer = traced::Layer::new().name("errors");
    let _ = WorkerBuilder::new("worker").backend(storage).layer(layer).build(handler).run().await;
    let mut errors: Vec<_> =
        named(&telemetry, "process errors").iter().map(|span| text(&span.attributes, "error.type")).collect();
    errors.sort();
    assert_eq!(errors, ["AbortError", "DeferredError", "_OTHER"]);
}

#[tokio::test]
async fn a_panic_and_a_worker_that_is_dropped_are_counted_once() {
    let telemetry = telemetry();
    let mut storage = MemoryStorage::new();
    storage.push_task(traced::task(0_u64)).await.unwrap();
    let handler = |_: u64| async move {
        assert!(tripod::current().trace_id().is_none(), "a bug");
    };
    let layer = traced::Layer::new().name("panics");
    let worker = WorkerBuilder::new("worker").backend(storage).layer(layer).build(handler);
    assert!(tokio::spawn(worker.run()).await.unwrap_err().is_panic());

    let mut storage = MemoryStorage::new();
    storage.push_task(traced::task(0_u64)).await.unwrap();
    let begun = Arc::new(tokio::sync::Notify::new());
    let handler = {
        let begun = Arc::clone(&begun);
        move |_: u64| {
            begun.notify_one();
            std::future::pending::<()>()
        }
    };
    let layer = traced::Layer::new().name("dropped");
    let worker = tokio::spawn(WorkerBuilder::new("worker").backend(storage).layer(layer).build(handler).run());
    begun.notified().await;
    worker.abort();
    assert!(worker.await.unwrap_err().is_cancelled());

    for (name, error, failed) in [("panics", "panic", 1.0), ("dropped", "cancelled", 0.0)] {
        assert_eq!(text(&telemetry.span(&format!("process {name}")).attributes, "error.type"), error);
        let of_name = |metric| total(&telemetry, metric, &[("job_type", name)]);
        let metrics = ["jobs_completed", "jobs_failed", "jobs_active", "job_duration_seconds"];
        assert_eq!(metrics.map(of_name), [0.0, failed, 0.0, 1.0], "{name}");
    }
}

#[test]
fn the_origin_of_a_task_survives_its_metadata() {
    let _turn = common::turn();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers = vec![("traceparent".to_owned(), parent.to_owned()), ("baggage".to_owned(), "tenant=acme".to_owned())];
    let context = tripod::propagation::extract(&headers);
    let mut task = context.run(|| traced::task(1));
    let read = task.metadata().extract_as::<traced::Origin>().unwrap();
    assert_eq!((read.context().span, &read.context().baggage), (context.span, &context.baggage));
    // Pushed on by another, it is that one's.
    task.inject_metadata(&traced::Origin::current()).unwrap();
    assert_eq!(task.metadata().extract_as::<traced::Origin>().unwrap().context().span, context.span, "which has none");
}
