//! How grave a line is, from what it says: Loki's lines have no level of their own.

use tripod_wire::otlp::logs::SeverityNumber;

use crate::query::logql::stages::pairs;

/// Names under which senders give a level.
const NAMES: [&str; 5] = ["level", "detected_level", "severity", "lvl", "severity_text"];

/// Whether a label or a field is called like a level.
pub(super) fn is_level(name: &str) -> bool {
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// A level by its name, as loggers write it.
pub(super) fn of_name(name: &str) -> Option<SeverityNumber> {
    Some(match name.to_ascii_lowercase().as_str() {
        "trace" | "trc" => SeverityNumber::TRACE,
        "debug" | "dbg" => SeverityNumber::DEBUG,
        "info" | "inf" | "information" | "informational" | "notice" => SeverityNumber::INFO,
        "warn" | "wrn" | "warning" => SeverityNumber::WARN,
        "error" | "err" | "eror" => SeverityNumber::ERROR,
        "critical" | "crit" | "fatal" | "panic" | "alert" | "emerg" | "emergency" => SeverityNumber::FATAL,
        _ => return None,
    })
}

/// The level that a line of JSON or logfmt names.
pub(super) fn of_line(line: &str) -> Option<SeverityNumber> {
    let line = line.trim_start();
    if line.starts_with('{') {
        let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).ok()?;
        return fields.iter().filter(|(name, _)| is_level(name)).find_map(|(_, value)| of_name(value.as_str()?));
    }
    if !line.contains('=') {
        return None;
    }
    let mut found = None;
    // What is malformed elsewhere in the line does not matter.
    let _ = pairs(line, |name, value| {
        if found.is_none() && is_level(name) {
            found = of_name(&value);
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_found_where_a_line_names_it() {
        for (line, level) in [
            (r#"{"level":"warning","msg":"x"}"#, Some(SeverityNumber::WARN)),
            ("ts=1 lvl=ERR msg=\"level=info\"", Some(SeverityNumber::ERROR)),
            ("plain text about an error", None),
            ("{broken", None),
            ("level=whatever", None),
        ] {
            assert_eq!(of_line(line), level, "{line}");
        }
    }
}
