//! What begins also ends, once: as told, or as cancelled when its guard is dropped.

use std::time::Duration;

use tripod::catalog::adapter::{Adapter, Ended};
use tripod::catalog::error::CircuitBreaker;
use tripod::catalog::{db, embedding, execution, http, job, kafka, llm, pipeline, rag};

use super::common::turn;
use super::shown::Page;

#[test]
fn a_cancelled_request_to_a_provider_is_counted_once_and_is_no_failure() {
    let provider = Adapter::new("cancelling");
    let of = [("provider", "cancelling")];
    let request = provider.request("fetch");
    assert_eq!(Page::now().sum("adapter_active_requests", &of), 1.0);
    drop(request);
    provider.request("fetch").success();
    let page = Page::now();
    assert_eq!(page.sum("adapter_requests_total", &[of[0], ("status", "cancelled")]), 1.0);
    assert_eq!(page.sum("adapter_requests_total", &of), 2.0);
    assert_eq!(page.sum("adapter_request_duration_seconds_count", &of), 2.0);
    assert_eq!(page.sum("adapter_active_requests", &of), 0.0);
    assert_eq!(page.sum("adapter_success_rate", &of), 1.0);
}

#[test]
fn the_success_rate_is_one_for_a_provider_however_it_is_recorded() {
    let of = [("provider", "rated")];
    Adapter::new("rated").request("fetch").success();
    let again = Adapter::new("rated");
    again.request("fetch").error("timeout");
    again.record_request_error("fetch", "timeout");
    again.record_request_success("fetch", Duration::from_millis(3));
    again.record_request_batch(&[Ended::success("fetch", Duration::ZERO); 4]);
    assert_eq!(Page::now().sum("adapter_success_rate", &of), 0.75);
}

#[test]
fn hand_kept_requests_are_the_same_as_guarded_ones() {
    let provider = Adapter::new("by hand");
    let of = ("provider", "by hand");
    provider.record_request_start();
    assert_eq!(Page::now().sum("adapter_active_requests", &[of]), 1.0);
    provider.record_request_success("fetch", Duration::from_millis(500));
    provider.record_request_error("fetch", "timeout");
    provider.record_request_end();
    let page = Page::now();
    assert_eq!(page.sum("adapter_active_requests", &[of]), 0.0);
    assert_eq!(page.sum("adapter_requests_total", &[of, ("status", "success")]), 1.0);
    assert_eq!(page.sum("adapter_requests_total", &[of, ("status", "error")]), 1.0);
    assert_eq!(page.sum("adapter_errors_total", &[of, ("error_type", "timeout")]), 1.0);
    assert_eq!(page.sum("adapter_request_duration_seconds_sum", &[of]), 0.5);
}

#[test]
fn a_batch_records_what_its_requests_would() {
    // More operations than are kept apart at a time, and mixed.
    let operations: Vec<String> = (0..11).map(|n| format!("operation {n}")).collect();
    let requests: Vec<Ended<'_>> = (0..1000_u32)
        .map(|n| match &*operations[n as usize % 11] {
            operation if n % 7 == 0 => Ended::error(operation, if n % 2 == 0 { "timeout" } else { "refused" }),
            operation => Ended::success(operation, Duration::from_millis(n.into())),
        })
        .collect();
    Adapter::new("batched").record_request_batch(&requests);
    let single = Adapter::new("singly");
    for n in 0..1000_u32 {
        let operation = &operations[n as usize % 11];
        if n % 7 == 0 {
            single.record_request_error(operation, if n % 2 == 0 { "timeout" } else { "refused" });
        } else {
            single.record_request_success(operation, Duration::from_millis(n.into()));
        }
    }
    let page = Page::now();
    let series = |provider: &str| -> Vec<String> {
        let samples =
            page.0.iter().filter(|(name, _)| name.starts_with("adapter_")).flat_map(|(_, family)| &family.samples);
        let own = samples.filter(|sample| sample.labels.get("provider").is_some_and(|own| own == provider));
        let mut series: Vec<String> = own
            .map(|sample| {
                let others = sample.labels.iter().filter(|(key, _)| *key != "provider");
                // The sums are of fractions, added in another order.
                format!("{} {:?} {:.6}", sample.name, others.collect::<Vec<_>>(), sample.value)
            })
            .collect();
        series.sort();
        series
    };
    assert_eq!(series("batched"), series("singly"));
    assert!(series("batched").len() > 11 * 18);
}

