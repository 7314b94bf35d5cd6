//! What a dashboard says, in one form, however old the JSON is that says it: what the page draws.
//!
//! Everything is as it stands in the JSON but for its shape: variables are not yet put in, nothing is asked of any store. A property that
//! is absent here has Grafana's default.

use serde::Serialize;
use serde_json::Value;

/// What of a dashboard is not drawn, and where in its JSON it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Unsupported {
    /// Such as `panels[3].options.footer`.
    pub(crate) path: String,
    /// Why, in words.
    pub(crate) what: String,
}

/// A dashboard.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Dashboard {
    pub(crate) uid: Option<String>,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) tags: Vec<String>,
    pub(crate) time: TimeRange,
    /// How often it asks again: `10s`; empty for never.
    pub(crate) refresh: String,
    pub(crate) variables: Vec<Variable>,
    pub(crate) panels: Vec<Panel>,
    pub(crate) links: Vec<Link>,
    /// What is not drawn of what belongs to no panel; a panel has its own.
    pub(crate) unsupported: Vec<Unsupported>,
}

/// A window of time as it is written: `now-6h`, or a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct TimeRange {
    pub(crate) from: String,
    pub(crate) to: String,
}

/// One step of a path into JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Step {
    Key(&'static str),
    Index(usize),
}

/// A link to somewhere; its texts may have variables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Link {
    pub(crate) title: String,
    pub(crate) url: String,
    /// Opens a new tab.
    pub(crate) blank: bool,
    /// Leads to all dashboards with these tags instead of to an URL.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
}

/// Where data come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    Prometheus,
    Loki,
    Tempo,
    Jaeger,
}

/// A variable of the dashboard.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) label: String,
    #[serde(rename = "type")]
    pub(crate) kind: VariableKind,
    /// It has no box, and perhaps no name before it.
    pub(crate) hide: Hide,
    pub(crate) source: Source,
    /// Of a `query`, what asks for its values; of a `constant` or `textbox` its value.
    pub(crate) query: String,
    /// Which values are taken, and which part of them.
    pub(crate) regex: String,
    /// Grafana's numbers: 0 not at all, 1 and 2 by letters, 3 and 4 by number, 5 and 6 by letters whatever their case; odd goes up.
    pub(crate) sort: u8,
    pub(crate) multi: bool,
    pub(crate) include_all: bool,
    pub(crate) all_value: Option<String>,
    /// The choices, where they are in the JSON.
    pub(crate) options: Vec<Choice>,
    /// What is chosen until somebody chooses.
    pub(crate) current: Vec<String>,
    /// Its values depend on the window of time.
    pub(crate) by_time: bool,
    /// Of an `interval`: the choice that fits the window, in so many steps, at least so long.
    pub(crate) auto: Option<Auto>,
    /// Of `adhoc`: conditions on all queries.
    pub(crate) filters: Vec<Filter>,
}

/// What kind of variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum VariableKind {
    Query,
    Custom,
    Interval,
    Constant,
    Textbox,
    Datasource,
    Adhoc,
}

/// How much of a variable is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Hide {
    Nothing,
    Label,
    Variable,
}

/// A choice of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Choice {
    pub(crate) text: String,
    pub(crate) value: String,
}

/// An interval that follows the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Auto {
    pub(crate) count: u32,
    pub(crate) min: String,
}

/// A condition on a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Filter {
    pub(crate) key: String,
    pub(crate) operator: String,
    pub(crate) value: String,
}

/// Where a panel is: columns of 24, rows of 38 pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Grid {
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) w: u32,
    pub(crate) h: u32,
}

/// A panel that stands once for each value of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Repeat {
    pub(crate) variable: String,
    pub(crate) vertical: bool,
    pub(crate) most_per_row: u32,
}

/// What a panel is drawn as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Timeseries,
    Stat,
    Gauge,
    Barchart,
    Bargauge,
    Piechart,
    Heatmap,
    Table,
    Row,
    Text,
    #[serde(rename = "state-timeline")]
    StateTimeline,
    Logs,
    Traces,
    /// It is not drawn; its first `unsupported` says so.
    Unsupported,
}

