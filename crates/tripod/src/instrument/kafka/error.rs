//! Errors of Kafka as few classes: what `error.type` may be.

use std::fmt::Write;

use rdkafka::error::KafkaError;

/// Bytes of the longest name of a code, and some to spare.
const MAX: usize = 48;

/// `error.type` of an error, on the stack.
pub(super) struct ErrorType {
    text: [u8; MAX],
    len: usize,
}

impl ErrorType {
    /// The name of librdkafka's code, such as `MessageTimedOut`; of an error without one, the name of its kind.
    pub(super) fn of(error: &KafkaError) -> Self {
        let mut this = Self { text: [0; MAX], len: 0 };
        let _ = match error.rdkafka_error_code() {
            Some(code) => write!(this, "{code:?}"),
            None => this.write_str(kind(error)),
        };
        this
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..self.len]).unwrap_or_default()
    }
}

impl Write for ErrorType {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.len + text.len();
        self.text.get_mut(self.len..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

fn kind(error: &KafkaError) -> &'static str {
    match error {
        KafkaError::Canceled => "Canceled",
        KafkaError::ClientConfig(..) => "ClientConfig",
        KafkaError::ClientCreation(_) => "ClientCreation",
        KafkaError::NoMessageReceived => "NoMessageReceived",
        KafkaError::Nul(_) => "Nul",
        KafkaError::PartitionEOF(_) => "PartitionEOF",
        KafkaError::PauseResume(_) => "PauseResume",
        KafkaError::Seek(_) => "Seek",
        KafkaError::Subscription(_) => "Subscription",
        _ => "_OTHER",
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::RDKafkaErrorCode;

    use super::*;

    #[test]
    fn an_error_is_named_by_its_code_or_else_by_its_kind() {
        let timeout = KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut);
        assert_eq!(ErrorType::of(&timeout).as_str(), "MessageTimedOut");
        assert_eq!(ErrorType::of(&KafkaError::Canceled).as_str(), "Canceled");
        assert_eq!(ErrorType::of(&KafkaError::Seek("Local: Erroneous state".to_owned())).as_str(), "Seek");
        assert_eq!(ErrorType::of(&KafkaError::AdminOpCreation("any text".to_owned())).as_str(), "_OTHER");
    }
}
