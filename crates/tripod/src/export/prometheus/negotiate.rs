//! In which format a scraper wants the page: `Accept`, as Prometheus' content negotiation has it.
//!
//! What is not understood is passed over; who accepts nothing of ours gets text 0.0.4, as every scraper reads it.

use tripod_wire::prometheus::escaping::Escaping;
use tripod_wire::prometheus::translation::Translation;

use super::PrometheusFormat;
use super::naming::Naming;

/// What a page is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) format: PrometheusFormat,
    /// Of the format; none of protobuf.
    version: &'static str,
    escaping: Escaping,
}

const TEXT: &str = "text/plain";
const OPEN_METRICS: &str = "application/openmetrics-text";
const PROTOBUF: &str = "application/vnd.google.protobuf";
const MESSAGE: &str = "io.prometheus.client.MetricFamily";

impl Content {
    /// A format as it is without further wishes.
    pub(super) fn of(format: PrometheusFormat) -> Self {
        let version = match format {
            PrometheusFormat::Text => "0.0.4",
            PrometheusFormat::OpenMetrics => "1.0.0",
            PrometheusFormat::Protobuf => "",
        };
        Self { format, version, escaping: Escaping::default() }
    }

    /// The one with the greatest weight, of several the first.
    pub(super) fn accepted(accept: &str) -> Self {
        let mut best = (0.0, Self::of(PrometheusFormat::Text));
        for range in accept.split(',').map(Range::read) {
            if let Some(content) = range.content()
                && range.weight > best.0
            {
                best = (range.weight, content);
            }
        }
        best.1
    }

    pub(super) fn content_type(self) -> String {
        let (version, escaping) = (self.version, self.escaping.name());
        match self.format {
            PrometheusFormat::Text => format!("{TEXT}; version={version}; charset=utf-8; escaping={escaping}"),
            PrometheusFormat::OpenMetrics => {
                format!("{OPEN_METRICS}; version={version}; charset=utf-8; escaping={escaping}")
            }
            PrometheusFormat::Protobuf => {
                format!("{PROTOBUF}; proto={MESSAGE}; encoding=delimited; escaping={escaping}")
            }
        }
    }

    pub(super) fn naming(self, translation: Translation) -> Naming {
        Naming { translation, escaping: self.escaping }
    }
}

/// One of the things that a header accepts.
struct Range<'h> {
    media: &'h str,
    version: Option<&'h str>,
    proto: Option<&'h str>,
    encoding: Option<&'h str>,
    escaping: Option<Escaping>,
    weight: f32,
}

impl<'h> Range<'h> {
    fn read(text: &'h str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let mut range = Self { media, version: None, proto: None, encoding: None, escaping: None, weight: 1.0 };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => range.weight = weight(value),
                "version" => range.version = Some(value),
                "proto" => range.proto = Some(value),
                "encoding" => range.encoding = Some(value),
                "escaping" => range.escaping = Escaping::from_name(value),
                _ => {}
            }
        }
        range
    }

    fn content(&self) -> Option<Content> {
        let is = |media: &str| self.media.eq_ignore_ascii_case(media);
        let (format, version) = match self.version {
            _ if is("*/*") || is("text/*") => (PrometheusFormat::Text, "0.0.4"),
            None | Some("0.0.4") if is(TEXT) => (PrometheusFormat::Text, "0.0.4"),
            Some("1.0.0") if is(TEXT) => (PrometheusFormat::Text, "1.0.0"),
            None | Some("1.0.0") if is(OPEN_METRICS) => (PrometheusFormat::OpenMetrics, "1.0.0"),
            Some("0.0.1") if is(OPEN_METRICS) => (PrometheusFormat::OpenMetrics, "0.0.1"),
            _ if is(PROTOBUF) && self.proto == Some(MESSAGE) && self.encoding == Some("delimited") => {
                (PrometheusFormat::Protobuf, "")
            }
            _ => return None,
        };
        // Formats before 1.0 have no quotes for names.
        let knows_quotes = !version.starts_with("0.");
        let escaping = self.escaping.filter(|escaping| knows_quotes || *escaping != Escaping::AllowUtf8);
        Some(Content { format, version, escaping: escaping.unwrap_or_default() })
    }
}

/// From 0, which refuses, to 1; what is no number refuses too.
fn weight(text: &str) -> f32 {
    text.parse::<f32>().ok().filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or(0.0)
}

/// Whether `Accept-Encoding` takes gzip.
#[cfg_attr(not(any(feature = "prometheus-server", feature = "prometheus-service")), expect(dead_code))]
pub(super) fn takes_gzip(accept_encoding: &str) -> bool {
    let mut any = false;
    for coding in accept_encoding.split(',') {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let given = parameters.split(';').find_map(|one| one.trim().strip_prefix("q="));
        let wanted = given.is_none_or(|given| weight(given.trim()) > 0.0);
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => return wanted,
            "*" => any = wanted,
            _ => {}
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &str) -> String {
        Content::accepted(accept).content_type()
    }

    const TEXT_004: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

    #[test]
    fn every_prometheus_gets_what_it_asks_for_first() {
        let v2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                  text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(accepted(v2), "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores");
        let v3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                  application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                  text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(accepted(v3), "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8");
        let native = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
                      application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.2";
        let protobuf = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; \
                        escaping=underscores";
        assert_eq!(accepted(native), protobuf);
    }

    #[test]
    fn weights_decide_and_equal_ones_the_order() {
        assert_eq!(accepted("application/openmetrics-text;q=0.5, text/plain;q=0.9"), TEXT_004);
        let values = accepted("text/plain; version=1.0.0; escaping=values, text/plain; version=0.0.4");
        assert_eq!(values, "text/plain; version=1.0.0; charset=utf-8; escaping=values");
        assert_eq!(
            accepted("text/plain;q=0, application/openmetrics-text;version=\"0.0.1\";q=0.1").split(';').nth(1),
            Some(" version=0.0.1")
        );
    }

    #[test]
    fn who_accepts_nothing_of_ours_gets_text() {
        let odd =
            ["", "text/html,application/xhtml+xml,*/*;q=0.8", "image/png", ";;;,,q=1", "text/plain;version=7", "a;q=x"];
        for accept in odd {
            assert_eq!(accepted(accept), TEXT_004, "{accept:?}");
        }
        let compact = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text";
        assert_eq!(accepted(compact), TEXT_004);
    }

    #[test]
    fn a_format_without_quotes_has_no_names_that_need_them() {
        assert_eq!(accepted("text/plain;version=0.0.4;escaping=allow-utf-8"), TEXT_004);
        assert!(accepted("text/plain;version=0.0.4;escaping=dots").ends_with("escaping=dots"));
        assert!(accepted("text/plain;version=1.0.0;escaping=slashes").ends_with("escaping=underscores"));
    }

    #[test]
    fn gzip_is_taken_unless_it_is_refused() {
        for yes in ["gzip", "deflate, gzip;q=0.5", "*", "br;q=1, GZIP", "x-gzip"] {
            assert!(takes_gzip(yes), "{yes:?}");
        }
        for no in ["", "identity", "gzip;q=0", "*;q=0", "gzip;q=0, *", "deflate"] {
            assert!(!takes_gzip(no), "{no:?}");
        }
    }
}
