//! The current span that the crate `opentelemetry` holds, beside this thread's own stack: whichever was entered later is current.
//!
//! Each entry of the stack remembers which of OpenTelemetry's spans was current when it was pushed. If another is current now,
//! that one was entered later, and wins; a context without a span never does. So neither side has to tell the other anything.
//!
//! Cost: nothing without the feature `opentelemetry`; one relaxed load until [`install`] was called; then one thread-local look a
//! question.

#[cfg(feature = "opentelemetry")]
pub(crate) use bridged::*;
#[cfg(not(feature = "opentelemetry"))]
pub(crate) use without::*;

#[cfg(feature = "opentelemetry")]
mod bridged {
    use std::any::type_name;
    use std::borrow::Cow;
    use std::cell::Cell;
    use std::error::Error;
    use std::panic::catch_unwind;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::SystemTime;

    use opentelemetry::Context;
    use opentelemetry::baggage::BaggageExt;
    use opentelemetry::trace::TraceContextExt;

    use crate::bridge::opentelemetry::convert;
    use crate::context::{Baggage, SpanContext};
    use crate::trace::LinkTo;
    use crate::trace::data::Chain;
    use crate::{StatusCode, Value};

    static INSTALLED: AtomicBool = AtomicBool::new(false);

    thread_local! {
        /// Set while OpenTelemetry's own stack may be borrowed: looking then would panic.
        static BLIND: Cell<bool> = const { Cell::new(false) };
    }

    /// OpenTelemetry's current span at some moment: its id, 0 without one.
    #[derive(Clone, Copy, Default)]
    pub(crate) struct Mark(u64);

    /// From now on, OpenTelemetry's current span counts.
    pub(crate) fn install() {
        INSTALLED.store(true, Ordering::Relaxed);
    }

    /// Has a thread's part of OpenTelemetry made, so that it outlives ours: what is made first ends last.
    /// Answers whether it is there: when the thread ends, it may be gone, and asking for it panics.
    pub(crate) fn prepare_thread() -> bool {
        catch_unwind(|| Context::map_current(|_| ())).is_ok()
    }

    /// Works without looking at OpenTelemetry's stack: for what its own code reports while it changes the stack.
    #[cfg(feature = "tracing")]
    pub(crate) fn blindly<R>(work: impl FnOnce() -> R) -> R {
        struct Restore(bool);
        impl Drop for Restore {
            fn drop(&mut self) {
                BLIND.set(self.0);
            }
        }
        let _restore = Restore(BLIND.replace(true));
        work()
    }

    #[inline]
    fn look<R>(at: impl FnOnce(&Context) -> Option<R>) -> Option<R> {
        // Relaxed: a thread that sees the switch late looks a little later.
        if !INSTALLED.load(Ordering::Relaxed) || BLIND.get() { None } else { Context::map_current(at) }
    }

    fn id(context: &Context) -> u64 {
        u64::from_be_bytes(context.span().span_context().span_id().to_bytes())
    }

    /// What is current there now, for who pushes an entry here.
    #[inline]
    pub(crate) fn mark() -> Mark {
        Mark(look(|context| Some(id(context))).unwrap_or(0))
    }

    fn look_later<R>(mark: Mark, at: impl FnOnce(&Context) -> R) -> Option<R> {
        look(|context| {
            let id = id(context);
            (id != 0 && id != mark.0).then(|| at(context))
        })
    }

    /// The span that was entered there after the mark was made, with its `tracestate`.
    #[inline]
    pub(crate) fn current_after(mark: Mark) -> Option<(SpanContext, Option<Arc<str>>)> {
        look_later(mark, |context| {
            let span = context.span();
            (convert::span_context(span.span_context()), convert::trace_state(span.span_context()))
        })
    }

    /// The same without the `tracestate`.
    #[inline]
    pub(crate) fn span_after(mark: Mark) -> Option<SpanContext> {
        look_later(mark, |context| convert::span_context(context.span().span_context()))
    }

    /// Whether the span that is current there is sampled.
    #[inline]
    pub(crate) fn is_sampled() -> bool {
        look(|context| Some(context.span().span_context().is_sampled())).unwrap_or(false)
    }

