//! Errors, and the circuit breakers that keep away from them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::set::metric_set;
use crate::labels;

metric_set! {
    /// The metrics of errors and circuit breakers.
    "error" {
        errors: Counter = "errors_total" [component, error_type] "" "Errors";
        breaker_state: Gauge = "circuit_breaker_state" [breaker] "" "State of a circuit breaker: 0 closed, 1 half open, 2 open";
        breaker_trips: Counter = "circuit_breaker_trips_total" [breaker] "" "How often a circuit breaker opened";
    }
}

/// The errors of a component.
///
/// ```
/// tripod::catalog::error::Errors::new("checkout").error("timeout");
/// ```
#[derive(Clone)]
pub struct Errors {
    component: Arc<str>,
    metrics: &'static Metrics,
}

impl Errors {
    /// The errors of the component of this name.
    pub fn new(component: impl Into<Arc<str>>) -> Self {
        Self { component: component.into(), metrics: Metrics::get() }
    }

    /// One occurred. Keep the number of types small: `timeout`, not the message.
    pub fn error(&self, error_type: &str) {
        self.metrics.errors.inc(labels!(component = *self.component, error_type));
    }
}

/// A circuit breaker, closed at first. Clones share its state.
///
/// ```
/// let breaker = tripod::catalog::error::CircuitBreaker::new("payments");
/// breaker.open();
/// breaker.half_open();
/// breaker.close();
/// ```
#[derive(Clone)]
pub struct CircuitBreaker {
    name: Arc<str>,
    state: Arc<AtomicU8>,
    metrics: &'static Metrics,
}

impl CircuitBreaker {
    const CLOSED: u8 = 0;
    const HALF_OPEN: u8 = 1;
    const OPEN: u8 = 2;

    /// The breaker of this name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        let breaker = Self { name: name.into(), state: Arc::new(AtomicU8::new(Self::CLOSED)), metrics: Metrics::get() };
        breaker.close();
        breaker
    }

    /// Calls go through.
    pub fn close(&self) {
        self.set(Self::CLOSED);
    }

    /// Calls are refused. It has tripped, unless it was open already.
    pub fn open(&self) {
        if self.set(Self::OPEN) != Self::OPEN {
            self.metrics.breaker_trips.inc(labels!(breaker = *self.name));
        }
    }

    /// Some calls go through, to see whether all may.
    pub fn half_open(&self) {
        self.set(Self::HALF_OPEN);
    }

    fn set(&self, state: u8) -> u8 {
        let before = self.state.swap(state, Ordering::Relaxed);
        self.metrics.breaker_state.set(f64::from(state), labels!(breaker = *self.name));
        before
    }
}
