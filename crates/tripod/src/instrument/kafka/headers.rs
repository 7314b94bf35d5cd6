//! The context in a message's headers: reading it, and writing it among those of the user.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rdkafka::Message;
use rdkafka::message::{Header, Headers, OwnedHeaders};

use crate::context::propagation::{self, Extractor, Injector, Propagator};
use crate::{Context, Span};

/// Reads a context from the headers of a message; [`extract`] is shorter.
///
/// ```
/// use rdkafka::message::{Header, OwnedHeaders};
/// use tripod::instrument::kafka::HeaderExtractor;
/// let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let headers = OwnedHeaders::new().insert(Header { key: "traceparent", value: Some(parent) });
/// let context = tripod::propagation::extract(&HeaderExtractor(&headers));
/// assert!(context.span.is_sampled());
/// ```
pub struct HeaderExtractor<'a, H>(pub &'a H);

impl<H: Headers> Extractor for HeaderExtractor<'_, H> {
    fn get(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get_bytes(name)?).ok()
    }

    fn get_bytes(&self, name: &str) -> Option<&[u8]> {
        // The last, as Kafka's own clients take it: headers are added to, so it is the latest.
        self.0.iter().filter(|header| header.key.eq_ignore_ascii_case(name)).filter_map(|header| header.value).last()
    }

    fn get_all<'a>(&'a self, name: &str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        let name = name.to_owned();
        let same = self.0.iter().filter(move |header| header.key.eq_ignore_ascii_case(&name));
        Box::new(same.filter_map(|header| std::str::from_utf8(header.value?).ok()))
    }

    fn keys(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.0.iter().map(|header| header.key))
    }
}

/// Writes a context into the headers of a message; [`inject`] is shorter.
///
/// ```
/// use rdkafka::message::{Headers, OwnedHeaders};
/// use tripod::instrument::kafka::HeaderInjector;
/// let mut headers = HeaderInjector::new(OwnedHeaders::new());
/// tripod::propagation::inject(&mut headers);
/// let headers: OwnedHeaders = headers.into_headers();
/// # assert_eq!(headers.count(), 0);
/// ```
pub struct HeaderInjector {
    headers: OwnedHeaders,
    /// What was set: headers can be added, but not changed.
    set: Vec<(String, String)>,
}

impl HeaderInjector {
    /// Adds to these headers.
    pub fn new(headers: OwnedHeaders) -> Self {
        Self { headers, set: Vec::new() }
    }

    /// The headers with the context in them. Where one was set, what earlier hops left of a trace is gone, in whatever format.
    pub fn into_headers(self) -> OwnedHeaders {
        let Self { headers, set } = self;
        if set.is_empty() {
            return headers;
        }
        let is_stale = |key: &str| {
            let is_baggage = key.eq_ignore_ascii_case("baggage");
            let is_ours = Propagator::all_fields().any(|field| key.eq_ignore_ascii_case(field));
            is_ours && !is_baggage || set.iter().any(|(name, _)| key.eq_ignore_ascii_case(name))
        };
        let without_stale = || {
            headers.iter().any(|header| is_stale(header.key)).then(|| {
                let fresh = OwnedHeaders::new_with_capacity(headers.count() + set.len());
                headers.iter().filter(|header| !is_stale(header.key)).fold(fresh, OwnedHeaders::insert)
            })
        };
        // As in `extract`: of headers that can't be read, nothing is taken out. What is added comes later, so it counts.
        let kept = catch_unwind(AssertUnwindSafe(without_stale)).unwrap_or_default().unwrap_or(headers);
        set.iter().fold(kept, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }))
    }
}

impl Injector for HeaderInjector {
    fn set(&mut self, name: &'static str, value: &str) {
        self.set.set(name, value);
    }

    fn set_owned(&mut self, name: String, value: &str) {
        self.set.set_owned(name, value);
    }
}

/// The context that came with a message: what its producer put there, empty if nothing.
pub fn extract(message: &impl Message) -> Context {
    let Some(headers) = message.headers() else { return Context::default() };
    // The name of a header is any bytes to librdkafka, and rdkafka panics if they are no text: anyone who may write to the topic could
    // stop its consumers.
    catch_unwind(AssertUnwindSafe(|| propagation::extract(&HeaderExtractor(headers)))).unwrap_or_default()
}

/// Puts the current context among the headers of a message, for producers that are not wrapped.
pub fn inject(headers: OwnedHeaders) -> OwnedHeaders {
    inject_context(&Context::current(), headers)
}

/// Puts a context among the headers of a message.
pub fn inject_context(context: &Context, headers: OwnedHeaders) -> OwnedHeaders {
    let mut injector = HeaderInjector::new(headers);
    propagation::inject_context(context, &mut injector);
    injector.into_headers()
}

/// The headers of a message that is sent by this span; where there is none, what is current goes along.
pub(super) fn with_span(span: &Span, headers: Option<OwnedHeaders>) -> Option<OwnedHeaders> {
    let context = if span.context().is_valid() { span.to_context() } else { Context::current() };
    if !context.span.is_valid() && context.baggage.is_none() {
        return headers;
    }
    let headers = headers.unwrap_or_else(|| OwnedHeaders::new_with_capacity(2));
    Some(inject_context(&context, headers))
}
