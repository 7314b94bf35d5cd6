//! A service that owns its telemetry: the handle of its own spans, metrics and logs, a span for its start and one for its end, and routes
//! that say whether it lives, whether it is ready, and what it has counted.
//!
//! It costs nothing while nobody asks: a probe runs the checks, at most one run of each at a time.

mod check;
mod routes;

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub use check::Check;
pub use routes::{Liveness, Readiness, Routes};

use self::check::Registered;
use crate::{Builder, Context, Error, Guard, PrometheusService, Span, SpanKind, StatusCode, Telemetry};

/// A service with its telemetry; all that [`Telemetry`] can do it can.
///
/// ```no_run
/// use std::time::Duration;
/// use tripod::service::{Check, Service};
///
/// struct Checkout {
///     telemetry: Service,
/// }
///
/// impl Checkout {
///     fn charge(&self, amount: f64) {
///         let _span = self.telemetry.trace("charge");
///         self.telemetry.info("charging", tripod::labels!(amount));
///     }
/// }
///
/// # fn main() -> Result<(), tripod::Error> {
/// let telemetry = Service::start("checkout", "1.4.2", "production")?;
/// let pool = Pool; // connected meanwhile
/// telemetry.check(Check::new("database", move || pool.ping()).timeout(Duration::from_millis(500)));
/// let routes: axum::Router = axum::Router::new().fallback_service(telemetry.routes());
/// telemetry.ready();
///
/// let checkout = Checkout { telemetry };
/// checkout.charge(42.5);
/// // Once the server has stopped:
/// checkout.telemetry.shutdown();
/// # drop(routes);
/// # Ok(())
/// # }
/// # #[derive(Clone, Copy)]
/// # struct Pool;
/// # impl Pool {
/// #     async fn ping(self) -> Result<(), std::io::Error> {
/// #         Ok(())
/// #     }
/// # }
/// ```
///
/// Dropping it is the same as [`Service::shutdown`].
pub struct Service {
    shared: Arc<Shared>,
    startup: Mutex<Option<Span>>,
    shutdown: Mutex<Option<Span>>,
    /// None where someone else keeps it.
    guard: Option<Guard>,
}

/// What the service and its routes have in common.
struct Shared {
    name: String,
    telemetry: Telemetry,
    phase: AtomicU8,
    checks: RwLock<Vec<Arc<Registered>>>,
    /// Whether the last probe found all well.
    was_well: AtomicBool,
}

/// From construction to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    Starting,
    Ready,
    Stopping,
}

impl Service {
    /// Starts telemetry for a service, with the environment's settings for all else. Its start-up span begins.
    ///
    /// # Errors
    /// As [`Builder::start`].
    pub fn start(name: &str, version: &str, environment: &str) -> Result<Self, Error> {
        crate::init().service_version(version).environment(environment).start_service(name)
    }

    /// A service in a process whose telemetry someone else started, and will stop.
    pub fn of(name: &str) -> Self {
        let telemetry = crate::telemetry(name);
        let startup = telemetry.span("service startup").root().kind(SpanKind::INTERNAL).start();
        Self {
            shared: Arc::new(Shared {
                name: name.to_owned(),
                telemetry,
                phase: AtomicU8::new(Phase::Starting as u8),
                checks: RwLock::default(),
                was_well: true.into(),
            }),
            startup: Mutex::new(Some(startup)),
            shutdown: Mutex::new(None),
            guard: None,
        }
    }

    /// The context of the start-up span, for what the service does to become ready: `connect().in_context(service.starting())`. Empty once
    /// it is ready.
    pub fn starting(&self) -> Context {
        lock(&self.startup).as_ref().map(Span::to_context).unwrap_or_default()
    }

    /// Adds to what must be well for the service to be ready.
    pub fn check(&self, check: Check) {
        self.shared.checks.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(Registered::from(check)));
    }

    /// It takes requests from now on: the start-up span ends.
    pub fn ready(&self) {
        self.shared.advance(Phase::Starting, Phase::Ready);
        drop(lock(&self.startup).take());
    }

    /// It is no longer ready, and is about to stop: the shutdown span begins. Answers its context, for what is done until then.
    ///
    /// Call it before the server stops listening, and load balancers send the next requests elsewhere.
    pub fn stopping(&self) -> Context {
        if let Some(mut startup) = lock(&self.startup).take() {
            startup.set_attribute("error.type", "stopped");
            startup.set_status(StatusCode::ERROR, "it stopped before it was ready");
        }
        self.shared.phase.store(Phase::Stopping as u8, Ordering::Release);
        let mut shutdown = lock(&self.shutdown);
        shutdown.get_or_insert_with(|| self.span("service shutdown").root().start()).to_context()
    }

    /// Ends the shutdown span, sends what is left and stops telemetry, if it is this service's own; answers as [`Guard::shutdown`].
    pub fn shutdown(mut self) -> bool {
        self.end()
    }

    fn end(&mut self) -> bool {
        self.stopping();
        drop(lock(&self.shutdown).take());
        self.guard.take().is_none_or(Guard::shutdown)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The guard of its telemetry, where that is its own.
    pub fn guard(&self) -> Option<&Guard> {
        self.guard.as_ref()
    }

    /// Answers `/livez`, `/readyz` and `/metrics`, and everything else with 404: a tower service, for the fallback of a router or a
    /// listener of its own.
    pub fn routes(&self) -> Routes {
        Routes::new(self.liveness(), self.readiness())
    }

    /// Answers 200 for as long as the process can answer, whatever the path.
    pub fn liveness(&self) -> Liveness {
        Liveness(Arc::clone(&self.shared))
    }

    /// Answers 200 if the service is ready and all checks pass, else 503; what failed is said in JSON.
    pub fn readiness(&self) -> Readiness {
        Readiness(Arc::clone(&self.shared))
    }

    /// Answers with all metrics of the process.
    pub fn metrics(&self) -> PrometheusService {
        PrometheusService::default()
    }
}

impl Builder {
    /// Starts telemetry for a service of this name: [`Builder::start`], with a [`Service`] that keeps the guard.
    ///
    /// # Errors
    /// As [`Builder::start`].
    pub fn start_service(self, name: &str) -> Result<Service, Error> {
        let guard = self.service_name(name).start()?;
        let mut service = Service::of(name);
        service.guard = Some(guard);
        Ok(service)
    }
}

impl Deref for Service {
    type Target = Telemetry;

    fn deref(&self) -> &Telemetry {
        &self.shared.telemetry
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.shared.name)
            .field("phase", &self.shared.phase())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Stopping,
        }
    }

    /// A service that stops already does not become ready.
    fn advance(&self, from: Phase, to: Phase) {
        let _ = self.phase.compare_exchange(from as u8, to as u8, Ordering::AcqRel, Ordering::Acquire);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The guide's snippets, compiled.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../../../../docs/how-to/instrument/services.md")]
mod guide {}
