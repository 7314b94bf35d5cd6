//! Values as text: `print` and `printf` as Go has them.

use std::fmt::Write as _;

use super::value::Value;
use crate::query::time;

/// Wider fields are refused; Go would make them.
const MAX_WIDTH: usize = 10_000;

/// How a value is wanted, between `%` and the verb.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// The plain text of a value, as `{{ . }}` writes it.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Nil => "<no value>".to_owned(),
        value => formatted(value, 'v', Flags::default()),
    }
}

/// Values one after the other: with a space between two that are no texts, as `print`, or between all, as `println`.
pub(super) fn print(values: &[Value], line: bool) -> String {
    let mut text = String::new();
    for (i, value) in values.iter().enumerate() {
        let texts = |value: &Value| matches!(value, Value::Text(_));
        if i > 0 && (line || !texts(value) && !texts(&values[i - 1])) {
            text.push(' ');
        }
        text += &formatted(value, 'v', Flags::default());
    }
    if line {
        text.push('\n');
    }
    text
}

/// A text with values put in.
pub(super) fn printf(format: &str, values: &[Value]) -> String {
    let mut out = String::new();
    let mut rest = format;
    let mut values = values.iter();
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let mut flags = Flags::default();
        rest = read_flags(rest, &mut flags, &mut values, &mut out);
        let Some(verb) = rest.chars().next() else {
            out.push_str("%!(NOVERB)");
            return out;
        };
        rest = &rest[verb.len_utf8()..];
        if verb == '%' {
            out.push('%');
            continue;
        }
        match values.next() {
            None => {
                let _ = write!(out, "%!{verb}(MISSING)");
            }
            Some(value) => out.push_str(&formatted(value, verb, flags)),
        }
    }
    out.push_str(rest);
    let extra: Vec<String> = values
        .map(|value| match value {
            Value::Nil => "<nil>".to_owned(),
            value => format!("{}={}", value.type_name(), formatted(value, 'v', Flags::default())),
        })
        .collect();
    if !extra.is_empty() {
        let _ = write!(out, "%!(EXTRA {})", extra.join(", "));
    }
    out
}

fn read_flags<'a>(
    mut rest: &'a str,
    flags: &mut Flags,
    values: &mut std::slice::Iter<'_, Value>,
    out: &mut String,
) -> &'a str {
    loop {
        match rest.as_bytes().first() {
            Some(b'-') => flags.minus = true,
            Some(b'+') => flags.plus = true,
            Some(b'#') => flags.sharp = true,
            Some(b' ') => flags.space = true,
            Some(b'0') => flags.zero = true,
            _ => break,
        }
        rest = &rest[1..];
    }
    (flags.width, rest) = number(rest, values, out, "%!(BADWIDTH)");
    if let Some(after) = rest.strip_prefix('.') {
        (flags.precision, rest) = number(after, values, out, "%!(BADPREC)");
        flags.precision = flags.precision.or(Some(0));
    }
    rest
}

/// A number, or `*` for the next value.
fn number<'a>(
    rest: &'a str,
    values: &mut std::slice::Iter<'_, Value>,
    out: &mut String,
    bad: &str,
) -> (Option<usize>, &'a str) {
    if let Some(rest) = rest.strip_prefix('*') {
        if let Some(Value::Int(number @ 0..=1_000_000)) = values.next() {
            return (Some((*number as usize).min(MAX_WIDTH)), rest);
        }
        out.push_str(bad);
        return (None, rest);
    }
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let number = rest[..end].parse().ok().map(|number: usize| number.min(MAX_WIDTH));
    (number, &rest[end..])
}

