//! Adapters: requests to providers of data. Thresholds are those of `deploy/rules/adapters.yml`.

use crate::dashboard::Dashboard;
use crate::panel::{Kind, Panel};

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new("adapters", "Adapters", "Requests to providers of data: how many, how long, how they end.")
        .variable("provider", "Provider", "adapter_requests_total", "provider")
        .row(
            9,
            [
                Panel::new(Kind::Lines, "Request Rate", "reqps", "Requests a second, by provider and how they ended.")
                    .query(
                        "sum by (job, provider, status) (rate(adapter_requests_total{provider=~\"$provider\"}[$__rate_interval]))",
                        "{{provider}} {{status}}",
                    )
                    .width(12)
                    .traces(),
                Panel::new(Kind::Lines, "Request Duration", "s", "What 95 of 100 requests take at most. Bad from 2 seconds on.")
                    .query(
                        "histogram_quantile(0.95, sum by (le, job, provider) (rate(adapter_request_duration_seconds_bucket{provider=~\"$provider\"}[$__rate_interval])))",
                        "{{provider}} P95",
                    )
                    .width(12)
                    .bad_above(2.0)
                    .traces(),
            ],
        )
        .row(
            9,
            [
                Panel::new(Kind::Gauge, "Success Rate", "percentunit", "Share of requests that succeed. Bad below 95 of 100.")
                    .query("min by (provider) (adapter_success_rate{provider=~\"$provider\"})", "{{provider}}")
                    .within(0.0, 1.0)
                    .bad_below(0.95),
                Panel::new(Kind::Lines, "Error Rate", "reqps", "Failed requests a second, by why. Bad above one in ten seconds.")
                    .query(
                        "sum by (job, provider, error_type) (rate(adapter_errors_total{provider=~\"$provider\"}[$__rate_interval]))",
                        "{{provider}} {{error_type}}",
                    )
                    .bad_above(0.1)
                    .traces(),
                Panel::new(Kind::Lines, "Active Requests", "short", "Requests that are under way.")
                    .query("sum by (provider) (adapter_active_requests{provider=~\"$provider\"})", "{{provider}}"),
            ],
        )
}
