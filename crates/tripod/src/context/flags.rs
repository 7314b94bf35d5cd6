//! Flags of a trace: W3C's byte, and what the other formats can say besides.

use std::fmt;

/// What was decided about recording a trace, in one byte.
///
/// Its lower half is the byte of W3C's `traceparent`. Two more states come from B3, Jaeger and X-Ray: a caller may leave the
/// decision to this process ([`TraceFlags::UNDECIDED`]), or ask for the trace whatever the samplers think
/// ([`TraceFlags::DEBUG`]).
///
/// ```
/// use tripod::TraceFlags;
/// assert!(TraceFlags::DEBUG.is_sampled() && !TraceFlags::UNDECIDED.is_sampled());
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct TraceFlags(u8);

const SAMPLED: u8 = 0x01;
const RANDOM: u8 = 0x02;
const UNDECIDED: u8 = 0x10;
const DEBUG: u8 = 0x20;

impl TraceFlags {
    /// It is not recorded.
    pub const NONE: Self = Self(0);
    /// It is recorded.
    pub const SAMPLED: Self = Self(SAMPLED);
    /// Nobody has decided yet: the sampler of this process does.
    pub const UNDECIDED: Self = Self(UNDECIDED);
    /// Of a trace that begins here: the ids that are made here are random.
    pub(crate) const NEW: Self = Self(RANDOM);
    /// It is recorded whatever a sampler says that follows its caller.
    pub const DEBUG: Self = Self(DEBUG | SAMPLED);

    /// Recorded or not.
    #[inline]
    pub const fn sampled_if(sampled: bool) -> Self {
        Self(sampled as u8)
    }

    /// From the byte of W3C's `traceparent`; bits that are unknown are left out, as it asks.
    #[inline]
    pub const fn from_w3c(byte: u8) -> Self {
        Self(byte & (SAMPLED | RANDOM))
    }

    /// The byte of W3C's `traceparent`.
    #[inline]
    pub const fn to_w3c(self) -> u8 {
        self.0 & (SAMPLED | RANDOM)
    }

    /// Whether the trace is recorded.
    #[inline]
    pub const fn is_sampled(self) -> bool {
        self.0 & SAMPLED != 0
    }

    /// Whether the trace's id is known to be random in its last 56 bits (W3C Trace Context, level 2).
    #[inline]
    pub const fn is_random(self) -> bool {
        self.0 & RANDOM != 0
    }

    /// Whether the decision is still to be taken.
    #[inline]
    pub const fn is_undecided(self) -> bool {
        self.0 & UNDECIDED != 0
    }

    /// Whether the caller insists on the trace.
    #[inline]
    pub const fn is_debug(self) -> bool {
        self.0 & DEBUG != 0
    }

    /// What a span passes on to the spans below: what it knows of the trace, with this decision.
    #[inline]
    pub(crate) const fn decided(self, sampled: bool) -> Self {
        let insists = if sampled { self.0 & DEBUG } else { 0 };
        Self(self.0 & RANDOM | insists | sampled as u8)
    }
}

impl fmt::Debug for TraceFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decision = match *self {
            _ if self.is_debug() => "debug",
            _ if self.is_sampled() => "sampled",
            _ if self.is_undecided() => "undecided",
            _ => "not sampled",
        };
        write!(f, "{decision}{}", if self.is_random() { ", random" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_ends_the_open_state_and_keeps_what_else_is_known() {
        assert_eq!(TraceFlags::UNDECIDED.decided(true), TraceFlags::SAMPLED);
        assert_eq!(TraceFlags::UNDECIDED.decided(false), TraceFlags::NONE);
        assert_eq!(TraceFlags::DEBUG.decided(true), TraceFlags::DEBUG);
        assert_eq!(TraceFlags::DEBUG.decided(false), TraceFlags::NONE);
        assert!(TraceFlags::from_w3c(0x03).decided(false).is_random());
    }

    #[test]
    fn only_w3cs_bits_are_written_for_w3c() {
        assert_eq!(TraceFlags::from_w3c(0xff).to_w3c(), 0x03);
        assert_eq!((TraceFlags::DEBUG.to_w3c(), TraceFlags::UNDECIDED.to_w3c()), (0x01, 0x00));
    }
}
