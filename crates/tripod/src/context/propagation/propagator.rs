//! The formats by name, and an ordered list of them small enough for one atomic number.

use std::sync::Arc;

use super::{Extractor, Injector, b3, jaeger, w3c, xray};
use crate::context::{Baggage, Context};

/// A format of context in headers; the names are those of `OTEL_PROPAGATORS`.
///
/// ```
/// use tripod::Context;
/// use tripod::propagation::Propagator;
/// let headers = vec![("X-Amzn-Trace-Id".to_owned(),
///     "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1".to_owned())];
/// let mut context = Context::default();
/// Propagator::XRay.extract(&headers, &mut context);
/// assert!(context.span.is_sampled());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Propagator {
    /// `tracecontext`: W3C Trace Context, `traceparent` and `tracestate`.
    TraceContext,
    /// `baggage`: W3C Baggage, `baggage`.
    Baggage,
    /// `b3`: B3, written as the one header `b3`, read in both forms.
    B3,
    /// `b3multi`: B3, written as the headers `x-b3-*`, read in both forms.
    B3Multi,
    /// `jaeger`: `uber-trace-id` and the baggage `uberctx-*`.
    Jaeger,
    /// `xray`: AWS X-Ray, `x-amzn-trace-id`.
    XRay,
}

/// Every format with its name and the headers that it writes. A format's place, counted from one, is its number in [`Propagators`].
const ALL: [(&str, Propagator, &[&str]); 6] = [
    ("tracecontext", Propagator::TraceContext, w3c::CONTEXT_FIELDS),
    ("baggage", Propagator::Baggage, w3c::BAGGAGE_FIELDS),
    ("b3", Propagator::B3, b3::SINGLE_FIELDS),
    ("b3multi", Propagator::B3Multi, b3::MULTI_FIELDS),
    ("jaeger", Propagator::Jaeger, jaeger::FIELDS),
    ("xray", Propagator::XRay, xray::FIELDS),
];

impl Propagator {
    /// Its name in `OTEL_PROPAGATORS`.
    pub fn name(self) -> &'static str {
        ALL[self as usize].0
    }

    /// The headers that it may write, in lower case. Jaeger's baggage has names of its own besides: `uberctx-` and the key.
    pub fn fields(self) -> &'static [&'static str] {
        ALL[self as usize].2
    }

    /// The headers that any format may write.
    #[cfg(any(feature = "kafka", feature = "opentelemetry"))]
    pub(crate) fn all_fields() -> impl Iterator<Item = &'static str> {
        ALL.iter().flat_map(|(_, _, fields)| fields.iter().copied())
    }

    /// Writes a context into a carrier; without a valid span, at most its baggage.
    #[inline]
    pub fn inject(self, context: &Context, carrier: &mut impl Injector) {
        let valid = Some(&context.span).filter(|span| span.is_valid());
        let baggage = context.baggage.as_deref().filter(|baggage| !baggage.is_empty());
        match (self, valid) {
            (Self::TraceContext, Some(span)) => w3c::inject_span(span, context.trace_state.as_deref(), carrier),
            (Self::B3, Some(span)) => b3::inject_single(span, carrier),
            (Self::B3Multi, Some(span)) => b3::inject_multi(span, carrier),
            (Self::Jaeger, Some(span)) => jaeger::inject_span(span, carrier),
            (Self::XRay, Some(span)) => xray::inject(span, carrier),
            (_, None) | (Self::Baggage, _) => {}
        }
        match (self, baggage) {
            (Self::Baggage, Some(baggage)) => w3c::inject_baggage(baggage, carrier),
            (Self::Jaeger, Some(baggage)) => jaeger::inject_baggage(baggage, carrier),
            _ => {}
        }
    }

    /// Reads a carrier into a context: a valid span replaces the one there, pairs of baggage are added to those there, what is
    /// missing or malformed changes nothing.
    #[inline]
    pub fn extract(self, carrier: &impl Extractor, context: &mut Context) {
        let span = match self {
            Self::TraceContext => w3c::extract_span(carrier),
            Self::B3 | Self::B3Multi => b3::extract(carrier).map(|span| (span, None)),
            Self::Jaeger => jaeger::extract_span(carrier).map(|span| (span, None)),
            Self::XRay => xray::extract(carrier).map(|span| (span, None)),
            Self::Baggage => None,
        };
        if let Some((span, trace_state)) = span {
            context.span = span;
            context.trace_state = trace_state;
        }
        match self {
            Self::Baggage => {
                if let Some(baggage) = w3c::extract_baggage(carrier) {
                    add_baggage(context, baggage);
                }
            }
            Self::Jaeger => add_baggage(context, jaeger::extract_baggage(carrier)),
            _ => {}
        }
    }
}

