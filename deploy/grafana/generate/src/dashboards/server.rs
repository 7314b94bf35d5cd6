//! A server that answers by language models: a panel for each metric that its guide lists, under the guide's words for it.

use crate::dashboard::Dashboard;
use crate::panel::{Kind, Panel};

/// `sum by (labels) (rate(metric))` of the services that are shown.
fn rate(metric: &str, labels: &str) -> String {
    format!("sum by (job, {labels}) (rate({metric}{{job=~\"$service\"}}[$__rate_interval]))")
}

/// What 95 of 100 are at most.
fn p95(metric: &str, labels: &str) -> String {
    format!(
        "histogram_quantile(0.95, sum by (le, job, {labels}) (rate({metric}_bucket{{job=~\"$service\"}}[$__rate_interval])))"
    )
}

fn lines(title: &'static str, unit: &'static str, description: &'static str) -> Panel {
    Panel::new(Kind::Lines, title, unit, description)
}

/// Names and colours of what `circuit_breaker_state` can be.
const BREAKER: [(f64, &str, &str); 3] = [(0.0, "closed", "green"), (1.0, "half open", "yellow"), (2.0, "open", "red")];

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new("server", "Server", "A server that answers by language models: requests, database, models, retrieval, machine, errors.")
        .variable("service", "Service", "http_requests_total", "job")
        .section(
            "HTTP Metrics",
            8,
            [
                lines("Total HTTP requests", "reqps", "Requests a second, by endpoint and status.")
                    .query(rate("http_requests_total", "endpoint, status"), "{{job}} {{endpoint}} {{status}}")
                    .width(12)
                    .traces(),
                lines("Request duration", "s", "What 95 of 100 requests take at most.")
                    .query(p95("http_request_duration_seconds", "endpoint"), "{{job}} {{endpoint}}")
                    .width(12)
                    .traces(),
            ],
        )
        .section(
            "Database Metrics",
            8,
            [
                lines("Active database connections", "short", "Connections in use, by service.")
                    .query("sum by (job) (db_connections_active{job=~\"$service\"})", "{{job}}"),
                lines("Total database queries", "ops", "Queries a second, by type and how they ended.")
                    .query(rate("db_queries_total", "query_type, status"), "{{job}} {{query_type}} {{status}}")
                    .traces(),
                lines("Query duration", "s", "What 95 of 100 queries take at most.")
                    .query(p95("db_query_duration_seconds", "query_type"), "{{job}} {{query_type}}")
                    .traces(),
            ],
        )
        .section(
            "LLM Metrics",
            8,
            [
                lines("LLM API requests", "reqps", "Requests to models a second, by how they ended.")
                    .query(rate("llm_requests_total", "model, status"), "{{job}} {{model}} {{status}}")
                    .width(6)
                    .traces(),
                Panel::new(Kind::Stacked, "Tokens consumed", "short", "Tokens a second, by type.")
                    .query(rate("llm_tokens_used_total", "model, token_type"), "{{job}} {{model}} {{token_type}}")
                    .width(6)
                    .traces(),
                lines("LLM request duration", "s", "What 95 of 100 requests to models take at most.")
                    .query(p95("llm_request_duration_seconds", "model"), "{{job}} {{model}}")
                    .width(6)
                    .traces(),
                Panel::new(Kind::Stat, "Cumulative API costs", "currencyUSD", "Dollars spent in the time shown.")
                    .query("sum by (model) (increase(llm_cost_dollars_total{job=~\"$service\"}[$__range]))", "{{model}}")
                    .width(6),
            ],
        )
        .section(
            "RAG Metrics",
            8,
            [
                lines("RAG queries", "reqps", "Queries a second.")
                    .query(rate("rag_queries_total", "pipeline"), "{{job}} {{pipeline}}")
                    .traces(),
                lines("Retrieval latency", "s", "What 95 of 100 retrievals take at most.")
                    .query(p95("rag_retrieval_latency_seconds", "pipeline"), "{{job}} {{pipeline}}")
                    .traces(),
                Panel::new(Kind::Heatmap, "Documents retrieved", "short", "How many documents were found for a query.")
                    .query(
                        "sum by (le) (increase(rag_documents_retrieved_bucket{job=~\"$service\"}[$__rate_interval]))",
                        "{{le}}",
                    ),
            ],
        )
        .row(
            7,
            [
                lines("Cache hits", "reqps", "Queries a second that were answered from the cache.")
                    .query(rate("rag_cache_hits_total", "pipeline"), "{{job}} {{pipeline}}")
                    .width(12)
                    .traces(),
                lines("Cache misses", "reqps", "Queries a second whose answer was not in the cache.")
                    .query(rate("rag_cache_misses_total", "pipeline"), "{{job}} {{pipeline}}")
                    .width(12)
                    .traces(),
            ],
        )
        .section(
            "Embedding Metrics",
            8,
            [
                lines("Embeddings created", "ops", "Embeddings a second, by model.")
                    .query(rate("embeddings_generated_total", "model"), "{{job}} {{model}}")
                    .width(12)
                    .traces(),
                lines("Generation time", "s", "What 95 of 100 generations take at most.")
                    .query(p95("embedding_generation_duration_seconds", "model"), "{{job}} {{model}}")
                    .width(12)
                    .traces(),
            ],
        )
        .section(
            "System Metrics",
            8,
            [
                lines("CPU usage", "percent", "Processor time in use, 100 for all that may be.")
                    .query("max by (job) (system_cpu_usage_percent{job=~\"$service\"})", "{{job}}"),
                lines("Memory usage", "bytes", "Memory in use.")
                    .query("max by (job) (system_memory_usage_bytes{job=~\"$service\"})", "{{job}}"),
                lines("Disk usage", "bytes", "Space in use on disks.")
                    .query("max by (mountpoint) (system_disk_usage_bytes{job=~\"$service\"})", "{{mountpoint}}"),
            ],
        )
        .section(
            "Error Metrics",
            8,
            [
                lines("Total errors", "ops", "Errors a second, by component and type.")
                    .query(rate("errors_total", "component, error_type"), "{{job}} {{component}} {{error_type}}")
                    .traces(),
                Panel::new(Kind::States, "Circuit breaker state", "short", "Whether calls are let through.")
                    .query("max by (breaker) (circuit_breaker_state{job=~\"$service\"})", "{{breaker}}")
                    .states(&BREAKER),
                lines("Circuit breaker trips", "short", "How often a breaker opened, in the last minutes.")
                    .query("sum by (job, breaker) (increase(circuit_breaker_trips_total{job=~\"$service\"}[$__rate_interval]))", "{{job}} {{breaker}}")
                    .traces(),
            ],
        )
}