fn formatted(value: &Value, verb: char, flags: Flags) -> String {
    match verb {
        'T' => return pad(value.type_name().to_owned(), flags),
        'p' => return bad(value, verb),
        _ => {}
    }
    match value {
        Value::Nil => {
            let text = if verb == 'v' { "<nil>".to_owned() } else { format!("%!{verb}(<nil>)") };
            pad(text, flags)
        }
        Value::Bool(on) => match verb {
            'v' | 't' => pad(on.to_string(), flags),
            _ => bad(value, verb),
        },
        Value::Int(number) => integer(*number, value, verb, flags),
        Value::Float(number) => float(*number, value, verb, flags),
        Value::Text(text) => string(text, value, verb, flags),
        Value::Duration(nanos) => match verb {
            'v' | 's' => pad(go_duration(*nanos), flags),
            'q' => pad(quote(&go_duration(*nanos)), flags),
            _ => integer(*nanos, value, verb, flags),
        },
        Value::Time(millis) => object(&go_time(*millis), value, verb, flags),
        Value::Histogram(histogram) => object(&histogram.to_string(), value, verb, flags),
        Value::Labels(labels) => {
            let pairs = labels.iter().map(|(name, text)| (name, Value::from(text)));
            map(pairs, "map[string]string", verb, flags)
        }
        Value::Map(entries) => {
            let pairs = entries.iter().map(|(name, value)| (name.as_str(), value.clone()));
            map(pairs, "map[string]interface {}", verb, flags)
        }
        // Go would write addresses.
        Value::Vector(samples) => {
            let samples: Vec<String> = samples.iter().map(|sample| formatted(sample, verb, flags)).collect();
            format!("[{}]", samples.join(" "))
        }
        Value::Sample(sample) => {
            let labels = formatted(&Value::Labels(sample.labels.clone()), verb, flags);
            format!("{{{labels} {}}}", formatted(&(&sample.value).into(), verb, flags))
        }
        Value::Alert(data) => {
            let part = |value: Value| formatted(&value, verb, flags);
            let (labels, external) = (data.labels.clone(), data.external_labels.clone());
            let (labels, external) = (part(Value::Labels(labels)), part(Value::Labels(external)));
            let (url, value) = (part(data.external_url.as_str().into()), part((&data.value).into()));
            format!("{{{labels} {external} {url} {value}}}")
        }
    }
}

/// What Go says of a verb that the value has not.
fn bad(value: &Value, verb: char) -> String {
    match value {
        Value::Nil => format!("%!{verb}(<nil>)"),
        value => format!("%!{verb}({}={})", value.type_name(), formatted(value, 'v', Flags::default())),
    }
}

fn object(text: &str, value: &Value, verb: char, flags: Flags) -> String {
    match verb {
        'v' | 's' => pad(text.to_owned(), flags),
        'q' => pad(quote(text), flags),
        _ => bad(value, verb),
    }
}

fn map<'a>(pairs: impl Iterator<Item = (&'a str, Value)>, kind: &str, verb: char, flags: Flags) -> String {
    let go = verb == 'v' && flags.sharp;
    let entries: Vec<String> = pairs
        .map(|(name, value)| {
            let key = formatted(&name.into(), verb, flags);
            format!("{key}:{}", formatted(&value, verb, flags))
        })
        .collect();
    if go { format!("{kind}{{{}}}", entries.join(", ")) } else { format!("map[{}]", entries.join(" ")) }
}

fn string(text: &str, value: &Value, verb: char, flags: Flags) -> String {
    let cut = |text: &str| match flags.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text.to_owned(),
    };
    match verb {
        'v' if flags.sharp => pad(quote(text), flags),
        'v' | 's' => pad(cut(text), flags),
        'q' => pad(quote(&cut(text)), flags),
        'x' => pad(text.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")), flags),
        'X' => pad(text.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02X}")), flags),
        _ => bad(value, verb),
    }
}

fn integer(number: i64, value: &Value, verb: char, flags: Flags) -> String {
    let magnitude = number.unsigned_abs();
    let prefix = |text: &'static str| if flags.sharp { text } else { "" };
    let digits = match verb {
        'v' | 'd' => magnitude.to_string(),
        'b' => format!("{}{magnitude:b}", prefix("0b")),
        'o' => format!("{}{magnitude:o}", prefix("0")),
        'O' => format!("0o{magnitude:o}"),
        'x' => format!("{}{magnitude:x}", prefix("0x")),
        'X' => format!("{}{magnitude:X}", prefix("0X")),
        'c' => return pad(character(number).to_string(), flags),
        'q' => return pad(format!("'{}'", character(number)), flags),
        'U' => return pad(format!("U+{magnitude:04X}"), flags),
        _ => return bad(value, verb),
    };
    let wanted = flags.precision.unwrap_or(0);
    let zeros = "0".repeat(wanted.saturating_sub(digits.len()));
    let flags = Flags { zero: flags.zero && flags.precision.is_none(), ..flags };
    signed(number < 0, &format!("{zeros}{digits}"), flags)
}

