//! What services stand on: the database, Redis, queues, the machine.

use crate::dashboard::Dashboard;
use crate::panel::{Kind, Panel};

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new("infrastructure", "Infrastructure", "What services stand on: database, Redis, queues, machine.")
        .variable("service", "Service", "db_query_duration_seconds_count", "job")
        .row(
            9,
            [
                Panel::new(
                    Kind::Histogram,
                    "Database Query Duration",
                    "short",
                    "Queries in the time shown, by how long they took (seconds, at most).",
                )
                .query(
                    "sum by (le) (increase(db_query_duration_seconds_bucket{job=~\"$service\"}[$__range]))",
                    "{{le}}",
                )
                .width(16),
                Panel::new(Kind::Gauge, "Redis Operations/sec", "ops", "Commands a second.")
                    .query(
                        "sum(rate(redis_command_duration_seconds_count{job=~\"$service\"}[$__rate_interval]))",
                        "commands",
                    )
                    .width(8)
                    .within(0.0, 100.0),
            ],
        )
        .row(
            9,
            [
                Panel::new(Kind::Lines, "Celery Queue Depth", "short", "Jobs that wait, by queue.")
                    .query("sum by (job, queue) (job_queue_depth{job=~\"$service\"})", "{{queue}}")
                    .width(12)
                    .traces(),
                Panel::new(
                    Kind::Lines,
                    "System Resources",
                    "percent",
                    "Processor and memory of the machine, or of what the container may use.",
                )
                .query("max(system_cpu_usage_percent{job=~\"$service\"})", "CPU")
                .query("max(system_memory_usage_bytes{job=~\"$service\"})", "Memory")
                .width(12)
                .unit_of("Memory", "bytes"),
            ],
        )
}
