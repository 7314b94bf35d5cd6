//! Signals: which, from where, and how fast they are published.

use crate::dashboard::Dashboard;
use crate::panel::{Kind, Panel};

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new("signal-generation", "Signal Generation Deep Dive", "Which signals are found, by whom, and how fast they are published.")
        .variable("source", "Source", "signals_generated_total", "source")
        .row(
            8,
            [
                Panel::new(Kind::Pie, "Signals by Type", "short", "Signals in the time shown, by type.")
                    .query(
                        "sum by (signal_type) (increase(signals_generated_total{source=~\"$source\"}[$__range]))",
                        "{{signal_type}}",
                    )
                    .width(8),
                Panel::new(Kind::Bars("source"), "Signals by Source", "short", "Signals in the time shown, by who found them.")
                    .query("sum by (source) (increase(signals_generated_total{source=~\"$source\"}[$__range]))", "{{source}}")
                    .width(16),
            ],
        )
        .row(
            10,
            [
                Panel::new(Kind::Heatmap, "Kafka Publish Duration", "s", "How long publishing a signal takes, until the broker has confirmed it.")
                    .query("sum by (le) (increase(kafka_publish_duration_seconds_bucket[$__rate_interval]))", "{{le}}")
                    .width(12),
                Panel::new(Kind::Lines, "Signal Generation Timeline", "cpm", "Signals a minute, by type and who found them.")
                    .query(
                        "60 * sum by (job, signal_type, source) (rate(signals_generated_total{source=~\"$source\"}[$__rate_interval]))",
                        "{{signal_type}} ({{source}})",
                    )
                    .width(12)
                    .traces(),
            ],
        )
}
