//! Queries out of a grammar of the whole language, over the series of [`Data`](super::Data).

use std::fmt::Write;

use fastrand::Rng;

/// A query, and when it is asked for.
#[derive(Debug)]
pub struct Query {
    /// The text.
    pub text: String,
    /// Start, end and step in seconds, or one time.
    pub times: Result<(f64, f64, u32), f64>,
}

impl Query {
    /// Path and parameters below `/api/v1/`.
    pub fn call(&self) -> String {
        let query = crate::http::encode(&self.text);
        match self.times {
            Ok((start, end, step)) => format!("query_range?query={query}&start={start}&end={end}&step={step}"),
            Err(time) => format!("query?query={query}&time={time}"),
        }
    }

    /// The same at the one time of which a difference tells; nothing for what was asked at one time.
    pub fn at_once(&self, difference: &str) -> Option<String> {
        self.times.ok()?;
        let time = difference.split(" at ").nth(1)?.split_whitespace().next()?;
        let query = crate::http::encode(&self.text);
        Some(format!("query?query={query}&time={time}"))
    }
}

/// Makes queries within a time.
#[derive(Debug)]
pub struct Queries {
    rng: Rng,
    start: i64,
    end: i64,
}

const NAMES: [&str; 11] = [
    "requests_total",
    "temp_celsius",
    "door_open",
    "odd",
    "up",
    "target_info",
    "latency_seconds_bucket",
    "size_bytes",
    "depth",
    "mixed",
    "no_such_metric",
];
const LABELS: [(&str, &[&str]); 7] = [
    ("job", &["api", "web", "db", "no"]),
    ("instance", &["a", "b"]),
    ("code", &["200", "404", "500"]),
    ("room", &["hall", "cellar", "attic", "büro"]),
    ("level", &["0", "1", "2"]),
    ("le", &["0.1", "1", "+Inf"]),
    ("version", &["1.0", "2.0"]),
];
const OF_NUMBERS: [&str; 23] = [
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "deg", "exp", "floor", "ln",
    "log10", "log2", "rad", "sgn", "sin", "sinh", "sqrt", "tan", "tanh",
];
const OF_DATES: [&str; 8] =
    ["day_of_month", "day_of_week", "day_of_year", "hour", "minute", "month", "year", "days_in_month"];
/// Of these a window of native histograms is another thing in 3.5, see the test.
const OF_COUNTERS: [&str; 2] = ["rate", "increase"];
const COUNTERS: [&str; 5] = ["requests_total", "latency_seconds_bucket", "up", "temp_celsius", "odd"];
const OF_WINDOWS: [&str; 19] = [
    "delta",
    "irate",
    "idelta",
    "resets",
    "changes",
    "deriv",
    "sum_over_time",
    "avg_over_time",
    "count_over_time",
    "min_over_time",
    "max_over_time",
    "last_over_time",
    "present_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "absent_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
    "ts_of_last_over_time",
];
const FOLDS: [&str; 8] = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"];
const RANGES: [&str; 6] = ["30s", "1m", "2m", "5m", "12m", "17s"];

