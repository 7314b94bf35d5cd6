//! The process's metrics as a page for Prometheus: text 0.0.4 and 1.0.0, OpenMetrics 1.0, and protobuf with native histograms.
//!
//! A page is written straight from the numbers, which are read without stopping those who record. Nothing is built on the way: the
//! labels of a series are written once into a buffer that is reused, then its samples.

#[cfg(any(feature = "prometheus-server", feature = "prometheus-service"))]
mod answer;
mod labels;
mod naming;
mod native;
mod negotiate;
mod page;
mod protobuf;
#[cfg(feature = "prometheus-server")]
mod server;
#[cfg(feature = "prometheus-service")]
mod service;
mod text;

pub use page::PrometheusPage;
#[cfg(feature = "prometheus-server")]
pub(crate) use server::Server;
#[cfg(feature = "prometheus-service")]
pub use service::PrometheusService;

use std::sync::Arc;

use tripod_wire::otlp::metrics::{MetricData, NumberValue};
use tripod_wire::otlp::{KeyValue, Metric, Resource};
use tripod_wire::prometheus::client_model;
use tripod_wire::prometheus::names::{self, MetricKind};

use self::labels::{Encoding, Labels};
use self::naming::Naming;
use self::negotiate::Content;
use crate::engine;
use crate::metrics::Reader;
pub(crate) use crate::metrics::exemplar::Kept;
use crate::metrics::exponential::Counted;
use crate::metrics::label_set::LabelSet;
use crate::metrics::observable::Round;
use crate::metrics::registry::{self, Instrument};

/// In which form a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrometheusFormat {
    /// Prometheus' own text.
    Text,
    /// OpenMetrics: a text with units and exemplars.
    OpenMetrics,
    /// Messages `io.prometheus.client.MetricFamily`, each with its length before it: with exemplars and native histograms.
    Protobuf,
}

#[cfg(feature = "pushgateway")]
impl PrometheusFormat {
    /// The `Content-Type` of its text, without what only a scraper asks for.
    pub(crate) const TEXT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
}

/// An instrument as its family is described.
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) unit: String,
    pub(crate) kind: MetricKind,
}

/// Appends all metrics of the process to `out`, in this format.
///
/// Names follow OpenTelemetry's rules for Prometheus: `http.server.duration` in `s` becomes `http_server_duration_seconds`, a counter
/// ends in `_total`. A component's metrics carry its name as `otel_scope_name`; what is known of the process is `target_info`; a
/// [`PrometheusPage`] changes both. Instruments that end up with one name are one family; one of another type than the first is left
/// out. Exemplars are written in OpenMetrics and protobuf only. Exponential histograms are native ones in protobuf, and have the bounds
/// of their buckets in text.
///
/// ```
/// use tripod::metrics::{PrometheusFormat, render_prometheus};
/// tripod::counter("pages.served").build().add(3, tripod::labels!(kind = "help"));
/// let mut page = Vec::new();
/// render_prometheus(PrometheusFormat::Text, &mut page);
/// assert!(String::from_utf8(page).unwrap().contains("pages_served_total{kind=\"help\"} 3\n"));
/// ```
pub fn render_prometheus(format: PrometheusFormat, out: &mut Vec<u8>) {
    render(Content::of(format), out);
}

/// All metrics of the process as an answer to a scrape: the `Content-Type` and the body, by what the scraper says in `Accept`. For
/// programs that serve them in a way of their own.
///
/// Understood are text 0.0.4 (what anybody gets who says nothing else) and 1.0.0, OpenMetrics 0.0.1 and 1.0.0, and protobuf, each with
/// the parameter `escaping`.
///
/// ```
/// let (content_type, body) = tripod::metrics::scrape("application/openmetrics-text; version=1.0.0");
/// assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"));
/// assert!(body.ends_with(b"# EOF\n"));
/// ```
pub fn scrape(accept: &str) -> (String, Vec<u8>) {
    let content = Content::accepted(accept);
    let mut out = Vec::new();
    render(content, &mut out);
    (content.content_type(), out)
}

fn render(content: Content, out: &mut Vec<u8>) {
    let engine = engine::running();
    let default = PrometheusPage::default();
    let options = engine.as_ref().map_or(&default, |engine| &engine.prometheus_page);
    let mut page = Page { content, naming: content.naming(options.translation), options, resource: Vec::new(), out };
    if let Some(engine) = &engine {
        page.resource = options.resource_labels_of(&engine.resource, page.naming);
        if options.target_info {
            page.target_info(&engine.resource);
        }
    }
    let round = Round::ask();
    let mut named: Vec<Named> =
        registry::all().into_iter().filter_map(|one| Named::instrument(page.naming, one)).collect();
    for (scope, metrics) in registry::from_sources() {
        named.extend(metrics.into_iter().filter_map(|metric| Named::points(page.naming, scope, metric)));
    }
    // A family's samples stand together, whatever component they are from.
    named.sort_by(|a, b| a.name.cmp(&b.name));
    for same in named.chunk_by(|a, b| a.name == b.name) {
        page.family(same, &round);
    }
    if content.format == PrometheusFormat::OpenMetrics {
        page.out.extend(b"# EOF\n");
    }
}

