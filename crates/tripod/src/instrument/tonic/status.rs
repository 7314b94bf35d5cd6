//! What gRPC says of how a call ended, and until when it may take.

use std::time::Duration;

use http::HeaderMap;

use crate::grpc::Code;

impl Code {
    /// What headers or trailers say; a number that nobody knows is [`Code::UNKNOWN`].
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let number: usize = headers.get("grpc-status")?.to_str().ok().and_then(|text| text.parse().ok())?;
        let known = u32::try_from(number).ok().map(Self).filter(|code| code.is_known());
        Some(known.unwrap_or(Self::UNKNOWN))
    }

    /// Whether it is the server's fault.
    pub(super) fn is_server_error(self) -> bool {
        let errors = [
            Self::UNKNOWN,
            Self::DEADLINE_EXCEEDED,
            Self::UNIMPLEMENTED,
            Self::INTERNAL,
            Self::UNAVAILABLE,
            Self::DATA_LOSS,
        ];
        errors.contains(&self)
    }
}

/// How long the call may take, if its client said so.
pub(super) fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.len() > 8 || !number.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};

    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))])
    }

    #[test]
    fn a_status_is_a_name_and_what_nobody_knows_is_unknown() {
        for (text, name) in [("0", "OK"), ("14", "UNAVAILABLE"), ("16", "UNAUTHENTICATED"), ("17", "UNKNOWN")] {
            assert_eq!(Code::of(&headers("grpc-status", text)).unwrap().name(), name);
        }
        assert_eq!(Code::of(&headers("grpc-status", "fine")), None);
        assert_eq!(Code::of(&HeaderMap::new()), None);
    }

    #[test]
    fn a_response_that_is_not_grpc_has_the_status_that_grpc_maps_it_to() {
        for (status, name) in [
            (404, "UNIMPLEMENTED"),
            (401, "UNAUTHENTICATED"),
            (503, "UNAVAILABLE"),
            (500, "UNKNOWN"),
            (400, "INTERNAL"),
        ] {
            assert_eq!(Code::of_http(StatusCode::from_u16(status).unwrap()).name(), name);
        }
    }

    #[test]
    fn a_timeout_is_a_number_of_at_most_eight_digits_and_a_unit() {
        for (text, expected) in [
            ("1H", Some(Duration::from_secs(3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("3S", Some(Duration::from_secs(3))),
            ("40m", Some(Duration::from_millis(40))),
            ("50u", Some(Duration::from_micros(50))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("999999999n", None),
            ("+5S", None),
            ("5", None),
            ("S", None),
            ("", None),
            ("5é", None),
        ] {
            let headers = HeaderMap::from_iter([(
                "grpc-timeout".parse().unwrap(),
                HeaderValue::from_bytes(text.as_bytes()).unwrap(),
            )]);
            assert_eq!(timeout(&headers), expected, "{text}");
        }
    }
}