/// A panel.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Panel {
    /// Unique among the panels.
    pub(crate) id: u64,
    /// Where it stands in the original: the steps from its root.
    pub(crate) at: Vec<Step>,
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    /// What the JSON calls its type.
    pub(crate) written: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) transparent: bool,
    pub(crate) grid: Grid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) repeat: Option<Repeat>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) links: Vec<Link>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) targets: Vec<Target>,
    /// The shortest step of its queries.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) interval: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_points: Option<u32>,
    /// A window of its own that ends where the dashboard's does: `1h`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) time_from: String,
    /// How much earlier its window is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) time_shift: String,
    pub(crate) field: Field,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) overrides: Vec<Override>,
    pub(crate) options: Options,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) transformations: Vec<Transformation>,
    /// Of a row: it is closed, and these are its panels.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) collapsed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) panels: Vec<Panel>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) unsupported: Vec<Unsupported>,
}

/// What a query's answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    Series,
    Table,
    Heatmap,
}

/// A query of a panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Target {
    pub(crate) ref_id: String,
    pub(crate) source: Source,
    pub(crate) expr: String,
    /// What a series is called: `{{job}}`; empty for all its labels.
    pub(crate) legend: String,
    pub(crate) format: Format,
    pub(crate) instant: bool,
    pub(crate) range: bool,
    pub(crate) interval: String,
    /// How many steps of the interval are one.
    pub(crate) factor: u32,
    pub(crate) hide: bool,
    pub(crate) exemplars: bool,
    /// At most so many lines or traces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u32>,
}

/// A struct of what may be absent, which then is not written.
macro_rules! optional {
    ($(#[$about:meta])* struct $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub(crate) struct $name {
            $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub(crate) $field: Option<$type>,)*
        }
    };
}

optional! {
    /// How the values of a field are written and drawn. What an override does not have stays as the panel has it.
    struct Field {
        /// Grafana's name of it: `s`, `bytes`, `percentunit`.
        unit: String,
        decimals: u32,
        min: f64,
        max: f64,
        name: String,
        color: Color,
        thresholds: Thresholds,
        mappings: Vec<Mapping>,
        no_value: String,
        links: Vec<Link>,
        /// `line`, `bars` or `points`.
        draw: &'static str,
        /// `linear`, `smooth`, `stepBefore` or `stepAfter`.
        interpolation: &'static str,
        line_width: f64,
        /// Percent.
        fill: f64,
        /// `solid`, `dash` or `dot`.
        line_style: &'static str,
        /// `auto`, `never` or `always`.
        points: &'static str,
        point_size: f64,
        /// Gaps up to so many milliseconds are bridged; infinity is all of them, written as -1.
        span_gaps: f64,
        stacking: Stacking,
        /// `auto`, `left`, `right` or `hidden`.
        axis: &'static str,
        axis_label: String,
        soft_min: f64,
        soft_max: f64,
        /// The base of a logarithmic scale.
        log: f64,
        /// Of thresholds on a chart: `off`, `line`, `area` or `both`.
        threshold_style: &'static str,
        /// `negative` draws it downwards, `constant` as its last value.
        transform: &'static str,
        /// The series below which the area in between is filled.
        fill_below: String,
        hide_chart: bool,
        hide_legend: bool,
        hide_tooltip: bool,
        /// A column's width in pixels.
        width: f64,
        /// `auto`, `left`, `center` or `right`.
        align: &'static str,
        /// `text`, `color-text`, `color-background`, `gauge`, `gradient-gauge`, `lcd-gauge` or `json`.
        cell: &'static str,
        hidden: bool,
    }
}

/// Where a colour comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Color {
    /// `thresholds`, `palette-classic`, `palette-classic-by-name`, `fixed`, `shades` or `continuous-…`.
    pub(crate) mode: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) fixed: String,
    /// Which value of a series: `last`, `min` or `max`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) by: String,
}

