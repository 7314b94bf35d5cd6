//! The functions of templates: Prometheus' own and those of Go's `text/template`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use regex::Regex;

use super::exec::Execution;
use super::gofmt;
use super::value::Value;
use crate::query::time;

/// What a function takes at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameter {
    Any,
    Text,
    Sample,
    Vector,
}

impl Parameter {
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Text => "string",
            Self::Sample => "*template.sample",
            Self::Vector => "template.queryResult",
        }
    }
}

type Call = fn(&mut Execution<'_>, &[Value]) -> Result<Value, String>;

/// A function.
#[derive(Clone, Copy)]
pub(super) struct Function {
    pub(super) parameters: &'static [Parameter],
    /// What may follow any number of times.
    pub(super) rest: Option<Parameter>,
    pub(super) call: Call,
}

/// Whether there is a function of that name.
pub(super) fn is_known(name: &str) -> bool {
    matches!(name, "and" | "or") || find(name).is_some()
}

/// A function by its name.
pub(super) fn find(name: &str) -> Option<Function> {
    use Parameter::{Any, Sample, Text, Vector};
    let fixed = |parameters: &'static [Parameter], call: Call| Function { parameters, rest: None, call };
    let open = |parameters: &'static [Parameter], call: Call| Function { parameters, rest: Some(Any), call };
    Some(match name {
        "query" => fixed(&[Text], |execution, args| execution.ask(text(&args[0]))),
        "first" => fixed(&[Vector], |_, args| {
            items(&args[0]).first().cloned().ok_or_else(|| "first() called on vector with no elements".to_owned())
        }),
        "label" => fixed(&[Text, Sample], |_, args| Ok(label(&args[1], text(&args[0])).into())),
        "value" => fixed(&[Sample], |_, args| args[0].field("Value")),
        "strvalue" => fixed(&[Sample], |_, args| Ok(label(&args[0], "__value__").into())),
        "sortByLabel" => fixed(&[Text, Vector], |_, args| {
            let mut samples = items(&args[1]).to_vec();
            samples.sort_by(|a, b| label(a, text(&args[0])).cmp(label(b, text(&args[0]))));
            Ok(Value::Vector(Arc::new(samples)))
        }),
        "args" => open(&[], |_, args| {
            let named = args.iter().enumerate().map(|(i, value)| (format!("arg{i}"), value.clone()));
            Ok(Value::Map(Arc::new(named.collect::<BTreeMap<_, _>>())))
        }),
        "tmpl" => fixed(&[Text, Any], |execution, args| execution.text_of_template(text(&args[0]), &args[1])),
        "safeHtml" => fixed(&[Text], |_, args| Ok(args[0].clone())),
        "match" => fixed(&[Text, Text], |_, args| Ok(Value::Bool(regex(&args[0])?.is_match(text(&args[1]))))),
        "reReplaceAll" => fixed(&[Text, Text, Text], |_, args| {
            Ok(regex(&args[0])?.replace_all(text(&args[2]), text(&args[1])).into_owned().into())
        }),
        "title" => fixed(&[Text], |_, args| Ok(title(text(&args[0])).into())),
        "toUpper" => fixed(&[Text], |_, args| Ok(text(&args[0]).to_uppercase().into())),
        "toLower" => fixed(&[Text], |_, args| Ok(text(&args[0]).to_lowercase().into())),
        "graphLink" => fixed(&[Text], |_, args| Ok(link(text(&args[0]), 0).into())),
        "tableLink" => fixed(&[Text], |_, args| Ok(link(text(&args[0]), 1).into())),
        "urlQueryEscape" => fixed(&[Text], |_, args| Ok(query_escape(text(&args[0])).into())),
        "stripPort" => fixed(&[Text], |_, args| {
            let host_port = text(&args[0]);
            Ok(split_host_port(host_port).map_or(host_port, |(host, _)| host).into())
        }),
        "stripDomain" => fixed(&[Text], |_, args| Ok(strip_domain(text(&args[0])).into())),
        "humanize" => fixed(&[Any], |_, args| Ok(humanize(number(&args[0])?).into())),
        "humanize1024" => fixed(&[Any], |_, args| Ok(humanize1024(number(&args[0])?).into())),
        "humanizeDuration" => fixed(&[Any], |_, args| Ok(humanize_duration(number(&args[0])?).into())),
        "humanizePercentage" => fixed(&[Any], |_, args| Ok((four_digits(number(&args[0])? * 100.0) + "%").into())),
        "humanizeTimestamp" => fixed(&[Any], |_, args| {
            let seconds = number(&args[0])?;
            if !seconds.is_finite() {
                return Ok(four_digits(seconds).into());
            }
            Ok(gofmt::go_time(to_millis(seconds)?).into())
        }),
        "toTime" => fixed(&[Any], |_, args| to_millis(number(&args[0])?).map(Value::Time)),
        "toDuration" => fixed(&[Any], |_, args| {
            let nanos = number(&args[0])? * 1e9;
            if nanos.is_nan() || nanos.abs() >= i64::MAX as f64 {
                return Err(format!("{} cannot be represented as a duration", four_digits(nanos / 1e9)));
            }
            Ok(Value::Duration(nanos as i64))
        }),
        "now" => fixed(&[], |execution, _| Ok(Value::Float(execution.filling.now as f64 / 1000.0))),
        "parseDuration" => fixed(&[Text], |_, args| {
            let millis = time::parse_prometheus_duration(text(&args[0]))
                .map_err(|_| format!("not a valid duration string: {}", gofmt::quote(text(&args[0]))))?;
            Ok(Value::Float(millis as f64 / 1000.0))
        }),
        "externalURL" => fixed(&[], |execution, _| Ok(execution.filling.data.external_url.as_str().into())),
        "pathPrefix" => fixed(&[], |execution, _| Ok(path_of(&execution.filling.data.external_url).into())),
        "print" => open(&[], |_, args| Ok(gofmt::print(args, false).into())),
        "println" => open(&[], |_, args| Ok(gofmt::print(args, true).into())),
        "printf" => Function {
            parameters: &[Text],
            rest: Some(Any),
            call: |_, args| Ok(gofmt::printf(text(&args[0]), &args[1..]).into()),
        },
        "html" => open(&[], |_, args| Ok(html(&gofmt::print(args, false)).into())),
        "js" => open(&[], |_, args| Ok(js(&gofmt::print(args, false)).into())),
        "urlquery" => open(&[], |_, args| Ok(query_escape(&gofmt::print(args, false)).into())),
        "len" => fixed(&[Any], |_, args| length(&args[0])),
        "index" => open(&[Any], |_, args| args[1..].iter().try_fold(args[0].clone(), |value, key| index(&value, key))),
        "slice" => open(&[Any], |_, args| slice(&args[0], &args[1..])),
        "not" => fixed(&[Any], |_, args| Ok(Value::Bool(!args[0].is_true()))),
        "eq" => open(&[Any], |_, args| {
            if args.len() == 1 {
                return Err("missing argument for comparison".to_owned());
            }
            let mut equal = false;
            for other in &args[1..] {
                equal |= is_equal(&args[0], other)?;
            }
            Ok(Value::Bool(equal))
        }),
        "ne" => fixed(&[Any, Any], |_, args| Ok(Value::Bool(!is_equal(&args[0], &args[1])?))),
        "lt" => fixed(&[Any, Any], |_, args| is_less(&args[0], &args[1]).map(Value::Bool)),
        "le" => {
            fixed(&[Any, Any], |_, args| Ok(Value::Bool(is_less(&args[0], &args[1])? || is_equal(&args[0], &args[1])?)))
        }
        "gt" => fixed(&[Any, Any], |_, args| {
            Ok(Value::Bool(!is_less(&args[0], &args[1])? && !is_equal(&args[0], &args[1])?))
        }),
        "ge" => fixed(&[Any, Any], |_, args| Ok(Value::Bool(!is_less(&args[0], &args[1])?))),
        "call" => open(&[Any], |_, args| {
            Err(format!("non-function {} of type {}", gofmt::plain(&args[0]), args[0].type_name()))
        }),
        _ => return None,
    })
}

/// Of an argument that was checked to be a text.
fn text(value: &Value) -> &str {
    match value {
        Value::Text(text) => text,
        _ => "",
    }
}

/// Of an argument that was checked to be a query's answer.
fn items(value: &Value) -> &[Value] {
    match value {
        Value::Vector(items) => items,
        _ => &[],
    }
}

fn label<'a>(value: &'a Value, name: &str) -> &'a str {
    match value {
        Value::Sample(sample) => sample.labels.get(name),
        _ => "",
    }
}

