//! The functions of PromQL: their signatures here, what they compute in a file for each kind.

pub(crate) mod classic;
pub(crate) mod date;
pub(crate) mod math;
pub(crate) mod native;
pub(crate) mod over_time;
pub(crate) mod rate;
pub(crate) mod trim;

use crate::ast::ValueType;

/// A function's name and arguments.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) name: &'static str,
    /// Types; the last one holds for all that follow.
    pub(crate) args: &'static [ValueType],
    pub(crate) min: usize,
    pub(crate) max: usize,
}

/// The signature of a function, if it exists.
pub(crate) fn signature(name: &str) -> Option<&'static Signature> {
    SIGNATURES.iter().find(|signature| signature.name == name)
}

/// The names of all functions.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    SIGNATURES.iter().map(|signature| signature.name)
}

/// The type of what a function gives.
pub(crate) fn return_type(name: &str) -> ValueType {
    match name {
        "time" | "pi" | "scalar" | "start" | "end" | "step" | "range" | "min_of" | "max_of" => ValueType::Scalar,
        _ => ValueType::Vector,
    }
}

impl Signature {
    pub(crate) fn returns(&self) -> ValueType {
        return_type(self.name)
    }
}

const S: ValueType = ValueType::Scalar;
const T: ValueType = ValueType::String;
const V: ValueType = ValueType::Vector;
const M: ValueType = ValueType::Matrix;
const ANY: usize = usize::MAX;

const fn f(name: &'static str, args: &'static [ValueType], min: usize, max: usize) -> Signature {
    Signature { name, args, min, max }
}

#[rustfmt::skip]
const SIGNATURES: &[Signature] = &[
    f("abs", &[V], 1, 1), f("absent", &[V], 1, 1), f("absent_over_time", &[M], 1, 1),
    f("acos", &[V], 1, 1), f("acosh", &[V], 1, 1), f("asin", &[V], 1, 1), f("asinh", &[V], 1, 1),
    f("atan", &[V], 1, 1), f("atanh", &[V], 1, 1), f("avg_over_time", &[M], 1, 1), f("ceil", &[V], 1, 1),
    f("changes", &[M], 1, 1), f("clamp", &[V, S, S], 3, 3), f("clamp_max", &[V, S], 2, 2), f("clamp_min", &[V, S], 2, 2),
    f("cos", &[V], 1, 1), f("cosh", &[V], 1, 1), f("count_over_time", &[M], 1, 1),
    f("day_of_month", &[V], 0, 1), f("day_of_week", &[V], 0, 1), f("day_of_year", &[V], 0, 1),
    f("days_in_month", &[V], 0, 1), f("deg", &[V], 1, 1), f("delta", &[M], 1, 1), f("deriv", &[M], 1, 1),
    f("double_exponential_smoothing", &[M, S, S], 3, 3), f("end", &[], 0, 0), f("exp", &[V], 1, 1),
    f("first_over_time", &[M], 1, 1), f("floor", &[V], 1, 1), f("histogram_avg", &[V], 1, 1),
    f("histogram_count", &[V], 1, 1), f("histogram_fraction", &[S, S, V], 3, 3), f("histogram_quantile", &[S, V], 2, 2),
    f("histogram_quantiles", &[V, T, S], 3, ANY), f("histogram_stddev", &[V], 1, 1), f("histogram_stdvar", &[V], 1, 1),
    f("histogram_sum", &[V], 1, 1), f("hour", &[V], 0, 1), f("idelta", &[M], 1, 1), f("increase", &[M], 1, 1),
    f("info", &[V, V], 1, 2), f("irate", &[M], 1, 1), f("label_join", &[V, T, T, T], 3, ANY), f("label_replace", &[V, T, T, T, T], 5, 5),
    f("last_over_time", &[M], 1, 1), f("ln", &[V], 1, 1), f("log10", &[V], 1, 1), f("log2", &[V], 1, 1),
    f("mad_over_time", &[M], 1, 1), f("max_of", &[S, S], 2, 2), f("max_over_time", &[M], 1, 1),
    f("min_of", &[S, S], 2, 2), f("min_over_time", &[M], 1, 1), f("minute", &[V], 0, 1), f("month", &[V], 0, 1),
    f("pi", &[], 0, 0), f("predict_linear", &[M, S], 2, 2), f("present_over_time", &[M], 1, 1),
    f("quantile_over_time", &[S, M], 2, 2), f("rad", &[V], 1, 1), f("range", &[], 0, 0), f("rate", &[M], 1, 1),
    f("resets", &[M], 1, 1), f("round", &[V, S], 1, 2), f("scalar", &[V], 1, 1), f("sgn", &[V], 1, 1),
    f("sin", &[V], 1, 1), f("sinh", &[V], 1, 1), f("sort", &[V], 1, 1), f("sort_by_label", &[V, T], 1, ANY),
    f("sort_by_label_desc", &[V, T], 1, ANY), f("sort_desc", &[V], 1, 1), f("sqrt", &[V], 1, 1), f("start", &[], 0, 0),
    f("stddev_over_time", &[M], 1, 1), f("stdvar_over_time", &[M], 1, 1), f("step", &[], 0, 0),
    f("sum_over_time", &[M], 1, 1), f("tan", &[V], 1, 1), f("tanh", &[V], 1, 1), f("time", &[], 0, 0),
    f("timestamp", &[V], 1, 1), f("ts_of_first_over_time", &[M], 1, 1), f("ts_of_last_over_time", &[M], 1, 1),
    f("ts_of_max_over_time", &[M], 1, 1), f("ts_of_min_over_time", &[M], 1, 1), f("vector", &[S], 1, 1),
    f("year", &[V], 0, 1),
];
