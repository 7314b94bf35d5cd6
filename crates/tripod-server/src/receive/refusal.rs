//! Why a request is not taken: one type for both protocols, each of which has its own codes for it.

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
    /// Too much at once: try again.
    Overloaded,
    /// Shutting down, or the disk fails: try again.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::Invalid,
        Self::Unsupported,
        Self::TooLarge,
        Self::TimedOut,
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
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// The HTTP status; OTLP senders try again on 429 and 503.
    pub(crate) fn http_status(self) -> u16 {
        match self {
            Self::Invalid => 400,
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
            Self::TooLarge | Self::Overloaded => 8,
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
            _ => Kind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}
