//! The bound on request bodies held at once. A [`Lease`] is a request's share; it grows as bytes arrive or are decompressed, and is
//! given back when the request is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::refusal::Refusal;

/// How many bytes are held, and how many may be.
#[derive(Debug)]
pub(crate) struct InFlight {
    used: AtomicUsize,
    limit: usize,
}

impl InFlight {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), limit })
    }

    /// Bytes held now.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn lease(self: &Arc<Self>) -> Lease {
        Lease { of: Arc::clone(self), bytes: 0 }
    }
}

/// A request's share of the bytes in flight.
#[derive(Debug)]
pub(crate) struct Lease {
    of: Arc<InFlight>,
    bytes: usize,
}

impl Lease {
    /// Takes `more` bytes, or refuses when that is more than there may be.
    pub(crate) fn grow(&mut self, more: usize) -> Result<(), Refusal> {
        let limit = self.of.limit;
        let fits = |used: usize| used.checked_add(more).filter(|sum| *sum <= limit);
        match self.of.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => {
                self.bytes += more;
                Ok(())
            }
            Err(used) => Err(Refusal::overloaded(format!(
                "{used} bytes of requests are being worked on, the limit is {limit}: try again in a second"
            ))),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.of.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_refused_beyond_the_limit_and_given_back_when_dropped() {
        let in_flight = InFlight::new(100);
        let mut first = in_flight.lease();
        first.grow(60).unwrap();
        let mut second = in_flight.lease();
        assert!(second.grow(41).is_err());
        second.grow(40).unwrap();
        drop(first);
        assert_eq!(in_flight.used(), 40);
        second.grow(60).unwrap();
    }
}
