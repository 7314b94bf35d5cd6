//! A panel: what it is called, what it asks, how it is drawn.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{Error, catalog, link};

/// The variable of a dashboard that says where metrics are.
pub(crate) const METRICS: &str = "datasource";

/// How a panel is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Values over time.
    Lines,
    /// The same, one on top of the other.
    Stacked,
    /// The same, as points that nothing connects.
    Points,
    /// The newest value, with its past behind it.
    Stat,
    /// The newest value between its bounds.
    Gauge,
    /// A bar for each value of a label, of which this is the name.
    Bars(&'static str),
    /// A bar for each bucket of a histogram.
    Histogram,
    /// The parts of a whole.
    Pie,
    /// The buckets of a histogram over time.
    Heatmap,
    /// States over time.
    States,
}

/// Where values become bad, and which side of that is good.
#[derive(Debug, Clone, Copy)]
enum Threshold {
    /// Above this it is red.
    Above(f64),
    /// Below this it is red.
    Below(f64),
}

/// A query and what its series are called.
#[derive(Debug)]
struct Query {
    expr: String,
    legend: &'static str,
}

/// A panel of a dashboard.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    pub(crate) width: u32,
    kind: Kind,
    description: &'static str,
    unit: &'static str,
    queries: Vec<Query>,
    bounds: (Option<f64>, Option<f64>),
    threshold: Option<Threshold>,
    states: &'static [(f64, &'static str, &'static str)],
    /// Units of series that have another one, by their names.
    units: Vec<(&'static str, &'static str)>,
    traces: bool,
}

impl Panel {
    /// A panel of this title, unit (Grafana's name of it) and description.
    pub(crate) fn new(kind: Kind, title: &'static str, unit: &'static str, description: &'static str) -> Self {
        Self {
            title,
            width: 8,
            kind,
            description,
            unit,
            queries: Vec::new(),
            bounds: (None, None),
            threshold: None,
            states: &[],
            units: Vec::new(),
            traces: false,
        }
    }

    /// Asks this, and calls the series so: `{{job}}` stands for a label.
    pub(crate) fn query(mut self, expr: impl Into<String>, legend: &'static str) -> Self {
        self.queries.push(Query { expr: expr.into(), legend });
        self
    }

    /// Takes so many of the 24 columns.
    pub(crate) fn width(mut self, columns: u32) -> Self {
        self.width = columns;
        self
    }

    /// Values are within these.
    pub(crate) fn within(mut self, min: f64, max: f64) -> Self {
        self.bounds = (Some(min), Some(max));
        self
    }

    /// Values above this are bad.
    pub(crate) fn bad_above(mut self, value: f64) -> Self {
        self.threshold = Some(Threshold::Above(value));
        self
    }

    /// Values below this are bad.
    pub(crate) fn bad_below(mut self, value: f64) -> Self {
        self.threshold = Some(Threshold::Below(value));
        self
    }

    /// What numbers stand for, and in which colour.
    pub(crate) fn states(mut self, states: &'static [(f64, &'static str, &'static str)]) -> Self {
        self.states = states;
        self
    }

    /// The series of this name has a unit and an axis of its own.
    pub(crate) fn unit_of(mut self, series: &'static str, unit: &'static str) -> Self {
        self.units.push((series, unit));
        self
    }

    /// A point leads to the traces of its `job`, which the queries have to have as a label.
    pub(crate) fn traces(mut self) -> Self {
        self.traces = true;
        self
    }

    /// The panel in Grafana's words, checked against the catalogue.
    pub(crate) fn json(&self, id: usize, place: &Value) -> Result<Value, catalog::Error> {
        let mut description = self.description.to_owned();
        for query in &self.queries {
            for (metric, meaning) in self.check(query)? {
                let line = format!("\n\n`{metric}`: {meaning}.");
                if !description.contains(&line) {
                    description += &line;
                }
            }
        }
        Ok(json!({
            "id": id,
            "type": self.plugin(),
            "title": self.title,
            "description": description,
            "datasource": source(),
            "gridPos": place,
            "fieldConfig": { "defaults": self.defaults(), "overrides": self.overrides() },
            "options": self.options(),
            "targets": self.queries.iter().enumerate().map(|(at, query)| self.target(at, query)).collect::<Vec<_>>(),
        }))
    }

