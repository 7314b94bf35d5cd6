//! The trading platform at a glance.

use crate::dashboard::Dashboard;
use crate::panel::{Kind, Panel};

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new("system-overview", "System Overview", "Signals come in, pipelines run: whether both go well.")
        .variable("pipeline", "Pipeline", "pipeline_execution_duration_seconds_count", "pipeline_id")
        .row(
            9,
            [
                Panel::new(Kind::Lines, "Signal Generation Rate", "cpm", "Signals a minute, by type.")
                    .query(
                        "60 * sum by (job, signal_type) (rate(signals_generated_total[$__rate_interval]))",
                        "{{signal_type}}",
                    )
                    .width(12)
                    .traces(),
                Panel::new(Kind::Lines, "Pipeline Execution Rate", "opm", "Executions a minute, by how they ended.")
                    .query(
                        "60 * sum by (job, status) (rate(pipeline_executions_total{pipeline_id=~\"$pipeline\"}[$__rate_interval]))",
                        "{{status}}",
                    )
                    .width(12)
                    .traces(),
            ],
        )
        .row(
            8,
            [
                Panel::new(Kind::Gauge, "Success Rate", "percentunit", "Share of executions that succeed. Bad below 95 of 100.")
                    .query(
                        "sum(rate(pipeline_executions_total{pipeline_id=~\"$pipeline\", status=\"success\"}[$__rate_interval])) / sum(rate(pipeline_executions_total{pipeline_id=~\"$pipeline\"}[$__rate_interval]))",
                        "success",
                    )
                    .width(6)
                    .within(0.0, 1.0)
                    .bad_below(0.95),
                Panel::new(Kind::Lines, "Kafka Consumer Lag", "ms", "How old the newest message is that was consumed.")
                    .query(
                        "1000 * max by (job, topic, partition) (kafka_consumer_lag_seconds)",
                        "{{topic}}/{{partition}}",
                    )
                    .width(12)
                    .traces(),
                Panel::new(Kind::Gauge, "Active Pipelines", "short", "Executions that are under way.")
                    .query("sum(pipeline_active_executions{pipeline_id=~\"$pipeline\"})", "active")
                    .width(6)
                    .within(0.0, 20.0),
            ],
        )
}