fn add_baggage(context: &mut Context, read: Baggage) {
    if read.is_empty() {
        return;
    }
    match &mut context.baggage {
        None => context.baggage = Some(Arc::new(read)),
        Some(baggage) => {
            let baggage = Arc::make_mut(baggage);
            for (key, value, metadata) in read.iter_with_metadata() {
                baggage.set_with_metadata(key, value, metadata);
            }
        }
    }
}

/// Formats in order, each once: four bits each in one number, the first in the lowest, zero after the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Propagators(u64);

const BITS: u32 = 4;
const _: () = assert!(ALL.len() < 1 << BITS);

impl Propagators {
    /// `tracecontext,baggage`, as the specification has it.
    pub(crate) const DEFAULT: Self =
        Self((Propagator::TraceContext as u64 + 1) | (Propagator::Baggage as u64 + 1) << BITS);

    /// What `OTEL_PROPAGATORS` may hold, for messages.
    pub(crate) const ALLOWED: &str =
        "must be none, or some of tracecontext, baggage, b3, b3multi, jaeger and xray, separated by commas";

    /// The value of `OTEL_PROPAGATORS`; `None` when a name is unknown.
    pub(crate) fn from_names(names: &str) -> Option<Self> {
        if names.trim() == "none" {
            return Some(Self(0));
        }
        let by_name =
            |name: &str| ALL.iter().find(|(known, ..)| *known == name.trim()).map(|(_, propagator, _)| *propagator);
        names.split(',').map(by_name).collect()
    }

    pub(super) const fn to_bits(self) -> u64 {
        self.0
    }

    pub(super) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    #[inline]
    fn iter(self) -> impl Iterator<Item = Propagator> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let number = rest & ((1 << BITS) - 1);
            rest >>= BITS;
            Some(ALL.get((number as usize).checked_sub(1)?)?.1)
        })
    }

    pub(super) fn inject(self, context: &Context, carrier: &mut impl Injector) {
        // Which the usual two are is known where this is compiled.
        if self == Self::DEFAULT {
            Propagator::TraceContext.inject(context, carrier);
            return Propagator::Baggage.inject(context, carrier);
        }
        self.iter().for_each(|propagator| propagator.inject(context, carrier));
    }

    pub(super) fn extract(self, carrier: &impl Extractor) -> Context {
        let mut context = Context::default();
        if self == Self::DEFAULT {
            Propagator::TraceContext.extract(carrier, &mut context);
            Propagator::Baggage.extract(carrier, &mut context);
        } else {
            self.iter().for_each(|propagator| propagator.extract(carrier, &mut context));
        }
        context
    }
}

