//! Limits: how much one span or log record may hold. What is beyond is dropped and counted in the record, as OpenTelemetry's
//! specification has it.
//!
//! There is one engine a process, so what it was started with stands in statics: a look is one load, and no span carries a copy.

use std::sync::atomic::{AtomicU32, Ordering};

/// How much one span may hold; see [`crate::Builder::span_limits`].
///
/// ```
/// use tripod::SpanLimits;
/// let limits = SpanLimits { events: 16, attribute_value_length: Some(1024), ..SpanLimits::default() };
/// # let _ = limits;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanLimits {
    /// Attributes of the span; 128 by default: `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`.
    pub attributes: u32,
    /// Characters of a text and bytes of a byte string, in attributes of the span, its events and its links; not limited by default:
    /// `OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`, `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`.
    pub attribute_value_length: Option<u32>,
    /// Events; 128 by default: `OTEL_SPAN_EVENT_COUNT_LIMIT`.
    pub events: u32,
    /// Links; 128 by default: `OTEL_SPAN_LINK_COUNT_LIMIT`.
    pub links: u32,
    /// Attributes of one event; 128 by default: `OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT`.
    pub event_attributes: u32,
    /// Attributes of one link; 128 by default: `OTEL_LINK_ATTRIBUTE_COUNT_LIMIT`.
    pub link_attributes: u32,
}

impl Default for SpanLimits {
    fn default() -> Self {
        Self {
            attributes: 128,
            attribute_value_length: None,
            events: 128,
            links: 128,
            event_attributes: 128,
            link_attributes: 128,
        }
    }
}

/// How much one log record may hold; see [`crate::Builder::log_limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLimits {
    /// Attributes; 128 by default: `OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT`.
    pub attributes: u32,
    /// Characters of a text and bytes of a byte string in an attribute; not limited by default:
    /// `OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT`.
    pub attribute_value_length: Option<u32>,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { attributes: 128, attribute_value_length: None }
    }
}

/// The limits of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) span: SpanLimits,
    pub(crate) log: LogLimits,
}

/// One limit that holds now.
pub(crate) struct Limit(AtomicU32);

impl Limit {
    /// No limit.
    pub(crate) const NONE: u32 = u32::MAX;

    #[inline]
    pub(crate) fn get(&self) -> u32 {
        // Relaxed: a number that guards no other memory.
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, to: u32) {
        self.0.store(to, Ordering::Relaxed);
    }
}

macro_rules! in_force {
    ($($(#[$doc:meta])* $name:ident = |$limits:ident| $value:expr;)*) => {
        $($(#[$doc])* pub(crate) static $name: Limit = Limit(AtomicU32::new(128));)*

        impl Limits {
            /// Makes these the limits that hold from now on.
            pub(crate) fn put_in_force(&self) {
                $({
                    let $limits = self;
                    $name.set($value);
                })*
            }
        }
    };
}

in_force! {
    SPAN_ATTRIBUTES = |limits| limits.span.attributes;
    SPAN_VALUE_LENGTH = |limits| limits.span.attribute_value_length.unwrap_or(Limit::NONE);
    SPAN_EVENTS = |limits| limits.span.events;
    SPAN_LINKS = |limits| limits.span.links;
    EVENT_ATTRIBUTES = |limits| limits.span.event_attributes;
    LINK_ATTRIBUTES = |limits| limits.span.link_attributes;
    LOG_ATTRIBUTES = |limits| limits.log.attributes;
    LOG_VALUE_LENGTH = |limits| limits.log.attribute_value_length.unwrap_or(Limit::NONE);
}