impl Queries {
    /// Queries about the time from `start` to `end`, in milliseconds.
    pub fn new(rng: Rng, start: i64, end: i64) -> Self {
        Self { rng, start, end }
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.rng.usize(..all.len())]
    }

    fn one_in(&mut self, count: u32) -> bool {
        self.rng.u32(..count) == 0
    }

    fn time(&mut self) -> f64 {
        let (start, end) = (self.start / 1000, self.end / 1000);
        self.rng.i64(start - 60..end + 400) as f64 + if self.one_in(4) { 0.5 } else { 0.0 }
    }

    fn number(&mut self) -> String {
        match self.rng.u8(0..8) {
            0 => "0".to_owned(),
            1 => format!("-{}", self.rng.u8(1..20)),
            2 => format!("{:.2}", self.rng.f64() * 10.0),
            3 => self.of(&["NaN", "Inf", "-Inf", "1e3", "0x1f"]).to_owned(),
            _ => self.rng.u8(1..50).to_string(),
        }
    }

    fn selector(&mut self) -> String {
        let name = if self.one_in(12) { "http.server.duration" } else { self.of(&NAMES) };
        let mut matchers: Vec<String> = Vec::new();
        while self.one_in(3) && matchers.len() < 3 {
            let (label, values) = LABELS[self.rng.usize(..LABELS.len())];
            let value = self.of(values);
            let value = value.replace('+', "\\\\+");
            matchers.push(match self.rng.u8(0..6) {
                0 | 1 => format!("{label}=\"{}\"", value.replace("\\\\", "")),
                2 => format!("{label}!=\"{}\"", value.replace("\\\\", "")),
                3 => format!("{label}=~\"{value}|x.*\""),
                4 => format!("{label}!~\"{value}.*\""),
                _ => format!("{label}=~\".+\""),
            });
        }
        if name.contains('.') {
            matchers.insert(0, format!("\"{name}\""));
            return format!("{{{}}}", matchers.join(","));
        }
        if self.one_in(10) {
            matchers.insert(0, format!("__name__=~\"{name}|up\""));
            return format!("{{{}}}", matchers.join(","));
        }
        if matchers.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", matchers.join(",")) }
    }

    fn shift(&mut self) -> String {
        let mut shift = String::new();
        if self.one_in(6) {
            _ = write!(shift, " offset {}", self.of(&["30s", "1m", "-1m", "7m", "3s"]));
        }
        if self.one_in(10) {
            let time = self.time();
            _ = write!(
                shift,
                " @ {}",
                match self.rng.u8(0..3) {
                    0 => "start()".to_owned(),
                    1 => "end()".to_owned(),
                    _ => format!("{time:.3}"),
                }
            );
        }
        shift
    }

    fn window(&mut self, depth: u32) -> String {
        let range = self.of(&RANGES);
        let inner = if depth > 0 && self.one_in(3) {
            let inner = self.vector(depth - 1);
            format!("({inner})[{range}:{}]", self.of(&["", "10s", "37s", "1m"]))
        } else {
            format!("{}[{range}]", self.selector())
        };
        inner + &self.shift()
    }

    fn window_of_counters(&mut self) -> String {
        let (name, range) = (self.of(&COUNTERS), self.of(&RANGES));
        let resolution = if self.one_in(4) { self.of(&[":", ":10s", ":1m"]) } else { "" };
        format!("{name}[{range}{resolution}]") + &self.shift()
    }

    fn scalar(&mut self, depth: u32) -> String {
        match self.rng.u8(0..8) {
            0 => "time()".to_owned(),
            1 => "pi()".to_owned(),
            2 if depth > 0 => format!("scalar({})", self.vector(depth - 1)),
            3 if depth > 0 => {
                let operator = self.of(&["+", "-", "*", "/", "%", "^"]);
                format!("({} {operator} {})", self.scalar(depth - 1), self.scalar(depth - 1))
            }
            _ => self.number(),
        }
    }

    fn grouping(&mut self) -> String {
        if self.one_in(4) {
            return String::new();
        }
        let mut labels: Vec<&str> =
            (0..self.rng.usize(0..3)).map(|_| LABELS[self.rng.usize(..LABELS.len())].0).collect();
        if self.one_in(15) {
            labels.push("__name__");
        }
        format!(" {} ({}) ", self.of(&["by", "by", "without"]), labels.join(", "))
    }

    fn aggregation(&mut self, depth: u32) -> String {
        let grouping = self.grouping();
        let inner = self.vector(depth - 1);
        match self.rng.u8(0..10) {
            0 => format!("quantile{grouping}({}, {inner})", self.of(&["0.5", "0.9", "0", "1", "-1", "2", "NaN"])),
            // Of equal values Prometheus passes on those of whichever series it has found first.
            1 => {
                format!("{}{grouping}({}, temp_celsius)", self.of(&["topk", "bottomk"]), self.of(&["1", "2", "3", "0"]))
            }
            // As text numbers would have to be the same to the last digit.
            2 => format!("count_values{grouping}(\"value\", {})", self.of(&["requests_total", "door_open", "up"])),
            // Which ones are taken depends on the order in which Prometheus finds series.
            3 => format!("count{grouping}(limitk{grouping}({}, {inner}))", self.of(&["1", "2", "5"])),
            _ => format!("{}{grouping}({inner})", self.of(&FOLDS)),
        }
    }

    fn binary(&mut self, depth: u32) -> String {
        let kind = self.rng.u8(0..10);
        if kind == 0 {
            let matching = self.of(&["", " on (job, instance)", " ignoring (code)", " on ()"]);
            let operator = self.of(&["and", "or", "unless"]);
            return format!("({}) {operator}{matching} ({})", self.vector(depth - 1), self.vector(depth - 1));
        }
        let mut operator =
            self.of(&["+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<", ">=", "<="]).to_owned();
        if operator.contains(['=', '<', '>']) && self.one_in(2) {
            operator += " bool";
        }
        match kind {
            1..4 => format!("({}) {operator} {}", self.vector(depth - 1), self.scalar(depth - 1)),
            4 => format!("{} {operator} ({})", self.scalar(depth - 1), self.vector(depth - 1)),
            5 | 6 => {
                let inner = self.vector(depth - 1);
                format!("({inner}) {operator} ({inner})")
            }
            7 => {
                let many = self.of(&["requests_total", "rate(requests_total[2m])", "latency_seconds_bucket"]);
                let one = self.of(&["up", "target_info", "sum by (job, instance) (requests_total)"]);
                let include = self.of(&["", "version"]);
                format!("{many} {operator} on (job, instance) group_left ({include}) {one}")
            }
            8 => format!("up {operator} on (job, instance) group_right () requests_total"),
            _ => {
                let matching = self.of(&["", " on (job)", " ignoring (code, le)", " on (job, instance)"]);
                format!("({}) {operator}{matching} ({})", self.vector(depth - 1), self.vector(depth - 1))
            }
        }
    }

    fn vector(&mut self, depth: u32) -> String {
        if depth == 0 || self.one_in(6) {
            return self.selector() + &self.shift();
        }
        match self.rng.u8(0..20) {
            0..2 => format!("{}({})", self.of(&OF_COUNTERS), self.window_of_counters()),
            2..6 => format!("{}({})", self.of(&OF_WINDOWS), self.window(depth)),
            6..10 => self.aggregation(depth),
            10..13 => self.binary(depth),
            13 if self.one_in(3) => format!("{}(timestamp({}))", self.of(&OF_DATES), self.selector()),
            13 => format!("{}({})", self.of(&OF_NUMBERS), self.vector(depth - 1)),
            14 => self.of_histograms(depth),
            15 => format!("-({})", self.vector(depth - 1)),
            16 => self.of_labels(depth),
            _ => self.other(depth),
        }
    }

    fn of_histograms(&mut self, depth: u32) -> String {
        let q = self.of(&["0.5", "0.99", "0", "1", "-0.1", "1.1", "0.25"]);
        let native = match self.rng.u8(0..4) {
            0 => "size_bytes".to_owned(),
            1 => "last_over_time(size_bytes[2m])".to_owned(),
            2 => "sum by (job) (size_bytes)".to_owned(),
            _ => self.vector(depth - 1),
        };
        match self.rng.u8(0..8) {
            0 => format!("histogram_quantile({q}, sum by (le, job) (rate(latency_seconds_bucket[2m])))"),
            1 => format!("histogram_quantile({q}, latency_seconds_bucket)"),
            2 => format!("histogram_quantile({q}, {native})"),
            3 => format!("histogram_fraction({}, {}, last_over_time(size_bytes[2m]))", self.number(), self.number()),
            4 => format!("histogram_fraction(0, {}, size_bytes)", self.number()),
            _ => {
                let names =
                    ["histogram_count", "histogram_sum", "histogram_avg", "histogram_stddev", "histogram_stdvar"];
                format!("{}({native})", self.of(&names))
            }
        }
    }

    fn of_labels(&mut self, depth: u32) -> String {
        let inner = self.vector(depth - 1);
        match self.rng.u8(0..3) {
            0 => format!("label_replace({inner}, \"new\", \"$1-x\", \"job\", \"(.).*\")"),
            1 => format!("label_replace({inner}, \"job\", \"\", \"instance\", \"a\")"),
            _ => format!("label_join({inner}, \"both\", \"-\", \"job\", \"instance\")"),
        }
    }

    fn other(&mut self, depth: u32) -> String {
        match self.rng.u8(0..14) {
            0 => format!("clamp({}, {}, {})", self.vector(depth - 1), self.number(), self.number()),
            1 => format!("clamp_min({}, {})", self.vector(depth - 1), self.scalar(depth - 1)),
            2 => format!("clamp_max({}, {})", self.vector(depth - 1), self.scalar(depth - 1)),
            3 => format!("round({}, {})", self.selector(), self.of(&["1", "0.5", "10"])),
            4 => format!("round({})", self.selector()),
            5 => format!("vector({})", self.scalar(depth - 1)),
            6 => format!("absent({})", self.vector(depth - 1)),
            7 => format!("timestamp({})", self.vector(depth - 1)),
            8 => format!("{}({})", self.of(&["sort", "sort_desc"]), self.vector(depth - 1)),
            9 => format!("sort_by_label({}, \"job\")", self.vector(depth - 1)),
            10 => format!("quantile_over_time({}, {})", self.of(&["0.5", "0.9", "1.5", "-1"]), self.window(depth)),
            11 => format!("predict_linear({}, {})", self.window(depth), self.of(&["60", "-30", "3600"])),
            12 => format!("double_exponential_smoothing({}, 0.5, 0.3)", self.window(depth)),
            _ => format!("({})", self.vector(depth - 1)),
        }
    }
}

impl Iterator for Queries {
    type Item = Query;

    fn next(&mut self) -> Option<Query> {
        let depth = self.rng.u32(1..4);
        let times = if self.one_in(2) {
            let (start, step) = (self.time(), self.rng.u32(7..120));
            Ok((start, start + f64::from(step * self.rng.u32(0..25)), step))
        } else {
            Err(self.time())
        };
        let text = match self.rng.u8(0..20) {
            0 => self.scalar(depth),
            1 if times.is_err() => self.window(depth),
            _ => self.vector(depth),
        };
        Some(Query { text, times })
    }
}