    /// An error with the panel's name.
    pub(crate) fn named(&self, dashboard: &'static str, source: catalog::Error) -> Error {
        Error::Query { dashboard, panel: self.title.to_owned(), source }
    }

    /// The metrics of a query whose labels have what the legend and the links need.
    fn check(&self, query: &Query) -> Result<BTreeMap<String, &'static str>, catalog::Error> {
        let checked = catalog::check(&query.expr)?;
        let of_legend = query.legend.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0.trim()));
        let of_bars = match self.kind {
            Kind::Bars(label) => Some(label),
            Kind::Histogram | Kind::Heatmap => Some("le"),
            _ => None,
        };
        let of_links = self.traces.then_some("job");
        for label in of_legend.chain(of_bars).chain(of_links) {
            if !checked.labels.contains(label) {
                return Err(catalog::Error::Gone(label.to_owned(), checked.labels));
            }
        }
        Ok(checked.metrics)
    }

    fn plugin(&self) -> &'static str {
        match self.kind {
            Kind::Lines | Kind::Stacked | Kind::Points => "timeseries",
            Kind::Stat => "stat",
            Kind::Gauge => "gauge",
            Kind::Bars(_) => "barchart",
            Kind::Histogram => "bargauge",
            Kind::Pie => "piechart",
            Kind::Heatmap => "heatmap",
            Kind::States => "state-timeline",
        }
    }

    fn target(&self, at: usize, query: &Query) -> Value {
        let instant = matches!(self.kind, Kind::Bars(_) | Kind::Histogram | Kind::Pie);
        let format = match self.kind {
            Kind::Bars(_) => "table",
            Kind::Histogram | Kind::Heatmap => "heatmap",
            _ => "time_series",
        };
        // Exemplars are those of buckets, and of a time.
        let exemplar = !instant && query.expr.contains("_bucket");
        json!({
            "refId": char::from(b'A' + at as u8).to_string(),
            "datasource": source(),
            "editorMode": "code",
            "expr": query.expr,
            "format": format,
            "instant": instant,
            "range": !instant,
            "exemplar": exemplar,
            "legendFormat": query.legend,
        })
    }

    fn defaults(&self) -> Value {
        let mut defaults = json!({ "unit": self.unit, "custom": self.custom() });
        let by_threshold = self.threshold.is_some() && matches!(self.kind, Kind::Gauge | Kind::Stat);
        let color = if by_threshold || self.kind == Kind::States { "thresholds" } else { "palette-classic" };
        defaults["color"] = match self.kind {
            Kind::Histogram => json!({ "mode": "continuous-BlPu" }),
            _ => json!({ "mode": color }),
        };
        let steps = match self.threshold {
            None => json!([{ "color": "green", "value": null }]),
            Some(Threshold::Above(value)) => {
                json!([{ "color": "green", "value": null }, { "color": "red", "value": value }])
            }
            Some(Threshold::Below(value)) => {
                json!([{ "color": "red", "value": null }, { "color": "green", "value": value }])
            }
        };
        defaults["thresholds"] = json!({ "mode": "absolute", "steps": steps });
        let (min, max) = self.bounds;
        for (name, bound) in [("min", min), ("max", max)] {
            if let Some(bound) = bound {
                defaults[name] = json!(bound);
            }
        }
        if !self.states.is_empty() {
            let states = self.states.iter().enumerate();
            let states = states.map(|(index, (value, text, color))| {
                (value.to_string(), json!({ "text": text, "color": color, "index": index }))
            });
            let states: serde_json::Map<_, _> = states.collect();
            defaults["mappings"] = json!([{ "type": "value", "options": states }]);
        }
        if self.traces {
            defaults["links"] = json!([link::traces()]);
        }
        defaults
    }

    /// What the plugin has beside what all have.
    fn custom(&self) -> Value {
        let (draw, stacking, fill) = match self.kind {
            Kind::Lines => ("line", "none", 10),
            Kind::Stacked => ("line", "normal", 40),
            Kind::Points => ("points", "none", 0),
            Kind::Bars(_) => return json!({ "fillOpacity": 80, "lineWidth": 0 }),
            Kind::Heatmap => return json!({ "scaleDistribution": { "type": "linear" } }),
            Kind::States => return json!({ "fillOpacity": 70, "lineWidth": 0 }),
            Kind::Stat | Kind::Gauge | Kind::Histogram | Kind::Pie => return json!({}),
        };
        let threshold = if self.threshold.is_some() { "dashed" } else { "off" };
        json!({
            "drawStyle": draw,
            "lineInterpolation": "linear",
            "lineWidth": 1,
            "fillOpacity": fill,
            "pointSize": if self.kind == Kind::Points { 7 } else { 4 },
            "showPoints": if self.kind == Kind::Points { "always" } else { "never" },
            "spanNulls": false,
            "stacking": { "mode": stacking, "group": "A" },
            "thresholdsStyle": { "mode": threshold },
            "axisSoftMin": 0,
        })
    }

    fn overrides(&self) -> Value {
        let units = self.units.iter().map(|(series, unit)| {
            json!({
                "matcher": { "id": "byName", "options": series },
                "properties": [{ "id": "unit", "value": unit }, { "id": "custom.axisPlacement", "value": "right" }],
            })
        });
        units.collect()
    }

    fn options(&self) -> Value {
        let legend = json!({ "showLegend": true, "displayMode": "list", "placement": "bottom", "calcs": [] });
        let tooltip = json!({ "mode": "multi", "sort": "desc" });
        let newest = json!({ "calcs": ["lastNotNull"], "fields": "", "values": false });
        match self.kind {
            Kind::Lines | Kind::Stacked | Kind::Points => json!({ "legend": legend, "tooltip": tooltip }),
            Kind::Stat => json!({
                "colorMode": "value", "graphMode": "area", "justifyMode": "auto", "textMode": "auto", "wideLayout": true,
                "showPercentChange": false, "percentChangeColorMode": "standard", "orientation": "auto",
                "reduceOptions": newest,
            }),
            Kind::Gauge => json!({
                "shape": "gauge", "barShape": "flat", "barWidthFactor": 0.5, "segmentCount": 1, "segmentSpacing": 0.3,
                "effects": { "barGlow": false, "centerGlow": false, "gradient": true }, "sparkline": true,
                "showThresholdLabels": false, "showThresholdMarkers": true, "sizing": "auto", "minVizHeight": 75,
                "minVizWidth": 75, "orientation": "auto", "reduceOptions": newest,
            }),
            Kind::Bars(label) => json!({
                "xField": label, "orientation": "horizontal", "barWidth": 0.8, "groupWidth": 0.7, "barRadius": 0.05,
                "fullHighlight": false, "showValue": "auto", "stacking": "none", "xTickLabelRotation": 0,
                "xTickLabelMaxLength": 40, "legend": { "showLegend": false, "displayMode": "list", "placement": "bottom", "calcs": [] },
                "tooltip": tooltip,
            }),
            Kind::Histogram => json!({
                "displayMode": "gradient", "orientation": "vertical", "valueMode": "color", "showUnfilled": true,
                "namePlacement": "auto", "sizing": "auto", "minVizWidth": 8, "minVizHeight": 16, "maxVizHeight": 300,
                "legend": { "showLegend": false, "displayMode": "list", "placement": "bottom", "calcs": [] },
                "reduceOptions": newest,
            }),
            Kind::Pie => json!({
                "pieType": "donut", "displayLabels": ["percent"], "sort": "desc", "tooltip": { "mode": "single", "sort": "none" },
                "legend": {
                    "showLegend": true, "displayMode": "table", "placement": "right", "calcs": [], "values": ["value", "percent"],
                },
                "orientation": "auto", "reduceOptions": newest,
            }),
            Kind::Heatmap => json!({
                "calculate": false, "cellGap": 1, "showValue": "never", "legend": { "show": true },
                "color": { "mode": "scheme", "scheme": "Spectral", "steps": 64, "exponent": 0.5, "fill": "dark-orange", "reverse": false },
                "exemplars": { "color": "rgba(255,0,255,0.7)" }, "filterValues": { "le": 1e-9 },
                "rowsFrame": { "layout": "auto" }, "tooltip": { "mode": "single", "yHistogram": true, "showColorScale": true },
                "yAxis": { "unit": self.unit, "axisPlacement": "left" },
            }),
            Kind::States => json!({
                "mergeValues": true, "showValue": "auto", "alignValue": "left", "rowHeight": 0.9, "legend": legend,
                "tooltip": { "mode": "single", "sort": "none" },
            }),
        }
    }
}

/// Where metrics are, as the dashboard's variable says.
pub(crate) fn source() -> Value {
    json!({ "type": "prometheus", "uid": format!("${{{METRICS}}}") })
}
