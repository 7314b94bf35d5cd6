//! The text expositions, read back by a small parser: any text in help and labels stays where it was put.
#![no_main]

use tripod_wire::prometheus::text::{Exemplar, Exposition, Family, FamilyKind, Format, Sample, format_value};

/// The text up to the closing quote, unescaped, and what follows the quote.
fn unquote(text: &str) -> (String, &str) {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (out, &text[at + 1..]),
            '\\' => match chars.next() {
                Some((_, 'n')) => out.push('\n'),
                Some((_, escaped)) => out.push(escaped),
                None => panic!("a backslash at the end of {text:?}"),
            },
            c => out.push(c),
        }
    }
    panic!("no closing quote in {text:?}");
}

fn check(format: Format, label: &str, help: &str, value: f64, timestamp: i64) {
    let mut page = Exposition::new(format);
    let exemplar = Exemplar { labels: &[("trace_id", label)], value, timestamp_ms: Some(timestamp) };
    let labels = [("a", label), ("b", help)];
    let sample = Sample { suffix: "", labels: &labels, value, timestamp_ms: Some(timestamp), exemplar: Some(exemplar) };
    page.family(&Family { name: "jobs", kind: FamilyKind::Counter, help, unit: "" }).sample(&sample);
    let page = page.finish();
    let lines: Vec<_> = page.strip_suffix('\n').unwrap().split('\n').collect();
    let fixed = if format == Format::OpenMetrics { 3 } else { 2 };
    assert_eq!(lines.len(), fixed + usize::from(!help.is_empty()), "{page}");

    let line = lines.iter().find(|line| !line.starts_with('#')).expect("a sample");
    let rest = line.strip_prefix("jobs_total{a=\"").expect("the first label");
    let (first, rest) = unquote(rest);
    let (second, rest) = unquote(rest.strip_prefix(",b=\"").expect("the second label"));
    assert_eq!((first.as_str(), second.as_str()), (label, help));
    let mut words = rest.strip_prefix("} ").expect("a value").splitn(3, ' ');
    let read: f64 = words.next().unwrap().parse().expect("a number");
    assert!(read.to_bits() == value.to_bits() || read.is_nan() && value.is_nan(), "{value} became {read}");
    let time = words.next().expect("a timestamp");
    match format {
        Format::Text => assert_eq!(time, timestamp.to_string()),
        Format::OpenMetrics => {
            assert_eq!(time.replace('.', "").parse::<i128>().unwrap(), i128::from(timestamp), "{time}");
            let rest = words.next().and_then(|rest| rest.strip_prefix("# {trace_id=\"")).expect("an exemplar");
            assert_eq!(unquote(rest).0, label);
        }
    }
}

libfuzzer_sys::fuzz_target!(|input: (f64, i64, &str)| {
    let (value, timestamp, text) = input;
    let (label, help) = text.split_once('|').unwrap_or((text, ""));
    format_value(value);
    check(Format::Text, label, help, value, timestamp);
    check(Format::OpenMetrics, label, help, value, timestamp);
});
