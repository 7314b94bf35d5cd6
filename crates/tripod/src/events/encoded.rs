//! An event in bytes, on its way from the thread that records it: fixed fields, then texts, each cut to a bound.
//!
//! Native numbers, as they never leave the process. An event without a span takes 24 bytes and its texts.

use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::event::{Event, EventKind};
use crate::Value;
use crate::context::{SpanContext, SpanId, TraceFlags, TraceId};
use crate::logs::redact;

/// Bytes of a name, a provider, an operation or a label's key, at most.
pub(super) const MAX_NAME: usize = 128;
/// Bytes of a failure's message, or of a metric's labels, at most.
pub(super) const MAX_TEXT: usize = 512;

const FIXED: usize = 24;
const SPAN: usize = 24;

/// What an event is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Encoded<'a> {
    pub(super) kind: EventKind,
    /// When it was recorded: [`crate::clock::stamp`].
    pub(super) stamp: u64,
    pub(super) value: f64,
    /// During which it was recorded; that of another process counts as one of this.
    pub(super) span: Option<SpanContext>,
    /// An operation, an error's type, a metric's name: what windows tell apart.
    pub(super) name: &'a str,
    pub(super) provider: &'a str,
    /// Of a failure.
    pub(super) operation: &'a str,
    /// A failure's message; a metric's labels, see [`labels`].
    pub(super) text: &'a [u8],
    /// Whether any of it was cut.
    pub(super) cut: bool,
}

impl<'a> Encoded<'a> {
    /// The event's texts as they are, and what has to be formatted in `text`.
    pub(super) fn of(event: &Event<'a>, stamp: u64, span: Option<SpanContext>, text: &'a mut Text) -> Self {
        let kind = event.kind();
        let (name, provider, operation, value) = match event {
            Event::Performance(of) => (of.operation, of.provider, "", of.duration.as_secs_f64()),
            Event::Failure(of) => {
                text.show(&of.message);
                (of.error_type, of.provider, of.operation, 0.0)
            }
            Event::Metric(of) => {
                of.labels.iter().for_each(|(key, value)| text.label(key, value));
                (of.name, "", "", of.value)
            }
        };
        let mut cut = text.cut;
        let [name, provider, operation] = [name, provider, operation].map(|text| {
            cut |= text.len() > MAX_NAME;
            &text[..text.floor_char_boundary(MAX_NAME)]
        });
        Self { kind, stamp, value, span, name, provider, operation, text: &text.bytes[..text.len], cut }
    }

    /// Bytes that [`Encoded::write`] takes.
    #[inline]
    pub(super) fn len(&self) -> usize {
        let span = if self.span.is_some() { SPAN } else { 0 };
        FIXED + span + self.name.len() + self.provider.len() + self.operation.len() + self.text.len()
    }

    #[inline]
    pub(super) fn write(&self, out: &mut [u8]) {
        out[..8].copy_from_slice(&self.stamp.to_ne_bytes());
        out[8..16].copy_from_slice(&self.value.to_ne_bytes());
        out[16] = self.kind as u8;
        out[17] = u8::from(self.span.is_some()) | u8::from(self.cut) << 1;
        // At most `MAX_NAME` and `MAX_TEXT`, which fit.
        (out[18], out[19], out[20]) = (self.name.len() as u8, self.provider.len() as u8, self.operation.len() as u8);
        out[21] = self.span.map_or(0, |span| span.flags.to_w3c());
        out[22..FIXED].copy_from_slice(&(self.text.len() as u16).to_ne_bytes());
        let mut rest = &mut out[FIXED..];
        let mut put = |bytes: &[u8]| {
            let (here, after) = std::mem::take(&mut rest).split_at_mut(bytes.len());
            here.copy_from_slice(bytes);
            rest = after;
        };
        if let Some(span) = &self.span {
            put(&span.trace_id.0);
            put(&span.span_id.0);
        }
        for text in [self.name.as_bytes(), self.provider.as_bytes(), self.operation.as_bytes(), self.text] {
            put(text);
        }
    }

    /// What [`Encoded::write`] has written; `None` of anything else.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (fixed, mut rest) = bytes.split_first_chunk::<FIXED>()?;
        let [stamp, value] = [0, 8].map(|at| fixed[at..at + 8].try_into().map(u64::from_ne_bytes).unwrap_or_default());
        let kind = *EventKind::ALL.get(usize::from(fixed[16]))?;
        let span = if fixed[17] & 1 == 1 {
            let (trace_id, after) = rest.split_first_chunk::<16>()?;
            let (span_id, after) = after.split_first_chunk::<8>()?;
            rest = after;
            let (trace_id, span_id, flags) = (TraceId(*trace_id), SpanId(*span_id), TraceFlags::from_w3c(fixed[21]));
            Some(SpanContext { trace_id, span_id, flags, remote: false })
        } else {
            None
        };
        let mut take = |len: usize| {
            let (text, after) = rest.split_at_checked(len)?;
            rest = after;
            Some(text)
        };
        let [name, provider, operation] = [take(fixed[18].into())?, take(fixed[19].into())?, take(fixed[20].into())?];
        let [name, provider, operation] = [name, provider, operation].map(|text| std::str::from_utf8(text).ok());
        let text = take(u16::from_ne_bytes([fixed[22], fixed[23]]).into())?;
        Some(Self {
            kind,
            stamp,
            value: f64::from_bits(value),
            span,
            name: name?,
            provider: provider?,
            operation: operation?,
            text,
            cut: fixed[17] & 2 != 0,
        })
    }

    /// The message of a failure.
    pub(super) fn message(&self) -> &'a str {
        std::str::from_utf8(self.text).unwrap_or_default()
    }

    /// The labels of a metric.
    pub(super) fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut rest = self.text;
        let mut take = move || {
            let (len, after) = rest.split_first_chunk::<2>()?;
            let (text, after) = after.split_at_checked(u16::from_ne_bytes(*len).into())?;
            rest = after;
            std::str::from_utf8(text).ok()
        };
        std::iter::from_fn(move || Some((take()?, take()?)))
    }
}

