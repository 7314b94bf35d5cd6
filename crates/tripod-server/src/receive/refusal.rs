//! Why a request is not taken: one type for both protocols, each of which has its own codes for it.

use axum::http::StatusCode;
use tripod_store::StoreError;
use tripod_wire::WireError;

/// Why a request is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) kind: Kind,
    pub(crate) reason: String,
}

/// Whose fault it is, and whether trying again helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The bytes are not the message they should be.
    Invalid,
    /// A content type or encoding that is not spoken here.
    Unsupported,
    /// Larger than a request may be.
    TooLarge,
    /// The sender took too long.
    TimedOut,
    /// More series than there may be. As 429 it would be sent again and again (OTLP must, remote write may) and hold up what follows;
    /// 400, and RESOURCE_EXHAUSTED without a time to come back, are final in both.
    TooManySeries,
    /// Too much at once: try again.
    Overloaded,
    /// Shutting down, or the disk fails or is full: try again.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::Invalid,
        Self::Unsupported,
        Self::TooLarge,
        Self::TimedOut,
        Self::TooManySeries,
        Self::Overloaded,
        Self::Unavailable,
        Self::Internal,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unsupported => "unsupported",
            Self::TooLarge => "too_large",
            Self::TimedOut => "timed_out",
            Self::TooManySeries => "too_many_series",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// The HTTP status; OTLP senders try again on 429 and 503.
    pub(crate) fn http_status(self) -> u16 {
        match self {
            Self::Invalid | Self::TooManySeries => 400,
            Self::Unsupported => 415,
            Self::TooLarge => 413,
            Self::TimedOut => 408,
            Self::Overloaded => 429,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }

    /// The code of gRPC; OTLP senders try again on UNAVAILABLE, and on RESOURCE_EXHAUSTED that says when.
    pub(crate) fn grpc_code(self) -> i32 {
        match self {
            Self::Invalid => 3,
            Self::TimedOut => 4,
            Self::TooLarge | Self::TooManySeries | Self::Overloaded => 8,
            Self::Unsupported => 12,
            Self::Internal => 13,
            Self::Unavailable => 14,
        }
    }

    /// Whether the sender should try again soon.
    pub(crate) fn is_temporary(self) -> bool {
        matches!(self, Self::Overloaded | Self::Unavailable)
    }
}

impl Refusal {
    pub(crate) fn new(kind: Kind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into() }
    }

    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, reason)
    }

    pub(crate) fn unsupported(reason: impl Into<String>) -> Self {
        Self::new(Kind::Unsupported, reason)
    }

    pub(crate) fn overloaded(reason: impl Into<String>) -> Self {
        Self::new(Kind::Overloaded, reason)
    }

    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, reason)
    }

    pub(crate) fn internal(reason: impl Into<String>) -> Self {
        Self::new(Kind::Internal, reason)
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let reason = format!("the request is larger than {limit} bytes: send smaller batches, or raise --max-body");
        Self::new(Kind::TooLarge, reason)
    }
}

impl From<WireError> for Refusal {
    fn from(error: WireError) -> Self {
        Self::invalid(format!("not a valid request: {error}"))
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::Decode(_) => Kind::Invalid,
            StoreError::TooLarge { .. } => Kind::TooLarge,
            StoreError::Overloaded { .. } => Kind::Overloaded,
            StoreError::TooManySeries { .. } => Kind::TooManySeries,
            StoreError::Internal(_) => Kind::Internal,
            // The disk is full or fails, which may pass.
            _ => Kind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_store_refuses_is_tried_again_only_where_that_helps() {
        let full = StoreError::Full { path: "/data".into(), available: 5, needed: 9 };
        let many = StoreError::TooManySeries { limit: 2, metric: "up".to_owned(), series: 1 };
        for (error, http, grpc, temporary, reason) in [
            (full, 503, 14, true, "the disk of /data is full: 5 bytes are free, 9 are needed"),
            (StoreError::Overloaded { waiting: 3, limit: 2 }, 429, 8, true, "try again in a second"),
            (many, 400, 8, false, r#"1 of them are of the metric "up""#),
            (StoreError::Internal("odd".to_owned()), 500, 13, false, "a fault in the store: odd"),
            (StoreError::TooLarge { bytes: 3, limit: 2 }, 413, 8, false, "send smaller batches"),
        ] {
            let Refusal { kind, reason: given } = Refusal::from(error);
            assert_eq!((kind.http_status(), kind.grpc_code(), kind.is_temporary()), (http, grpc, temporary), "{given}");
            assert!(given.contains(reason), "{given}");
        }
    }
}