#[test]
fn what_is_dropped_is_cancelled_and_no_longer_active() {
    drop(http::Http::new().request("GET", "/cancelled"));
    drop(db::Db::new().query("cancelled"));
    drop(kafka::Topic::new("cancelled").publish());
    drop(execution::Pipeline::new("cancelled").execute("signal"));
    let by_name = pipeline::Pipeline::new("cancelled");
    let execution = by_name.execute();
    drop(execution.step("first"));
    drop(execution);
    drop(job::Jobs::new("cancelled").start());
    drop(llm::Llm::new("cancelled", "model").request());
    drop(embedding::Embedding::new("cancelled", "model").generation());
    let _ = rag::Rag::new("cancelled").query();

    let page = Page::now();
    let once: [(&str, &[(&str, &str)]); 12] = [
        ("http_requests_total", &[("endpoint", "/cancelled"), ("status", "cancelled")]),
        ("http_server_request_duration_seconds_count", &[("route", "/cancelled"), ("status_code", "cancelled")]),
        ("db_queries_total", &[("query_type", "cancelled"), ("status", "cancelled")]),
        ("kafka_publish_failure_total", &[("topic", "cancelled")]),
        ("pipeline_executions_total", &[("pipeline_id", "cancelled"), ("status", "cancelled")]),
        ("pipeline_executions_total", &[("pipeline_name", "cancelled"), ("status", "cancelled")]),
        ("pipeline_steps_total", &[("pipeline_name", "cancelled"), ("status", "cancelled")]),
        ("job_duration_seconds_count", &[("job_type", "cancelled"), ("status", "cancelled")]),
        ("llm_requests_total", &[("provider", "cancelled"), ("status", "cancelled")]),
        (
            "gen_ai_client_operation_duration_seconds_count",
            &[("gen_ai_provider_name", "cancelled"), ("error_type", "cancelled")],
        ),
        ("embedding_generation_duration_seconds_count", &[("provider", "cancelled")]),
        ("rag_queries_total", &[("pipeline", "cancelled")]),
    ];
    for (name, labels) in once {
        assert_eq!(page.sum(name, labels), 1.0, "{name}");
        assert_eq!(page.sum(name, &labels[..1]), 1.0, "{name} in all");
    }
    let none: [(&str, (&str, &str)); 8] = [
        ("http_server_active_requests", ("route", "/cancelled")),
        ("pipeline_active_executions", ("pipeline_id", "cancelled")),
        ("pipeline_active_executions", ("pipeline_name", "cancelled")),
        ("jobs_active", ("job_type", "cancelled")),
        ("jobs_completed_total", ("job_type", "cancelled")),
        ("jobs_failed_total", ("job_type", "cancelled")),
        ("embeddings_generated_total", ("provider", "cancelled")),
        ("rag_retrieval_latency_seconds_count", ("pipeline", "cancelled")),
    ];
    for (name, label) in none {
        assert_eq!(page.sum(name, &[label]), 0.0, "{name}");
    }
}

#[test]
fn connections_and_pools_are_counted_while_they_are_there() {
    let _turn = turn();
    let database = db::Db::new();
    let count = |name: &str| Page::now().sum(name, &[]);
    let before = count("db_pool_size");
    let mut pool = database.pool(10);
    let other = database.pool(5);
    pool.resize(8);
    assert_eq!(count("db_pool_size"), before + 13.0);
    drop((pool, other));
    assert_eq!(count("db_pool_size"), before);
}

#[test]
fn a_breaker_trips_when_it_opens_and_not_while_it_is_open() {
    let breaker = CircuitBreaker::new("tripping");
    let of = [("breaker", "tripping")];
    assert_eq!(Page::now().sum("circuit_breaker_state", &of), 0.0);
    breaker.open();
    breaker.clone().open();
    assert_eq!(Page::now().sum("circuit_breaker_state", &of), 2.0);
    breaker.half_open();
    assert_eq!(Page::now().sum("circuit_breaker_state", &of), 1.0);
    breaker.open();
    breaker.close();
    assert_eq!(Page::now().sum("circuit_breaker_trips_total", &of), 2.0);
}

#[test]
fn a_models_tokens_and_cost_are_counted_under_both_names() {
    llm::Llm::new("counting", "gpt-4").operation("text_completion").request().success(1200, 300, 0.054);
    let page = Page::now();
    let of = ("provider", "counting");
    assert_eq!(page.sum("llm_tokens_used_total", &[of, ("token_type", "prompt")]), 1200.0);
    assert_eq!(page.sum("llm_tokens_used_total", &[of, ("token_type", "completion")]), 300.0);
    assert_eq!(page.sum("llm_cost_dollars_total", &[of, ("model", "gpt-4")]), 0.054);
    let gen_ai = [("gen_ai_provider_name", "counting"), ("gen_ai_operation_name", "text_completion")];
    assert_eq!(
        page.sum("gen_ai_client_token_usage_sum", &[gen_ai[0], gen_ai[1], ("gen_ai_token_type", "input")]),
        1200.0
    );
    assert_eq!(page.sum("gen_ai_client_token_usage_sum", &[gen_ai[0], ("gen_ai_token_type", "output")]), 300.0);
    assert_eq!(page.sum("gen_ai_client_operation_duration_seconds_count", &gen_ai), 1.0);
}