/// A page that is written.
struct Page<'p> {
    content: Content,
    naming: Naming,
    options: &'p PrometheusPage,
    /// Labels that every series has.
    resource: Vec<(String, String)>,
    out: &'p mut Vec<u8>,
}

impl Page<'_> {
    fn encoding(&self) -> Encoding {
        if self.content.format == PrometheusFormat::Protobuf { Encoding::Protobuf } else { Encoding::Text }
    }

    /// Writes what has one name; nothing if it has no sample.
    fn family(&mut self, same: &[Named], round: &Round) {
        let Some(first) = same.first() else { return };
        let kind = first.family.kind.prometheus_type();
        let of_kind = same.iter().filter(|named| named.family.kind.prometheus_type() == kind);
        if self.content.format == PrometheusFormat::Protobuf {
            let mut family = Vec::new();
            let mut fields = protobuf::Fields::new(&mut family, first.family.kind);
            fields.head(&first.name, &first.family);
            let head = family.len();
            for named in of_kind {
                let fields = protobuf::Fields::new(&mut family, named.family.kind);
                named.write(round, &mut self.samples(named, Output::Protobuf(fields)));
            }
            if family.len() > head {
                client_model::put_delimited(self.out, &family);
            }
            return;
        }
        let (open_metrics, created) = (self.content.format == PrometheusFormat::OpenMetrics, self.options.created);
        // Lent and given back, as the labels need the rest of the page.
        let mut out = std::mem::take(self.out);
        let before = out.len();
        text::Lines::new(&mut out, open_metrics, &first.name, first.family.kind, created).head(&first.family);
        let head = out.len();
        for named in of_kind {
            let lines = text::Lines::new(&mut out, open_metrics, &named.name, named.family.kind, created);
            named.write(round, &mut self.samples(named, Output::Text(lines)));
        }
        if out.len() == head {
            out.truncate(before);
        }
        *self.out = out;
    }

    fn samples<'o>(&self, named: &Named, output: Output<'o>) -> Samples<'o> {
        let mut common = Vec::new();
        if self.options.scope_labels {
            common = page::scope_labels(&engine::scope_of_number(named.scope), self.naming);
        }
        let own = match named.family.kind {
            MetricKind::Histogram => Some("le"),
            MetricKind::Summary => Some("quantile"),
            _ => None,
        };
        common.extend(self.resource.iter().filter(|(name, _)| Some(name.as_str()) != own).cloned());
        Samples { labels: Labels::new(self.encoding(), self.naming, &common, own), start: 0, output }
    }

    fn target_info(&mut self, resource: &Resource) {
        let mut labels = Labels::new(self.encoding(), self.naming, &[], None);
        labels.set_attributes(&resource.attributes);
        match self.content.format {
            PrometheusFormat::Protobuf => {
                client_model::put_delimited(self.out, &protobuf::target_info(labels.bytes()));
            }
            format => text::target_info(self.out, format == PrometheusFormat::OpenMetrics, labels.bytes()),
        }
    }
}

/// Something under its Prometheus name.
struct Named {
    name: String,
    scope: u16,
    family: Family,
    from: From,
}

/// Where samples come from.
enum From {
    Instrument(Arc<dyn Instrument>),
    /// Points that another registry has.
    Points(MetricData),
}

impl Named {
    fn instrument(naming: Naming, instrument: Arc<dyn Instrument>) -> Option<Self> {
        let (family, scope) = (instrument.family()?, instrument.identity().scope);
        Some(Self { name: naming.metric(&family), scope, family, from: From::Instrument(instrument) })
    }

    fn points(naming: Naming, scope: u16, metric: Metric) -> Option<Self> {
        let Metric { name, description, unit, data, .. } = metric;
        let family = Family { name, help: description, unit, kind: MetricKind::of(&data)? };
        Some(Self { name: naming.metric(&family), scope, family, from: From::Points(data) })
    }

    fn write(&self, round: &Round, samples: &mut Samples<'_>) {
        match &self.from {
            From::Points(data) => samples.points(data),
            From::Instrument(instrument) => {
                if instrument.write(round, samples).is_err() {
                    let metric = instrument.metric(round, &mut Reader::default().reading());
                    samples.points(&metric.unwrap_or_default().data);
                }
            }
        }
    }
}

