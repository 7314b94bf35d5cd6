//! gRPC's status: where an answer has it, and what it means for the batch by the specification of OTLP.

use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, StatusCode};

use crate::context::propagation::percent_decode;
use crate::decode::Fields;
use crate::grpc::Code;
use crate::pipeline::ExportError;

/// Of what a receiver says of a refusal, so many characters are shown.
const SHOWN_CHARACTERS: usize = 300;

/// How a call ended.
pub(super) struct Status {
    pub(super) code: Code,
    message: String,
    /// After which time the receiver wants to be asked again.
    retry_after: Option<Duration>,
}

impl Status {
    /// A status is in the trailers, or in the headers of an answer that has nothing else.
    pub(super) fn read(http: StatusCode, headers: &HeaderMap, trailers: Option<&HeaderMap>) -> Self {
        let find = |name: &str| {
            let value = trailers.and_then(|trailers| trailers.get(name)).or_else(|| headers.get(name))?;
            value.to_str().ok()
        };
        let Some(code) = find("grpc-status").and_then(|code| code.trim().parse().ok()) else {
            let message = format!("HTTP {} without a status of gRPC: is gRPC spoken there?", http.as_u16());
            return Self { code: Code::of_http(http), message, retry_after: None };
        };
        let message = find("grpc-message").map(|message| percent_decode(message).unwrap_or_else(|| message.to_owned()));
        let retry_after = find("grpc-status-details-bin").and_then(|details| retry_delay(&from_base64(details)?));
        Self { code: Code(code), message: message.unwrap_or_default(), retry_after }
    }

    /// # Errors
    /// [`ExportError::Retry`] of the codes that the specification calls retryable, [`ExportError::TooLarge`] of a message that is,
    /// [`ExportError::Permanent`] of others but OK.
    pub(super) fn success(self, url: &str) -> Result<(), ExportError> {
        if self.code == Code::OK {
            return Ok(());
        }
        let shown = self.message.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown: String = shown.chars().filter(|character| !character.is_control()).take(SHOWN_CHARACTERS).collect();
        let colon = if shown.is_empty() { "" } else { ": " };
        let reason = format!("{url}: {} ({}){colon}{shown}", self.code.name(), self.code.0);
        Err(if self.is_about_size() {
            ExportError::TooLarge { reason }
        } else if self.may_retry() {
            ExportError::Retry { after: self.retry_after, reason }
        } else {
            ExportError::Permanent { reason }
        })
    }

    fn may_retry(&self) -> bool {
        match self.code {
            Code::CANCELLED
            | Code::DEADLINE_EXCEEDED
            | Code::ABORTED
            | Code::OUT_OF_RANGE
            | Code::UNAVAILABLE
            | Code::DATA_LOSS => true,
            // Only the receiver knows whether what is used up comes back.
            Code::RESOURCE_EXHAUSTED => self.retry_after.is_some(),
            _ => false,
        }
    }

    /// A message that is too long has no code of its own: grpc-go, grpc-java and gRPC's core say RESOURCE_EXHAUSTED, tonic OUT_OF_RANGE,
    /// which may be tried again otherwise.
    fn is_about_size(&self) -> bool {
        matches!(self.code, Code::RESOURCE_EXHAUSTED | Code::OUT_OF_RANGE)
            && self.retry_after.is_none()
            && ["larger than max", "too large", "exceeds maximum"].iter().any(|words| self.message.contains(words))
    }
}

/// With padding or without, as gRPC allows.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&STANDARD, LENIENT).decode(text).ok()
}

/// The fields of a message that are texts or messages.
fn parts(message: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    Fields::new(message).filter_map(|(number, field)| Some((number, field.bytes()?)))
}

fn first(message: &[u8], wanted: u32) -> Option<&[u8]> {
    parts(message).find_map(|(number, part)| (number == wanted).then_some(part))
}

