//! A line of StatsD, with DogStatsD's extensions: `name:value|type|@rate|#tag:value,tag`, several values separated by `:`.

/// A line, read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) values: Vec<&'a str>,
    pub(super) kind: Kind,
    /// Which share of what was measured was sent: above 0, at most 1.
    pub(super) rate: f64,
    /// Names and values; a tag without a value has an empty one.
    pub(super) tags: Vec<(&'a str, &'a str)>,
}

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    /// Milliseconds.
    Timer,
    /// Of any unit.
    Histogram,
    Set,
}

/// Why a line is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    NotUtf8,
    TooLong,
    NoValue,
    BadName,
    BadType,
    BadNumber,
    BadRate,
    /// DogStatsD's events and service checks, which are no metrics.
    NoMetric,
    /// Another type than the metric had before.
    OtherType,
    /// There are as many series as there may be.
    TooManySeries,
}

impl Fault {
    pub(crate) const ALL: [Self; 10] = [
        Self::NotUtf8,
        Self::TooLong,
        Self::NoValue,
        Self::BadName,
        Self::BadType,
        Self::BadNumber,
        Self::BadRate,
        Self::NoMetric,
        Self::OtherType,
        Self::TooManySeries,
    ];

    /// As own metrics name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not_utf8",
            Self::TooLong => "too_long",
            Self::NoValue => "no_value",
            Self::BadName => "bad_name",
            Self::BadType => "bad_type",
            Self::BadNumber => "bad_number",
            Self::BadRate => "bad_rate",
            Self::NoMetric => "no_metric",
            Self::OtherType => "other_type",
            Self::TooManySeries => "too_many_series",
        }
    }
}

/// Reads a line.
pub(super) fn line(bytes: &[u8]) -> Result<Line<'_>, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::NotUtf8)?;
    if text.starts_with("_e{") || text.starts_with("_sc|") {
        return Err(Fault::NoMetric);
    }
    let mut parts = text.split('|');
    let (name, values) = parts.next().and_then(|head| head.split_once(':')).ok_or(Fault::NoValue)?;
    if name.is_empty() {
        return Err(Fault::BadName);
    }
    let kind = match parts.next().ok_or(Fault::BadType)? {
        "c" | "m" => Kind::Counter,
        "g" => Kind::Gauge,
        "ms" => Kind::Timer,
        "h" | "d" => Kind::Histogram,
        "s" => Kind::Set,
        _ => return Err(Fault::BadType),
    };
    let (mut rate, mut tags) = (1.0, Vec::new());
    for part in parts {
        if let Some(text) = part.strip_prefix('@') {
            rate = text.parse().ok().filter(|rate| *rate > 0.0 && *rate <= 1.0).ok_or(Fault::BadRate)?;
        } else if let Some(text) = part.strip_prefix('#') {
            let all = text.split(',').filter(|tag| !tag.is_empty());
            tags.extend(all.map(|tag| tag.split_once(':').unwrap_or((tag, ""))));
        }
        // Others (`c:` a container, `T` a time, `e:`, `card:`) say nothing that is kept.
    }
    // A set's members are texts, which may have colons.
    let values: Vec<&str> = if kind == Kind::Set { vec![values] } else { values.split(':').collect() };
    if values.iter().any(|value| value.is_empty()) {
        return Err(Fault::NoValue);
    }
    Ok(Line { name, values, kind, rate, tags })
}

/// A number, which must be finite.
pub(super) fn number(text: &str) -> Result<f64, Fault> {
    text.parse().ok().filter(|value: &f64| value.is_finite()).ok_or(Fault::BadNumber)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_rate_and_tags() {
        let read = line(b"req.time:12:13.5|ms|@0.5|#env:prod,hot,url:http://x|c:abc|T1").unwrap();
        assert_eq!((read.name, read.kind, read.rate), ("req.time", Kind::Timer, 0.5));
        assert_eq!(read.values, ["12", "13.5"]);
        assert_eq!(read.tags, [("env", "prod"), ("hot", ""), ("url", "http://x")]);
        assert_eq!(line(b"users:a:b|s").unwrap().values, ["a:b"]);
        assert_eq!(line(b"temp:-3|g").unwrap().values, ["-3"]);
    }

    #[test]
    fn what_is_no_line_says_why() {
        for (bytes, fault) in [
            (&b"\xff:1|c"[..], Fault::NotUtf8),
            (b"a", Fault::NoValue),
            (b"a:|c", Fault::NoValue),
            (b":1|c", Fault::BadName),
            (b"a:1", Fault::BadType),
            (b"a:1|x", Fault::BadType),
            (b"a:1|c|@0", Fault::BadRate),
            (b"a:1|c|@2", Fault::BadRate),
            (b"_e{1,1}:a|b", Fault::NoMetric),
        ] {
            assert_eq!(line(bytes), Err(fault));
        }
        assert_eq!(number("x"), Err(Fault::BadNumber));
        assert_eq!(number("inf"), Err(Fault::BadNumber));
    }
}
