//! Traces: spans, how they are started, which of them are recorded.
//!
//! A [`LocalSpan`] is a guard for work that stays on one thread; a [`Span`] may move between threads and goes along with a future.
//! Whether a trace is recorded is decided before anything else is done; what is recorded is written in its final form, OTLP, once,
//! when the span ends. Cost: some tens of nanoseconds a span, no allocation once warm.

mod baggage;
mod builder;
pub(crate) mod data;
mod future;
mod link;
mod local;
pub(crate) mod outcome;
pub(crate) mod sampler;
mod span;

#[cfg(test)]
pub(crate) use builder::Identity;
pub use builder::SpanBuilder;
pub(crate) use builder::{end_all_of_thread, start};
pub use future::{InContext, InSpan, InSpanExt};
pub use link::LinkTo;
pub use local::{LocalSpan, in_span};
pub use sampler::{Sample, Sampler, SamplingRule, SpanStart};
pub use span::{Entered, Span};
pub use tripod_wire::otlp::trace::{SpanKind, StatusCode};

/// What can be done to a span that runs, however it is held. The type has `with_data`, which takes a `FnOnce(&mut SpanData)`, and
/// where it is named a method that answers a span of the bridge to `opentelemetry` that is to be changed instead.
macro_rules! span_methods {
    ($self:ident: $($receiver:tt)+) => { $crate::trace::span_methods! { [] $self: $($receiver)+ } };
    ([$($beside:ident)?] $self:ident: $($receiver:tt)+) => {
        /// Sets an attribute; an earlier one with the same key is replaced.
        pub fn set_attribute<'a>($($receiver)+, key: &str, value: impl Into<$crate::Value<'a>>) {
            let value = value.into();
            $(
                #[cfg(feature = "opentelemetry")]
                if let Some(span) = $self.$beside() {
                    return span.set_attribute(key, value);
                }
            )?
            $self.with_data(|data| data.set_attribute(key, &value));
        }

        /// Sets several attributes: `span.set_attributes(tripod::labels!(user = "ada", attempt = 2))`.
        pub fn set_attributes($($receiver)+, attributes: &[(&str, $crate::Value<'_>)]) {
            $(
                #[cfg(feature = "opentelemetry")]
                if let Some(span) = $self.$beside() {
                    return span.set_attributes(attributes);
                }
            )?
            $self.with_data(|data| data.set_attributes(attributes));
        }

        /// Adds an event: something that happened at this moment.
        pub fn add_event($($receiver)+, name: &str, attributes: &[(&str, $crate::Value<'_>)]) {
            $(
                #[cfg(feature = "opentelemetry")]
                if let Some(span) = $self.$beside() {
                    return span.add_event(name, None, attributes);
                }
            )?
            $self.with_data(|data| data.add_event(name, None, attributes));
        }

        /// Adds an event that happened at another time.
        pub fn add_event_at(
            $($receiver)+,
            name: &str,
            at: std::time::SystemTime,
            attributes: &[(&str, $crate::Value<'_>)],
        ) {
            $(
                #[cfg(feature = "opentelemetry")]
                if let Some(span) = $self.$beside() {
                    return span.add_event(name, Some(at), attributes);
                }
            )?
            $self.with_data(|data| data.add_event(name, Some(at), attributes));
        }

        /// Records an error as an `exception` event with its type, message and chain of causes, and sets the status.
        ///
        /// With `RUST_BACKTRACE=1` (or `RUST_LIB_BACKTRACE=1`) also where it was recorded. Of a `&dyn Error` the type is not known,
        /// and is left out.
        pub fn record_error<E: std::error::Error + ?Sized>($($receiver)+, error: &E) {
            $(
                #[cfg(feature = "opentelemetry")]
                if let Some(span) = $self.$beside() {
                    return span.record_error(error);
                }
            )?
            $self.with_data(|data| data.record_error(std::any::type_name::<E>(), error));
        }

        /// Says how the span ended. The message belongs to an error and is left out otherwise.
        pub fn set_status($($receiver)+, code: $crate::StatusCode, message: &str) {
            $(
                #[cfg(feature = "opentelemetry")]
                if let Some(span) = $self.$beside() {
                    return span.set_status(code, message);
                }
            )?
            $self.with_data(|data| data.set_status(code, message));
        }

        /// Links the span to another, in this trace or elsewhere.
        pub fn add_link<'a>(
            $($receiver)+,
            to: impl Into<$crate::trace::LinkTo<'a>>,
            attributes: &[(&str, $crate::Value<'_>)],
        ) {
            let to = to.into();
            $(
                #[cfg(feature = "opentelemetry")]
                if let Some(span) = $self.$beside() {
                    return span.add_link(&to, attributes);
                }
            )?
            $self.with_data(|data| data.add_link(&to, attributes));
        }

        /// Gives the span another name.
        pub fn update_name($($receiver)+, name: impl Into<std::borrow::Cow<'static, str>>) {
            let name = name.into();
            $(
                #[cfg(feature = "opentelemetry")]
                if let Some(span) = $self.$beside() {
                    return span.update_name(name);
                }
            )?
            $self.with_data(|data| data.name = name);
        }
    };
}
pub(crate) use span_methods;