fn number(value: &Value) -> Result<f64, String> {
    match value {
        Value::Float(value) => Ok(*value),
        Value::Int(value) => Ok(*value as f64),
        Value::Duration(nanos) => Ok(*nanos as f64 / 1e9),
        Value::Text(text) => parse_number(text),
        other => Err(format!("can't convert {} to float", other.type_name())),
    }
}

fn parse_number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("strconv.ParseFloat: parsing {}: invalid syntax", gofmt::quote(text)))
}

fn regex(pattern: &Value) -> Result<Regex, String> {
    Regex::new(text(pattern)).map_err(|error| format!("error parsing regexp: {error}"))
}

/// `%.4g`.
fn four_digits(value: f64) -> String {
    gofmt::printf("%.4g", &[Value::Float(value)])
}

fn scaled(mut value: f64, prefixes: &[&str], step: f64) -> String {
    let mut prefix = "";
    for next in prefixes {
        if value.abs() < step {
            break;
        }
        prefix = next;
        value /= step;
    }
    four_digits(value) + prefix
}

/// The same for numbers below 1.
fn scaled_up(mut value: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for next in ["m", "u", "n", "p", "f", "a", "z", "y"] {
        if value.abs() >= 1.0 {
            break;
        }
        prefix = next;
        value *= 1000.0;
    }
    (value, prefix)
}

