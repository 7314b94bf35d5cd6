//! One trace across threads, pools, tasks and streams; baggage as attributes; suppression.

mod common;

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use common::{Telemetry, attribute, telemetry, telemetry_with};
use rayon::prelude::*;
use tripod::{Baggage, Context, InSpanExt, SpanBuilder};
use tripod_wire::SpanId;
use tripod_wire::otlp::Span;

/// All spans of a name have the one span of the other name as their parent; answers how many there are.
fn assert_children(telemetry: &Telemetry, name: &str, parent: &str) -> usize {
    let (parent, spans) = (telemetry.span(parent), telemetry.spans());
    let children: Vec<&Span> = spans.iter().filter(|span| span.name == name).collect();
    for child in &children {
        assert_eq!((child.trace_id, child.parent_span_id), (parent.trace_id, parent.span_id));
    }
    children.len()
}

#[test]
fn work_in_rayons_pool_belongs_to_the_span_that_gave_it_out() {
    let telemetry = telemetry();
    {
        let _sum = tripod::span!("sum");
        let context = Context::current();
        let sum: u64 = (0..100_u64)
            .into_par_iter()
            .map(|n| {
                context.run(|| {
                    let _part = tripod::span!("part", n);
                    n
                })
            })
            .sum();
        assert_eq!(sum, 4950);
        rayon::join(context.clone().wrap(|| tripod::span!("half").end()), || {
            context.run(|| tripod::span!("half").end());
        });
    }
    assert_eq!(assert_children(&telemetry, "part", "sum"), 100);
    assert_eq!(assert_children(&telemetry, "half", "sum"), 2);
    rayon::broadcast(|_| assert_eq!(tripod::current().trace_id(), None, "nothing stays behind in the pool"));
}

async fn step(name: &'static str) {
    async { tokio::task::yield_now().await }.in_span(tripod::async_span!(name)).await;
}

async fn everything_of_tokio() {
    let tasks: Vec<_> = (0..20).map(|_| tokio::spawn(step("task").in_context(Context::current()))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    tokio::task::spawn_blocking(Context::current().wrap(|| tripod::span!("blocking").end())).await.unwrap();
    tokio::join!(step("joined"), step("joined"));
    tokio::select! {
        () = step("raced") => {}
        () = async { tokio::time::sleep(Duration::from_secs(60)).await }.in_span(tripod::async_span!("lost race")) => {}
    }
    // Between two polls of a future nothing of it is current for another.
    let (mut one, mut two) = (pin!(step("by turns")), pin!(step("by turns")));
    let mut done = [false; 2];
    poll_fn(|task| {
        let outer = tripod::current().span_id();
        done[0] = done[0] || one.as_mut().poll(task).is_ready();
        assert_eq!(tripod::current().span_id(), outer);
        done[1] = done[1] || two.as_mut().poll(task).is_ready();
        assert_eq!(tripod::current().span_id(), outer);
        if done == [true; 2] { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

fn check_tokio(telemetry: &Telemetry) {
    for (name, count) in [("task", 20), ("blocking", 1), ("joined", 2), ("raced", 1), ("lost race", 1), ("by turns", 2)]
    {
        assert_eq!(assert_children(telemetry, name, "request"), count, "{name}");
    }
}

#[test]
fn tasks_of_a_runtime_with_many_threads_are_one_trace() {
    let telemetry = telemetry();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        tokio::spawn(everything_of_tokio().in_span(tripod::async_span!("request"))).await.unwrap();
    });
    drop(runtime);
    check_tokio(&telemetry);
}

#[test]
fn tasks_of_a_runtime_with_one_thread_are_one_trace_and_do_not_mix_with_another() {
    let telemetry = telemetry();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let noise = tokio::spawn(async {
            for _ in 0..50 {
                step("of another trace").await;
            }
        });
        everything_of_tokio().in_span(tripod::async_span!("request")).await;
        noise.await.unwrap();
    });
    check_tokio(&telemetry);
    let roots: HashSet<SpanId> =
        telemetry.spans().into_iter().filter(|s| s.name == "of another trace").map(|s| s.parent_span_id).collect();
    assert_eq!(roots, HashSet::from([SpanId::NONE]));
}

#[test]
fn items_of_a_stream_are_made_in_the_span_of_who_polls_it() {
    let telemetry = telemetry();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(2);
        let producing = async move {
            for n in 0..5_u64 {
                tripod::span!("produced", n).end();
                sender.send(n).await.unwrap();
            }
        };
        let producer = tokio::spawn(producing.in_span(tripod::async_span!("producer")));
        let consuming = async move {
            while let Some(n) = receiver.recv().await {
                tripod::span!("consumed", n).end();
            }
        };
        consuming.in_span(tripod::async_span!("consumer")).await;
        producer.await.unwrap();
    });
    assert_eq!(assert_children(&telemetry, "produced", "producer"), 5);
    assert_eq!(assert_children(&telemetry, "consumed", "consumer"), 5);
}