    /// Adds the pairs that are current there to those that are current here; of two with one key the one there wins.
    pub(crate) fn add_baggage(baggage: &mut Option<Arc<Baggage>>) {
        look(|context| {
            convert::add_baggage(context.baggage(), baggage);
            Some(())
        });
    }

    /// What is current there with the span that is current here, to be handed to code that expects OpenTelemetry's context.
    pub(crate) fn context_with(span: &SpanContext, trace_state: Option<&str>) -> Context {
        Context::map_current(|context| {
            if span.is_valid() && convert::span_id(span) != context.span().span_context().span_id() {
                return context.with_remote_span_context(convert::to_span_context(span, trace_state));
            }
            context.clone()
        })
    }

    /// The context there, if its span was entered after the mark was made.
    pub(crate) fn later(mark: Mark) -> Option<Later> {
        // A copy, as a span's own code must not run while the stack is borrowed.
        look_later(mark, Clone::clone).map(Later)
    }

    /// OpenTelemetry's context, to do what [`crate::current`] does to the span in it. Values are shown before the span is locked.
    pub(crate) struct Later(Context);

    impl Later {
        pub(crate) fn set_attribute(&self, key: &str, value: Value<'_>) {
            let attribute = convert::to_key_value(key, value);
            self.0.span().set_attribute(attribute);
        }

        pub(crate) fn set_attributes(&self, attributes: &[(&str, Value<'_>)]) {
            let attributes = convert::to_key_values(attributes);
            self.0.span().set_attributes(attributes);
        }

        pub(crate) fn add_event(&self, name: &str, at: Option<SystemTime>, attributes: &[(&str, Value<'_>)]) {
            let attributes = convert::to_key_values(attributes);
            let at = at.unwrap_or_else(SystemTime::now);
            self.0.span().add_event_with_timestamp(name.to_owned(), at, attributes);
        }

        pub(crate) fn record_error<E: Error + ?Sized>(&self, error: &E) {
            let (causes, shown) = (Chain(error.source()), error.to_string());
            let attributes = [
                ("exception.type", Value::Str(type_name::<E>())),
                ("exception.message", Value::Str(&shown)),
                ("exception.stacktrace", Value::Display(&causes)),
            ];
            let count = attributes.len() - usize::from(error.source().is_none());
            self.add_event("exception", None, &attributes[..count]);
            self.set_status(StatusCode::ERROR, &shown);
        }

        pub(crate) fn set_status(&self, code: StatusCode, message: &str) {
            self.0.span().set_status(convert::to_status(code, message));
        }

        pub(crate) fn add_link(&self, to: &LinkTo<'_>, attributes: &[(&str, Value<'_>)]) {
            let attributes = convert::to_key_values(attributes);
            let state = Some(to.trace_state).filter(|state| !state.is_empty());
            self.0.span().add_link(convert::to_span_context(&to.span, state), attributes);
        }

        pub(crate) fn update_name(&self, name: Cow<'static, str>) {
            self.0.span().update_name(name);
        }
    }
}

/// Without the bridge there is nothing beside the stack, and nothing of this is left in the program.
#[cfg(not(feature = "opentelemetry"))]
mod without {
    use std::sync::Arc;

    use crate::context::{Baggage, SpanContext};

    #[derive(Clone, Copy, Default)]
    pub(crate) struct Mark;

    #[inline]
    pub(crate) fn prepare_thread() -> bool {
        true
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn blindly<R>(work: impl FnOnce() -> R) -> R {
        work()
    }

    #[inline]
    pub(crate) fn mark() -> Mark {
        Mark
    }

    #[inline]
    pub(crate) fn current_after(_: Mark) -> Option<(SpanContext, Option<Arc<str>>)> {
        None
    }

    #[inline]
    pub(crate) fn span_after(_: Mark) -> Option<SpanContext> {
        None
    }

    #[inline]
    pub(crate) fn is_sampled() -> bool {
        false
    }

    #[inline]
    pub(crate) fn add_baggage(_: &mut Option<Arc<Baggage>>) {}
}
