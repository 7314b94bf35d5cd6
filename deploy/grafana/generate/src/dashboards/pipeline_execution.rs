//! Executions of pipelines: how long, how they end, what they cost, which agents work.

use crate::dashboard::Dashboard;
use crate::panel::{Kind, Panel};

fn quantile(q: &str) -> String {
    format!(
        "histogram_quantile({q}, sum by (le, job) (rate(pipeline_execution_duration_seconds_bucket{{pipeline_id=~\"$pipeline\"}}[$__rate_interval])))"
    )
}

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new("pipeline-execution", "Pipeline Execution Analysis", "Executions of pipelines: how long they take, how they end, what they cost.")
        .variable("pipeline", "Pipeline", "pipeline_execution_duration_seconds_count", "pipeline_id")
        .row(
            9,
            [
                Panel::new(Kind::Lines, "Execution Duration P50/P95/P99", "s", "What half, 95 and 99 of 100 executions take at most.")
                    .query(quantile("0.5"), "P50")
                    .query(quantile("0.95"), "P95")
                    .query(quantile("0.99"), "P99")
                    .width(12)
                    .traces(),
                Panel::new(Kind::Stacked, "Executions by Status", "opm", "Executions a minute, by how they ended.")
                    .query(
                        "60 * sum by (job, status) (rate(pipeline_executions_total{pipeline_id=~\"$pipeline\"}[$__rate_interval]))",
                        "{{status}}",
                    )
                    .width(12)
                    .traces(),
            ],
        )
        .row(
            9,
            [
                Panel::new(Kind::Points, "Cost per Execution", "currencyUSD", "What an execution costs on average, a point for each pipeline and moment.")
                    .query(
                        "sum by (job, pipeline_id) (rate(pipeline_execution_cost_usd_sum{pipeline_id=~\"$pipeline\"}[$__rate_interval])) / sum by (job, pipeline_id) (rate(pipeline_execution_cost_usd_count{pipeline_id=~\"$pipeline\"}[$__rate_interval]))",
                        "{{pipeline_id}}",
                    )
                    .width(12)
                    .traces(),
                Panel::new(Kind::Bars("agent"), "Agent Execution Breakdown", "short", "Executions of agents in the time shown.")
                    .query("sum by (agent) (increase(agent_executions_total[$__range]))", "{{agent}}")
                    .width(12),
            ],
        )
}
