//! Numbers with a unit as LogQL writes them: durations (`1h30m`) and sizes (`10KB`, `1.5MiB`).

/// A duration in seconds: Go's units and, as Prometheus has them, days, weeks and years.
pub(crate) fn duration(text: &str) -> Option<f64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0.0);
    }
    let mut seconds = 0.0;
    loop {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..number_end].parse().ok()?;
        let tail = &rest[number_end..];
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        seconds += number
            * match &tail[..unit_end] {
                "ns" => 1e-9,
                "us" | "µs" | "μs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                "w" => 604_800.0,
                "y" => 31_536_000.0,
                _ => return None,
            };
        rest = &tail[unit_end..];
        if rest.is_empty() {
            return Some(sign * seconds);
        }
    }
}

/// A size in bytes: `B`, `KB`, `MB`… by thousands, `KiB`, `MiB`… by 1,024; the case does not matter.
pub(crate) fn bytes(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number: f64 = text[..end].parse().ok()?;
    let factor = match text[end..].trim().to_ascii_lowercase().as_str() {
        "b" => 1.0,
        "kb" | "k" => 1e3,
        "mb" | "m" => 1e6,
        "gb" | "g" => 1e9,
        "tb" | "t" => 1e12,
        "pb" | "p" => 1e15,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        "tib" => 1_099_511_627_776.0,
        "pib" => 1_125_899_906_842_624.0,
        _ => return None,
    };
    Some(number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_in_their_units() {
        for (text, seconds) in [
            ("1h30m", Some(5400.0)),
            ("-1.5s", Some(-1.5)),
            ("250ms", Some(0.25)),
            ("0", Some(0.0)),
            ("5", None),
            ("", None),
        ] {
            assert_eq!(duration(text), seconds, "{text}");
        }
        for (text, size) in
            [("10KB", Some(1e4)), ("1.5 MiB", Some(1_572_864.0)), ("3b", Some(3.0)), ("3", None), ("x", None)]
        {
            assert_eq!(bytes(text), size, "{text}");
        }
    }
}