fn humanize(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return four_digits(value);
    }
    if value.abs() >= 1.0 {
        return scaled(value, &["k", "M", "G", "T", "P", "E", "Z", "Y"], 1000.0);
    }
    let (value, prefix) = scaled_up(value);
    four_digits(value) + prefix
}

fn humanize1024(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return four_digits(value);
    }
    scaled(value, &["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"], 1024.0)
}

fn humanize_duration(value: f64) -> String {
    if !value.is_finite() {
        return four_digits(value);
    }
    if value == 0.0 {
        return four_digits(value) + "s";
    }
    if value.abs() < 1.0 {
        let (value, prefix) = scaled_up(value);
        return four_digits(value) + prefix + "s";
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let whole = value.abs() as u64;
    let (days, hours, minutes, seconds) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60, whole % 60);
    if days > 0 {
        format!("{sign}{days}d {hours}h {minutes}m {seconds}s")
    } else if hours > 0 {
        format!("{sign}{hours}h {minutes}m {seconds}s")
    } else if minutes > 0 {
        format!("{sign}{minutes}m {seconds}s")
    } else {
        format!("{sign}{}s", four_digits(value.abs()))
    }
}

/// Seconds since the Unix epoch as milliseconds.
fn to_millis(seconds: f64) -> Result<i64, String> {
    if !seconds.is_finite() {
        return Err("value is NaN or Inf".to_owned());
    }
    let nanos = seconds * 1e9;
    if nanos.abs() > i64::MAX as f64 {
        let shown = gofmt::plain(&Value::Float(seconds));
        return Err(format!("{shown} cannot be represented as a nanoseconds timestamp since it overflows int64"));
    }
    Ok((nanos as i64).div_euclid(1_000_000))
}

/// The first letter of each word large.
fn title(text: &str) -> String {
    let mut before = ' ';
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let within = before.is_ascii_alphanumeric() || before == '_' || (!before.is_ascii() && !before.is_whitespace());
        if within {
            out.push(c);
        } else {
            out.extend(c.to_uppercase());
        }
        before = c;
    }
    out
}

/// Where an expression is shown, below this server's address.
pub(crate) fn link(expression: &str, tab: u8) -> String {
    format!("/graph?g0.expr={}&g0.tab={tab}", query_escape(expression))
}

/// A text as it may stand in a URL's query.
pub(crate) fn query_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            b' ' => out.push('+'),
            byte => {
                // Writing to a String can't fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// `host:port` or `[host]:port`.
fn split_host_port(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return Some((host, rest.strip_prefix(':')?));
    }
    let (host, port) = text.rsplit_once(':')?;
    (!host.contains(':')).then_some((host, port))
}

