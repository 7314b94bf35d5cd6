//! Metrics: counters, gauges, histograms, with labels.
//!
//! An instrument is made once and kept; it is registered by its name for the whole process, so that making it again gives the same
//! one. Recording finds the series of a label set and changes its numbers; `bind` finds it once, and then only the numbers are left
//! to do. Numbers are kept whether or not telemetry runs, and sent on the interval once it does.
//!
//! Labels are bounded: beyond [`MAX_SERIES`] label sets of one instrument, further ones count in a series of their own,
//! `otel.metric.overflow=true`.

mod aggregate;
mod builder;
mod cardinality;
mod cells;
mod core;
mod definition;
mod distribution;
pub(crate) mod exemplar;
mod exemplar_filter;
pub(crate) mod exponential;
mod filter;
mod float;
mod histogram;
mod instrument;
mod kind;
pub(crate) mod label_set;
mod labels;
mod last;
mod merge;
mod name;
mod namespace;
pub(crate) mod observable;
mod reader;
pub(crate) mod registry;
mod say;
mod series;
mod sum;
mod summary;
mod switch;
pub(crate) mod threshold;
mod view;

pub use builder::InstrumentBuilder;
pub(crate) use cardinality::say_overflows;
pub use cardinality::{Cardinality, cardinality};
#[cfg(all(unix, not(miri), not(loom)))]
pub(crate) use cells::after_fork;
pub(crate) use definition::bind_histogram;
pub use definition::{
    Instrument, MetricDefinition, define, definitions, increment, instrument, lost_by_name, observe, record, set,
};
pub use exemplar_filter::ExemplarFilter;
pub use instrument::{
    BoundCounter, BoundGauge, BoundHistogram, BoundSummary, BoundUpDownCounter, Counter, Gauge, Histogram, Summary,
    UpDownCounter, counter, gauge, histogram, summary, up_down_counter,
};
pub use kind::InstrumentKind;
pub use labels::{Labels, Typed};
pub use namespace::{Namespace, namespace};
pub use observable::{
    BatchObserver, Observable, Observation, ObservationGuard, Observer, callback_panics, observe_batch,
};
pub(crate) use say::say_once;
pub(crate) use switch::{enable, on};
pub use threshold::{Crossing, Direction, Measure, Threshold, Watch, on_threshold, threshold_panics};
pub use view::View;
pub(crate) use view::Views;

pub(crate) use registry::set_views;

pub use reader::{Reader, Temporality};

pub use tripod_wire::prometheus::translation::Translation as PrometheusNames;

pub use crate::export::prometheus::{PrometheusFormat, PrometheusPage, render_prometheus, scrape};

use tripod_wire::otlp::{Metric, ScopeMetrics};
use tripod_wire::proto::{Message, put_bytes, put_len_delimited};

use crate::engine;

/// Label sets an instrument keeps apart: the specification's default.
pub const MAX_SERIES: usize = 2000;

/// Makes what is made once a process: before forks, none of which is to meet it half made.
pub(crate) fn ready() {
    cells::ready();
}

/// All instruments and their points, as OTLP's messages: cumulative, in order of their names.
pub fn collect() -> Vec<Metric> {
    Reader::default().collect()
}

/// An export request of all metrics, and how many points it has; `None` when there are none.
pub(crate) fn collect_encoded(reader: &mut Reader, resource_field: &[u8]) -> Option<(Vec<u8>, u64)> {
    let scopes = reader.collect_scopes();
    let points: usize = scopes.iter().flat_map(|(_, metrics)| metrics).map(aggregate::points).sum();
    if points == 0 {
        return None;
    }
    let mut out = Vec::new();
    put_len_delimited(&mut out, 1, |out| {
        out.extend_from_slice(resource_field);
        for (scope, metrics) in scopes {
            let of = engine::scope_of_number(scope);
            let message = ScopeMetrics { scope: of.scope.clone(), metrics, schema_url: of.schema_url.clone() };
            put_bytes(out, 2, &message.encode_to_vec());
        }
    });
    Some((out, points as u64))
}