/// Where the samples of one instrument go, a series after the other: its labels, then its numbers.
pub(crate) struct Samples<'o> {
    labels: Labels,
    start: u64,
    output: Output<'o>,
}

enum Output<'o> {
    Text(text::Lines<'o>),
    Protobuf(protobuf::Fields<'o>),
}

/// What the samples of one series have in common.
#[derive(Clone, Copy)]
struct Point<'l> {
    labels: &'l [u8],
    /// Since when it counts, nanoseconds since the Unix epoch; 0 if it is not known.
    start: u64,
}

impl Samples<'_> {
    /// Says since when the series that follow count, nanoseconds since the Unix epoch.
    pub(crate) fn since(&mut self, start: u64) {
        self.start = start;
    }

    /// Begins a series.
    pub(crate) fn series(&mut self, labels: &LabelSet) {
        self.labels.set(labels);
    }

    /// Whether exemplars are written: looking for those of each series costs more than all else.
    pub(crate) fn has_exemplars(&self) -> bool {
        match &self.output {
            Output::Text(lines) => lines.open_metrics,
            Output::Protobuf(_) => true,
        }
    }

    /// A counter's or a gauge's number.
    pub(crate) fn number(&mut self, value: NumberValue, exemplar: Option<Kept>) {
        let point = Point { labels: self.labels.bytes(), start: self.start };
        match &mut self.output {
            Output::Text(lines) => lines.number(point, value, exemplar),
            Output::Protobuf(fields) => fields.number(point, value, exemplar),
        }
    }

    /// A distribution over buckets: their bounds, and what each counts, the last without a bound. Exemplars come with their buckets.
    pub(crate) fn histogram(&mut self, bounds: &[f64], counts: &[u64], sum: f64, exemplars: &[(usize, Kept)]) {
        let point = Point { labels: self.labels.bytes(), start: self.start };
        let exemplar = |at: usize| exemplars.iter().find(|(of, _)| *of == at).map(|(_, kept)| *kept);
        let bounds = bounds.iter().copied().chain([f64::INFINITY]);
        let buckets = bounds.zip(counts).enumerate().map(|(at, (bound, count))| (bound, *count, exemplar(at)));
        match &mut self.output {
            Output::Text(lines) => lines.histogram(point, buckets, sum),
            Output::Protobuf(fields) => fields.histogram(point, buckets, sum),
        }
    }

    /// A distribution over exponential buckets.
    pub(crate) fn exponential(&mut self, counted: &Counted, exemplars: &[Kept]) {
        let point = Point { labels: self.labels.bytes(), start: self.start };
        match &mut self.output {
            Output::Text(lines) => lines.exponential(point, counted, exemplars),
            Output::Protobuf(fields) => fields.exponential(point, counted, exemplars),
        }
    }

    /// Quantiles and their values.
    pub(crate) fn summary(&mut self, quantiles: &[(f64, f64)], sum: f64, count: u64) {
        let point = Point { labels: self.labels.bytes(), start: self.start };
        match &mut self.output {
            Output::Text(lines) => lines.summary(point, quantiles, sum, count),
            Output::Protobuf(fields) => fields.summary(point, quantiles, sum, count),
        }
    }

    /// Points that were joined of several series, or are another registry's.
    fn points(&mut self, data: &MetricData) {
        match data {
            MetricData::Sum { data_points, .. } | MetricData::Gauge { data_points } => {
                for point in data_points {
                    self.point(&point.attributes, point.start_time_unix_nano);
                    self.number(point.value, None);
                }
            }
            MetricData::Histogram { data_points, .. } => {
                for point in data_points {
                    self.point(&point.attributes, point.start_time_unix_nano);
                    self.histogram(&point.explicit_bounds, &point.bucket_counts, point.sum.unwrap_or_default(), &[]);
                }
            }
            MetricData::ExponentialHistogram { data_points, .. } => {
                for point in data_points {
                    self.point(&point.attributes, point.start_time_unix_nano);
                    self.exponential(&Counted::of_point(point), &[]);
                }
            }
            MetricData::Summary { data_points } => {
                for point in data_points {
                    self.point(&point.attributes, point.start_time_unix_nano);
                    let quantiles: Vec<(f64, f64)> =
                        point.quantile_values.iter().map(|at| (at.quantile, at.value)).collect();
                    self.summary(&quantiles, point.sum, point.count);
                }
            }
            MetricData::Empty => {}
        }
    }

    fn point(&mut self, attributes: &[KeyValue], start: u64) {
        self.labels.set_attributes(attributes);
        self.start = start;
    }
}

/// What is known of a scope or a resource as labels: names and values, those left out that say nothing.
fn as_labels(attributes: &[KeyValue], naming: Naming) -> Vec<(String, String)> {
    names::labels_named(attributes, |key| naming.label(key))
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
}