fn strip_domain(text: &str) -> String {
    let (host, port) = split_host_port(text).unwrap_or((text, ""));
    if host.parse::<IpAddr>().is_ok() {
        return text.to_owned();
    }
    let host = host.split('.').next().unwrap_or(host);
    if port.is_empty() { host.to_owned() } else { format!("{host}:{port}") }
}

/// The path of a URL.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("", |at| &rest[at..]);
    path.split(['?', '#']).next().unwrap_or(path)
}

fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

fn js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            c if matches!(c, '<' | '>' | '&' | '=') || c.is_control() => {
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}

fn length(value: &Value) -> Result<Value, String> {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::Labels(labels) => labels.iter().len(),
        Value::Map(map) => map.len(),
        Value::Vector(items) => items.len(),
        Value::Nil => return Err("len of nil pointer".to_owned()),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(length as i64))
}

fn index(value: &Value, key: &Value) -> Result<Value, String> {
    let name = || match key {
        Value::Text(name) => Ok(name.as_ref()),
        other => Err(format!("value has type {}; should be string", other.type_name())),
    };
    let place = |length: usize| match key {
        Value::Int(at) if (0..length as i64).contains(at) => Ok(*at as usize),
        Value::Int(at) => Err(format!("index out of range: {at}")),
        other => Err(format!("cannot index slice/array with type {}", other.type_name())),
    };
    match value {
        Value::Labels(labels) => Ok(labels.get(name()?).into()),
        Value::Map(map) => Ok(map.get(name()?).cloned().unwrap_or(Value::Nil)),
        Value::Vector(items) => Ok(items[place(items.len())?].clone()),
        Value::Text(text) => Ok(Value::Int(text.as_bytes()[place(text.len())?].into())),
        Value::Nil => Err("index of untyped nil".to_owned()),
        other => Err(format!("can't index item of type {}", other.type_name())),
    }
}

fn slice(value: &Value, bounds: &[Value]) -> Result<Value, String> {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::Vector(items) => items.len(),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    if bounds.len() > 2 {
        return Err(format!("too many slice indexes: {}", bounds.len()));
    }
    let bound = |at: usize, otherwise: usize| match bounds.get(at) {
        None => Ok(otherwise),
        Some(Value::Int(bound)) if (0..=length as i64).contains(bound) => Ok(*bound as usize),
        Some(Value::Int(bound)) => Err(format!("index out of range: {bound}")),
        Some(other) => Err(format!("cannot index slice/array with type {}", other.type_name())),
    };
    let (from, to) = (bound(0, 0)?, bound(1, length)?);
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    Ok(match value {
        Value::Text(text) => String::from_utf8_lossy(&text.as_bytes()[from..to]).into_owned().into(),
        Value::Vector(items) => Value::Vector(Arc::new(items[from..to].to_vec())),
        _ => Value::Nil,
    })
}

fn incompatible(a: &Value, b: &Value) -> String {
    format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name())
}

fn is_equal(a: &Value, b: &Value) -> Result<bool, String> {
    match (a, b) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Int(a) | Value::Duration(a), Value::Int(b) | Value::Duration(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::Text(a), Value::Text(b)) => Ok(a == b),
        (Value::Time(a), Value::Time(b)) => Ok(a == b),
        (one @ (Value::Labels(_) | Value::Map(_) | Value::Vector(_)), _)
        | (_, one @ (Value::Labels(_) | Value::Map(_) | Value::Vector(_))) => {
            Err(format!("non-comparable type {}: {}", gofmt::plain(one), one.type_name()))
        }
        (a, b) => Err(incompatible(a, b)),
    }
}

fn is_less(a: &Value, b: &Value) -> Result<bool, String> {
    match (a, b) {
        (Value::Int(a) | Value::Duration(a), Value::Int(b) | Value::Duration(b)) => Ok(a < b),
        (Value::Float(a), Value::Float(b)) => Ok(a < b),
        (Value::Text(a), Value::Text(b)) => Ok(a < b),
        (Value::Bool(_) | Value::Sample(_) | Value::Alert(_) | Value::Labels(_), _) => {
            Err(format!("invalid type for comparison: {}", a.type_name()))
        }
        _ => Err(incompatible(a, b)),
    }
}