/// Text that is formatted before there is room for it elsewhere.
pub(super) struct Text {
    bytes: [u8; MAX_TEXT],
    len: usize,
    cut: bool,
}

impl Text {
    #[inline]
    pub(super) fn new() -> Self {
        Self { bytes: [0; MAX_TEXT], len: 0, cut: false }
    }

    /// Adds what something shows. The user's code: if it panics, what it had shown by then stands.
    fn show(&mut self, what: &dyn fmt::Display) {
        let _ = catch_unwind(AssertUnwindSafe(|| write!(self, "{what}")));
    }

    /// A key and a value, each behind its length; not there at all without room for the lengths and the key.
    fn label(&mut self, key: &str, value: &Value<'_>) {
        let key = &key[..key.floor_char_boundary(MAX_NAME)];
        if self.cut || self.len + 4 + key.len() > MAX_TEXT {
            self.cut = true;
            return;
        }
        self.behind_its_length(|text| {
            let _ = text.write_str(key);
        });
        self.behind_its_length(|text| match value {
            _ if redact::is_secret(key) => {
                let _ = text.write_str(redact::REDACTED);
            }
            Value::Str(value) => {
                let _ = text.write_str(value);
            }
            value => text.show(value),
        });
    }

    fn behind_its_length(&mut self, write: impl FnOnce(&mut Self)) {
        let at = self.len;
        self.len += 2;
        write(self);
        let len = (self.len - at - 2) as u16;
        self.bytes[at..at + 2].copy_from_slice(&len.to_ne_bytes());
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fits = text.floor_char_boundary(MAX_TEXT - self.len);
        self.bytes[self.len..self.len + fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.len += fits;
        self.cut |= fits < text.len();
        // What follows would stand behind a gap.
        if self.cut { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::event::{Failure, Metric, Performance};
    use super::*;

    fn through_bytes(event: &Event<'_>, span: Option<SpanContext>, check: impl FnOnce(Encoded<'_>)) {
        let mut text = Text::new();
        let encoded = Encoded::of(event, 7, span, &mut text);
        let mut bytes = vec![0; encoded.len()];
        encoded.write(&mut bytes);
        let read = Encoded::read(&bytes).unwrap();
        assert_eq!(read, encoded);
        check(read);
        assert!((0..bytes.len()).all(|len| Encoded::read(&bytes[..len]).is_none()), "no part of it is an event");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(name in ".{0,200}", provider in ".{0,200}", message in ".{0,700}", value in any::<i64>()) {
            let (trace_id, span_id, flags) = (TraceId([1; 16]), SpanId([2; 8]), TraceFlags::SAMPLED);
            let span = Some(SpanContext { trace_id, span_id, flags, remote: false });
            let failure = Failure { error_type: &name, message: &message, provider: &provider, operation: "fetch" };
            through_bytes(&failure.into(), span, |read| {
                assert!(name.starts_with(read.name) && provider.starts_with(read.provider));
                assert!(message.starts_with(read.message()));
                assert_eq!(read.cut, name.len() > MAX_NAME || provider.len() > MAX_NAME || message.len() > MAX_TEXT);
            });
            let labels = [("host", Value::Str(&name)), ("cpu", Value::Int(value))];
            through_bytes(&Metric { name: "load", value: 0.5, labels: &labels }.into(), None, |read| {
                let labels: Vec<_> = read.labels().collect();
                if read.cut {
                    assert!(name.starts_with(labels[0].1));
                } else {
                    assert_eq!(labels, [("host", &*name), ("cpu", &*value.to_string())]);
                }
            });
        }
    }

    #[test]
    fn a_message_that_panics_is_short_and_a_secret_label_is_not_kept() {
        struct Panics;
        impl fmt::Display for Panics {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("so far")?;
                panic!("shown")
            }
        }
        let failure = Failure { error_type: "Odd", message: &Panics, provider: "p", operation: "o" };
        through_bytes(&failure.into(), None, |read| assert_eq!(read.message(), "so far"));
        let performance = Performance { operation: "fetch", provider: "p", ..Performance::default() };
        through_bytes(&performance.into(), None, |read| assert_eq!(read.len(), FIXED + 6));
    }
}
