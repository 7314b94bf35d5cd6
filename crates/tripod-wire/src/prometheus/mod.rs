//! Prometheus' formats: names and the text exposition.