fn character(code: i64) -> char {
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn float(number: f64, value: &Value, verb: char, flags: Flags) -> String {
    if !matches!(verb, 'v' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G') {
        return bad(value, verb);
    }
    if number.is_nan() {
        return pad(if flags.plus { "+NaN" } else { "NaN" }.to_owned(), flags);
    }
    if number.is_infinite() {
        let sign = if number < 0.0 { "-" } else { "+" };
        return pad(format!("{sign}Inf"), flags);
    }
    let magnitude = number.abs();
    let digits = match verb {
        'e' | 'E' => scientific(magnitude, flags.precision.unwrap_or(6)),
        'f' | 'F' => format!("{magnitude:.*}", flags.precision.unwrap_or(6)),
        _ => general(magnitude, flags.precision),
    };
    let digits = if matches!(verb, 'E' | 'G') { digits.to_uppercase() } else { digits };
    signed(number.is_sign_negative(), &digits, flags)
}

fn signed(negative: bool, digits: &str, flags: Flags) -> String {
    let sign = match (negative, flags.plus, flags.space) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    };
    if flags.zero && !flags.minus {
        let width = flags.width.unwrap_or(0).saturating_sub(sign.len());
        let zeros = "0".repeat(width.saturating_sub(digits.len()));
        return format!("{sign}{zeros}{digits}");
    }
    pad(format!("{sign}{digits}"), flags)
}

fn pad(text: String, flags: Flags) -> String {
    let missing = flags.width.unwrap_or(0).saturating_sub(text.chars().count());
    if missing == 0 {
        text
    } else if flags.minus {
        text + &" ".repeat(missing)
    } else {
        " ".repeat(missing) + &text
    }
}

/// `1.5e+06`, with that many digits behind the point.
fn scientific(magnitude: f64, precision: usize) -> String {
    let text = format!("{magnitude:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Go's `%g`: that many digits, or as few as tell the number from all others; the exponent is written when it is large or small.
pub(super) fn general(magnitude: f64, precision: Option<usize>) -> String {
    if magnitude == 0.0 {
        return "0".to_owned();
    }
    let digits = precision.map(|precision| precision.max(1));
    let text = match digits {
        Some(digits) => format!("{magnitude:.*e}", digits - 1),
        None => format!("{magnitude:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    // Where as few digits as possible are wanted, Go takes six for this.
    let limit = digits.map_or(6, |digits| digits as i32);
    if exponent < -4 || exponent >= limit {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let decimals = mantissa.find('.').map_or(0, |at| mantissa.len() - at - 1) as i32 - exponent;
    format!("{magnitude:.*}", decimals.max(0) as usize)
}

/// A text in quotes, as Go would have it in a program.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if c.is_ascii_control() => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// `1h30m0s`, `1.5s`, `20ms`.
fn go_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    let fraction = |value: u64, unit: u64| {
        let text = format!("{}.{:0width$}", value / unit, value % unit, width = unit.ilog10() as usize);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let text = match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => fraction(nanos, 1_000) + "µs",
        1_000_000..1_000_000_000 => fraction(nanos, 1_000_000) + "ms",
        _ => {
            let seconds = nanos / 1_000_000_000;
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let rest = fraction(nanos % 60_000_000_000, 1_000_000_000) + "s";
            match (hours, minutes) {
                (0, 0) => rest,
                (0, minutes) => format!("{minutes}m{rest}"),
                (hours, minutes) => format!("{hours}h{minutes}m{rest}"),
            }
        }
    };
    format!("{sign}{text}")
}

/// `2015-06-23 13:19:44.128 +0000 UTC`.
pub(super) fn go_time(millis: i64) -> String {
    let (seconds, fraction) = (millis.div_euclid(1000), millis.rem_euclid(1000));
    let (year, month, day) = time::civil_from_days(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = format!(".{fraction:03}");
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction} +0000 UTC")
}