/// Values from which on something is of another colour.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Thresholds {
    /// They are percents of the way from min to max.
    pub(crate) percent: bool,
    pub(crate) steps: Vec<Threshold>,
}

/// From this value on, this colour; the first has no value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Threshold {
    pub(crate) value: Option<f64>,
    pub(crate) color: String,
}

/// How several series stand on each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Stacking {
    /// `none`, `normal` or `percent`.
    pub(crate) mode: &'static str,
    pub(crate) group: String,
}

/// What is written instead of values.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub(crate) enum Mapping {
    /// One value, as text.
    Value { value: String, text: Option<String>, color: Option<String> },
    /// All from here to there; an absent end is none.
    Range { from: Option<f64>, to: Option<f64>, text: Option<String>, color: Option<String> },
    /// Texts that fit.
    Regex { pattern: String, text: Option<String>, color: Option<String> },
    /// `null`, `nan`, `null+nan`, `true`, `false` or `empty`.
    Special { which: String, text: Option<String>, color: Option<String> },
}

/// What is otherwise for some fields.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Override {
    pub(crate) matcher: FieldMatcher,
    pub(crate) field: Field,
}

/// Which fields.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "by")]
pub(crate) enum FieldMatcher {
    Name {
        name: String,
    },
    Names {
        names: Vec<String>,
        exclude: bool,
    },
    Regexp {
        pattern: String,
    },
    /// `number`, `string` or `time`.
    Type {
        name: String,
    },
    /// The answers of a query.
    Query {
        ref_id: String,
    },
    /// Those whose figure compares so with a value.
    Value {
        calc: String,
        operator: String,
        value: f64,
    },
}

/// The legend of a chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Legend {
    pub(crate) show: bool,
    /// A table instead of a list.
    pub(crate) table: bool,
    pub(crate) right: bool,
    pub(crate) calcs: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sort_by: Option<String>,
    pub(crate) sort_desc: bool,
}

/// How a series becomes one figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reduce {
    pub(crate) calcs: Vec<String>,
    /// All values instead of figures, so many at most.
    pub(crate) all: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u32>,
    /// A pattern of names; empty for numbers.
    pub(crate) fields: String,
}

/// A column by which a table is sorted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Sort {
    pub(crate) field: String,
    pub(crate) desc: bool,
}

optional! {
    /// What a type of panel can be told; each type has its own part.
    struct Options {
        legend: Legend,
        /// `single`, `multi` or `none`.
        tooltip: &'static str,
        reduce: Reduce,
        /// `auto`, `horizontal` or `vertical`.
        orientation: &'static str,
        /// Of a stat: `none`, `value` or `background`.
        color_mode: &'static str,
        /// Of a stat: `none` or `area`.
        graph: &'static str,
        /// `auto`, `value`, `value_and_name`, `name` or `none`.
        text: &'static str,
        /// `auto` or `center`.
        justify: &'static str,
        threshold_markers: bool,
        threshold_labels: bool,
        /// Of a bar gauge: `basic`, `gradient` or `lcd`.
        display: &'static str,
        donut: bool,
        /// On the parts of a pie: `name`, `value`, `percent`.
        pie_labels: Vec<String>,
        /// The field along the axis of a bar chart.
        x_field: String,
        /// `none`, `normal` or `percent`.
        stacking: &'static str,
        /// `auto`, `always` or `never`.
        show_value: &'static str,
        /// Of states: those that follow each other and are the same are one.
        merge: bool,
        header: bool,
        sort: Vec<Sort>,
        /// What a text panel shows, and whether it is `markdown`, `html` or `code`.
        content: String,
        mode: &'static str,
        /// Of a heatmap: buckets are counted here instead of coming as such.
        calculate: bool,
        y_unit: String,
        y_decimals: u32,
        y_min: f64,
        y_max: f64,
        cell_unit: String,
        scheme: String,
        /// The newest line first.
        newest_first: bool,
        wrap: bool,
        show_time: bool,
    }
}

/// A step between the answers and what is drawn. Its options are as Grafana has them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Transformation {
    pub(crate) id: String,
    pub(crate) options: Value,
}