fn baggage(pairs: &[(&str, &str)]) -> Baggage {
    let mut baggage = Baggage::default();
    pairs.iter().for_each(|(key, value)| assert!(baggage.set(*key, *value)));
    baggage
}

#[test]
fn baggage_becomes_attributes_by_rule_on_every_span() {
    let telemetry = telemetry_with(|builder| builder.baggage_attributes(["tenant.*", "plan"]));
    let pairs = baggage(&[("tenant.id", "acme"), ("tenant.region", "eu"), ("plan", "paid"), ("secret", "x")]);
    let given = Context::default().with_baggage(baggage(&[("tenant.id", "other")]));
    {
        let _attached = Context::current().with_baggage(pairs).attach();
        let _local = tripod::span!("local", plan = "own");
        tripod::async_span!("async").end();
        SpanBuilder::new("built").attribute("tenant.id", "own").start().end();
        SpanBuilder::new("given").parent(given).start().end();
    }
    tripod::span!("after").end();
    let local = telemetry.span("local").attributes;
    assert_eq!(local.len(), 3);
    assert_eq!(attribute(&local, "tenant.region").to_string(), "eu");
    assert_eq!(attribute(&local, "plan").to_string(), "own", "what the span says itself stays");
    assert_eq!(telemetry.span("async").attributes.len(), 3);
    assert_eq!(attribute(&telemetry.span("built").attributes, "tenant.id").to_string(), "own");
    let given = telemetry.span("given").attributes;
    assert_eq!((given.len(), attribute(&given, "tenant.id").to_string()), (1, "other".to_owned()));
    assert!(telemetry.span("after").attributes.is_empty());
}

#[test]
fn what_is_suppressed_is_not_recorded_but_metrics_and_running_spans_are() {
    let telemetry = telemetry();
    let running = tripod::span!("running");
    {
        let _quiet = tripod::suppress();
        {
            let _nested = tripod::suppress();
            tripod::span!("suppressed").end();
        }
        tripod::span!("suppressed").end();
        tripod::async_span!("suppressed").end();
        SpanBuilder::new("suppressed").enter().end();
        tripod::info!("suppressed");
        tripod::counter("counted_while_suppressed").build().inc(&[]);
        running.set_attribute("changed", true);
        running.end();
        assert_eq!(tripod::current().trace_id(), None);
    }
    tripod::info!("after");
    tripod::span!("after").end();
    let names: Vec<String> = telemetry.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["running", "after"]);
    assert_eq!(attribute(&telemetry.span("running").attributes, "changed").to_string(), "true");
    assert_eq!(telemetry.logs().len(), 1);
    telemetry.metric("counted_while_suppressed");
}

#[test]
fn suppression_goes_along_with_the_context_to_threads_and_futures() {
    let telemetry = telemetry();
    let context = {
        let _quiet = tripod::suppress();
        Context::current()
    };
    tripod::span!("not suppressed").end();
    std::thread::spawn(context.clone().wrap(|| tripod::span!("suppressed").end())).join().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let quiet = tokio::spawn(step("suppressed").in_context(context));
        step("not suppressed").await;
        quiet.await.unwrap();
    });
    let _quiet = tripod::suppress();
    Context::default().run(|| tripod::span!("suppressed still").end());
    let names: HashSet<String> = telemetry.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, HashSet::from(["not suppressed".to_owned()]));
}

#[test]
fn suppression_outlives_the_start_of_telemetry() {
    let quiet = tripod::suppress();
    let telemetry = telemetry();
    tripod::span!("suppressed").end();
    drop(quiet);
    tripod::span!("after").end();
    assert_eq!(telemetry.spans().len(), 1);
}
