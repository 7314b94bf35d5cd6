//! Data pipelines. Thresholds are those of `deploy/rules/pipelines.yml`.

use crate::dashboard::Dashboard;
use crate::panel::{Kind, Panel};

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new("pipelines", "Pipelines", "Data pipelines: how they run, what they do, cost and use.")
        .variable("pipeline", "Pipeline", "pipeline_duration_seconds_count", "pipeline_name")
        .row(
            8,
            [
                Panel::new(Kind::Lines, "Pipeline execution rate", "ops", "Executions a second.")
                    .query(
                        "sum by (job, pipeline_name) (rate(pipeline_executions_total{pipeline_name=~\"$pipeline\"}[$__rate_interval]))",
                        "{{pipeline_name}}",
                    )
                    .width(12)
                    .traces(),
                Panel::new(Kind::Gauge, "Success rate", "percentunit", "Share of executions that succeed. Bad below 95 of 100.")
                    .query(
                        "sum(rate(pipeline_executions_total{pipeline_name=~\"$pipeline\", status=\"success\"}[$__rate_interval])) / sum(rate(pipeline_executions_total{pipeline_name=~\"$pipeline\"}[$__rate_interval]))",
                        "success",
                    )
                    .width(6)
                    .within(0.0, 1.0)
                    .bad_below(0.95),
                Panel::new(Kind::Stat, "Active pipelines", "short", "Executions that are under way.")
                    .query("sum(pipeline_active_executions{pipeline_name=~\"$pipeline\"})", "active")
                    .width(6),
            ],
        )
        .row(
            8,
            [
                Panel::new(Kind::Lines, "Duration (P95)", "s", "What 95 of 100 executions take at most. Bad from five minutes on.")
                    .query(
                        "histogram_quantile(0.95, sum by (le, job, pipeline_name) (rate(pipeline_duration_seconds_bucket{pipeline_name=~\"$pipeline\"}[$__rate_interval])))",
                        "{{pipeline_name}}",
                    )
                    .bad_above(300.0)
                    .traces(),
                Panel::new(Kind::Lines, "Step duration by name", "s", "What a step takes on average.")
                    .query(
                        "sum by (job, step_name) (rate(pipeline_step_duration_seconds_sum{pipeline_name=~\"$pipeline\"}[$__rate_interval])) / sum by (job, step_name) (rate(pipeline_step_duration_seconds_count{pipeline_name=~\"$pipeline\"}[$__rate_interval]))",
                        "{{step_name}}",
                    )
                    .traces(),
                Panel::new(Kind::Lines, "Error rate by type", "ops", "Failed executions a second, by why.")
                    .query(
                        "sum by (job, error_type) (rate(pipeline_errors_total{pipeline_name=~\"$pipeline\"}[$__rate_interval]))",
                        "{{error_type}}",
                    )
                    .traces(),
            ],
        )
        .row(
            8,
            [
                Panel::new(Kind::Lines, "API calls per pipeline", "reqps", "Calls a second. A provider's limit is near at 1000.")
                    .query(
                        "sum by (job, pipeline_name) (rate(pipeline_api_calls_total{pipeline_name=~\"$pipeline\"}[$__rate_interval]))",
                        "{{pipeline_name}}",
                    )
                    .bad_above(1000.0)
                    .traces(),
                Panel::new(Kind::Lines, "Cost per hour", "currencyUSD", "Dollars an hour, at the present rate. Bad above ten.")
                    .query("3600 * sum by (name) (rate(pipeline_cost_usd_total{name=~\"$pipeline\"}[$__rate_interval]))", "{{name}}")
                    .bad_above(10.0),
                Panel::new(Kind::Lines, "Throughput (items/sec)", "ops", "Items a second. Bad below a hundred.")
                    .query(
                        "sum by (job, pipeline_name) (rate(pipeline_items_total{pipeline_name=~\"$pipeline\"}[$__rate_interval]))",
                        "{{pipeline_name}}",
                    )
                    .bad_below(100.0)
                    .traces(),
            ],
        )
        .row(
            8,
            [
                Panel::new(Kind::Lines, "Memory usage", "decbytes", "Memory in use. Bad above a gigabyte.")
                    .query("max by (pipeline_name) (pipeline_memory_usage_bytes{pipeline_name=~\"$pipeline\"})", "{{pipeline_name}}")
                    .width(12)
                    .bad_above(1e9),
                Panel::new(Kind::Lines, "CPU usage", "percent", "Processor time in use, 100 for all that may be. Bad above 80.")
                    .query("max by (pipeline_name) (pipeline_cpu_usage_percent{pipeline_name=~\"$pipeline\"})", "{{pipeline_name}}")
                    .width(12)
                    .bad_above(80.0),
            ],
        )
}