impl FromIterator<Propagator> for Propagators {
    fn from_iter<I: IntoIterator<Item = Propagator>>(propagators: I) -> Self {
        let mut list = Self(0);
        let mut place = 0;
        for propagator in propagators {
            if !list.iter().any(|earlier| earlier == propagator) {
                list.0 |= (propagator as u64 + 1) << (place * BITS);
                place += 1;
            }
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::context::{SpanContext, SpanId, TraceFlags, TraceId};

    const TRACEPARENT: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    const B3: (&str, &str) = ("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-0");

    fn headers(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn every_propagator() -> impl Strategy<Value = Propagator> {
        prop::sample::select(ALL.map(|(_, propagator, _)| propagator).to_vec())
    }

    #[test]
    fn each_place_in_the_table_is_its_formats_number() {
        for (place, (name, propagator, _)) in ALL.into_iter().enumerate() {
            assert_eq!((propagator as usize, propagator.name()), (place, name));
            assert_eq!(Propagators::from_names(name), Some(Propagators::from_iter([propagator])));
        }
    }

    #[test]
    fn a_list_keeps_its_order_and_each_name_once() {
        let list = Propagators::from_names("xray, b3,xray ,tracecontext").unwrap();
        let expected = [Propagator::XRay, Propagator::B3, Propagator::TraceContext];
        assert!(list.iter().eq(expected));
        assert_eq!(Propagators::from_names("tracecontext,baggage"), Some(Propagators::DEFAULT));
        assert_eq!(Propagators::from_names("none").unwrap().iter().count(), 0);
        for unknown in ["ottrace", "b3,", "none,b3", "B3"] {
            assert_eq!(Propagators::from_names(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn of_two_valid_contexts_the_later_wins_and_a_malformed_one_does_not_count() {
        let both = headers(&[TRACEPARENT, ("tracestate", "a=1"), B3]);
        let extract = |names, headers| Propagators::from_names(names).unwrap().extract(headers);
        let context = extract("tracecontext,b3", &both);
        assert_eq!(context.span.span_id.to_string(), "e457b5a2e4d86bd1");
        assert_eq!(context.trace_state, None, "the state belongs to the span that lost");
        let context = extract("b3,tracecontext", &both);
        assert_eq!(context.span.span_id.to_string(), "00f067aa0ba902b7");
        assert_eq!(context.trace_state.as_deref(), Some("a=1"));
        let malformed = headers(&[TRACEPARENT, ("b3", "not-b3")]);
        assert_eq!(extract("tracecontext,b3", &malformed).span.span_id.to_string(), "00f067aa0ba902b7");
        assert!(!extract("none", &both).span.is_valid());
    }

    #[test]
    fn every_format_of_a_list_is_written() {
        let context = Context { span: b3::extract(&headers(&[B3])).unwrap(), ..Context::default() };
        let mut out = HashMap::new();
        Propagators::from_names("tracecontext,baggage,b3,b3multi,jaeger,xray").unwrap().inject(&context, &mut out);
        let mut names: Vec<_> = out.keys().map(String::as_str).collect();
        names.sort_unstable();
        let expected =
            ["b3", "traceparent", "uber-trace-id", "x-amzn-trace-id", "x-b3-sampled", "x-b3-spanid", "x-b3-traceid"];
        assert_eq!(names, expected);
    }

    #[test]
    fn baggage_of_two_formats_is_joined() {
        let carrier = headers(&[("baggage", "a=1,b=2"), ("uberctx-b", "3"), ("uberctx-c", "4")]);
        let baggage = Propagators::from_names("baggage,jaeger").unwrap().extract(&carrier).baggage.unwrap();
        assert!(baggage.iter().eq([("a", "1"), ("b", "3"), ("c", "4")]));
        let carrier = headers(&[("baggage", "a=1;ttl=30"), ("uberctx-b", "2")]);
        let baggage = Propagators::from_names("jaeger,baggage").unwrap().extract(&carrier).baggage.unwrap();
        assert!(baggage.iter_with_metadata().eq([("a", "1", "ttl=30"), ("b", "2", "")]));
    }

    #[test]
    fn a_context_without_a_span_writes_no_span() {
        for (name, propagator, _) in ALL {
            let mut out = HashMap::new();
            propagator.inject(&Context::default(), &mut out);
            assert!(out.is_empty(), "{name}");
        }
    }

    #[test]
    fn a_format_writes_the_headers_that_it_names_and_no_others() {
        let mut baggage = Baggage::default();
        baggage.set("tenant", "acme");
        let span = |flags| SpanContext { trace_id: TraceId([1; 16]), span_id: SpanId([2; 8]), flags, remote: false };
        for (name, propagator, fields) in ALL {
            let mut written = HashMap::new();
            for flags in [TraceFlags::NONE, TraceFlags::SAMPLED, TraceFlags::UNDECIDED, TraceFlags::DEBUG] {
                let context = Context { span: span(flags), trace_state: Some("a=1".into()), ..Context::default() };
                propagator.inject(&context.with_baggage(baggage.clone()), &mut written);
            }
            let own = |name: &&str| *name != "uberctx-tenant";
            let mut written: Vec<&str> = written.keys().map(String::as_str).filter(own).collect();
            let mut fields = fields.to_vec();
            written.sort_unstable();
            fields.sort_unstable();
            assert_eq!(written, fields, "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_span_is_the_same_after_the_way_through_any_format(
            propagator in every_propagator(), trace_id in 1u128.., span_id in 1u64.., sampled: bool
        ) {
            prop_assume!(propagator != Propagator::Baggage);
            let trace_id = TraceId(trace_id.to_be_bytes());
            let flags = TraceFlags::sampled_if(sampled);
            let span = SpanContext { trace_id, span_id: SpanId(span_id.to_be_bytes()), flags, remote: true };
            let mut map = HashMap::new();
            let mut http = http::HeaderMap::new();
            let context = Context { span, ..Context::default() };
            propagator.inject(&context, &mut map);
            propagator.inject(&context, &mut http);
            let (mut from_map, mut from_http) = (Context::default(), Context::default());
            propagator.extract(&map, &mut from_map);
            propagator.extract(&http, &mut from_http);
            prop_assert_eq!(from_map.span, span);
            prop_assert_eq!(from_http.span, span);
        }

        #[test]
        fn any_headers_are_read_without_a_panic_and_never_as_an_invalid_span(
            propagator in every_propagator(),
            value in prop_oneof![".{0,80}", "[0-9a-f:;=?dRootParentSampled-]{0,80}", "[0-9a-f]{1,33}(-|:)[0-9a-f]{1,17}(-|:).{0,9}"],
            name in "(uberctx-)?.{0,9}",
        ) {
            let known = ["traceparent", "tracestate", "baggage", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled",
                "x-b3-flags", "uber-trace-id", "x-amzn-trace-id"];
            let mut carrier: Vec<_> = known.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
            carrier.push((name, value));
            let mut context = Context::default();
            propagator.extract(&carrier, &mut context);
            prop_assert!(context.span == SpanContext::default() || context.span.is_valid());
        }
    }
}