/// The delay of a `google.rpc.RetryInfo` among the details of a `google.rpc.Status`.
fn retry_delay(status: &[u8]) -> Option<Duration> {
    let is_retry_info = |any: &&[u8]| first(any, 1).is_some_and(|url| url.ends_with(b"/google.rpc.RetryInfo"));
    let details = parts(status).filter_map(|(number, any)| (number == 3).then_some(any));
    let info = details.filter(is_retry_info).find_map(|any| first(any, 2))?;
    // No delay at all is one of no length.
    let (mut seconds, mut nanos) = (0, 0);
    for (number, field) in Fields::new(first(info, 1).unwrap_or_default()) {
        match number {
            1 => seconds = field.number() as i64,
            2 => nanos = field.number() as i32,
            _ => {}
        }
    }
    Some(Duration::new(seconds.try_into().ok()?, nanos.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `google.rpc.Status` with a `DebugInfo`, then a `RetryInfo` of 2.5 s.
    fn details() -> String {
        let field = |tag: u8, value: &[u8]| [&[tag, value.len() as u8], value].concat();
        let any = |kind: &str, value: &[u8]| {
            let url = format!("type.googleapis.com/google.rpc.{kind}");
            field(0x1a, &[field(0x0a, url.as_bytes()), field(0x12, value)].concat())
        };
        let delay = field(0x0a, b"\x08\x02\x10\x80\xca\xb5\xee\x01");
        let status = [b"\x08\x0e".to_vec(), any("DebugInfo", &field(0x0a, b"x")), any("RetryInfo", &delay)].concat();
        base64::prelude::BASE64_STANDARD_NO_PAD.encode(status)
    }

    fn status(code: u32, message: &str, details: Option<&str>) -> Status {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", code.into());
        trailers.insert("grpc-message", message.parse().unwrap());
        if let Some(details) = details {
            trailers.insert("grpc-status-details-bin", details.parse().unwrap());
        }
        Status::read(StatusCode::OK, &HeaderMap::new(), Some(&trailers))
    }

    #[test]
    fn the_codes_that_the_specification_calls_retryable_are_tried_again_and_no_others() {
        let retryable: Vec<u32> = (1..=17)
            .filter(|code| matches!(status(*code, "", None).success("u"), Err(ExportError::Retry { after: None, .. })))
            .collect();
        assert_eq!(retryable, [1, 4, 10, 11, 14, 15]);
        assert!(status(0, "", None).success("u").is_ok());
    }

    #[test]
    fn the_receiver_says_in_retry_info_when_to_try_again_and_whether_at_all_when_it_is_exhausted() {
        for code in [8, 14] {
            let error = status(code, "busy", Some(&details())).success("http://h:1").unwrap_err();
            let reason = format!("http://h:1: {} ({code}): busy", Code(code).name());
            assert_eq!(error, ExportError::Retry { after: Some(Duration::from_millis(2500)), reason });
        }
        // A status of that code, with padding, and nothing else.
        let exhausted = status(8, "over quota", Some("CAg=")).success("u").unwrap_err();
        assert!(matches!(exhausted, ExportError::Permanent { .. }), "{exhausted:?}");
    }

    #[test]
    fn a_message_that_is_too_long_is_told_from_other_failures() {
        let go = status(8, "grpc: received message larger than max (5000000 vs. 4194304)", None);
        let tonic = status(
            11,
            "Error, decoded message length too large: found 5000000 bytes, the limit is: 4194304 bytes",
            None,
        );
        for status in [go, tonic] {
            assert!(matches!(status.success("u"), Err(ExportError::TooLarge { .. })));
        }
    }

    #[test]
    fn what_is_said_is_decoded_and_shown_in_a_line() {
        let error = status(3, "no %C3%BCml%0Aaut", None).success("u").unwrap_err();
        assert_eq!(error, ExportError::Permanent { reason: "u: INVALID_ARGUMENT (3): no üml aut".to_owned() });
    }

    #[test]
    fn an_answer_without_a_status_means_what_its_http_status_means() {
        for (http, code) in [(503, 14), (429, 14), (404, 12), (401, 16), (200, 2), (500, 2)] {
            let status = Status::read(StatusCode::from_u16(http).unwrap(), &HeaderMap::new(), None);
            assert_eq!(status.code, Code(code), "HTTP {http}");
        }
        let mut alone = HeaderMap::new();
        alone.insert("grpc-status", 14.into());
        assert_eq!(Status::read(StatusCode::OK, &alone, None).code, Code::UNAVAILABLE);
    }

    #[test]
    fn details_that_are_broken_ask_for_nothing() {
        for broken in ["", "!", "AAAA", &details()[..20]] {
            assert_eq!(from_base64(broken).and_then(|details| retry_delay(&details)), None, "{broken}");
        }
    }
}
