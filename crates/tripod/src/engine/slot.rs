//! Which engine is the one of this process: none, one that runs, or after a fork none yet.
//!
//! A session is what a [`crate::Guard`] stands for: it begins when telemetry is started and ends when it is stopped, and a forked
//! child has the session of its parent, with an engine of its own. The lock is held only to look and to change; nothing is started,
//! stopped or asked under it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Engine, GENERATION, LOG_SEVERITY, TRACES_ON, exit, panic, role};
use crate::config::Config;
#[cfg(feature = "prometheus-server")]
use crate::config::Destination;
use crate::pipeline::{Lent, Output, OutputOptions};
use crate::stats::Stats;
use crate::sync::{RwLock, fork};
use crate::{Error, export, logs, metrics, say};

/// What an engine is made from, and made from again in a forked child.
pub(super) struct Origin {
    pub(super) config: Config,
    /// The user's exporters; those built in are made anew from the settings.
    pub(super) given: Vec<(Lent, OutputOptions)>,
    session: u64,
    /// [`fork::count`] when it began.
    forks: u32,
}

impl Origin {
    /// All exporters, and how they are served, for the outlets of a new engine.
    pub(super) fn outputs(&self) -> Result<Vec<Output>, Error> {
        let built_in = export::built_in(&self.config, !self.given.is_empty())?;
        let given = self.given.iter().filter_map(|(exporter, options)| {
            Some(Output { exporter: Box::new(self.ready(exporter)?), options: options.clone() })
        });
        Ok(given.chain(built_in).collect())
    }

    /// The one that Prometheus asks, if metrics go there.
    #[cfg(feature = "prometheus-server")]
    pub(super) fn server(&self) -> Result<Option<export::PrometheusServer>, Error> {
        let is_wanted = self.config.metrics && !self.config.signals_to(Destination::Prometheus).is_empty();
        let in_child = self.forks != fork::count();
        is_wanted.then(|| export::PrometheusServer::start(&self.config.prometheus, in_child)).transpose()
    }

    fn ready(&self, exporter: &Lent) -> Option<Lent> {
        if self.forks == fork::count() {
            return Some(exporter.clone());
        }
        let ready = exporter.in_child();
        if ready.is_none() {
            let (name, process) = (exporter.name(), std::process::id());
            say::say(format_args!("{name}: was sending as process {process} was forked, so that one goes without it"));
        }
        ready
    }
}

#[derive(Clone)]
struct Running {
    engine: Arc<Engine>,
    origin: Arc<Origin>,
}

enum Slot {
    Empty,
    /// Somebody is making an engine.
    Starting,
    Running(Running),
    Stopping(Running),
    /// The engine was the parent's; ours is made when there is something to record.
    Inherited(Arc<Origin>),
}

static SLOT: RwLock<Slot> = RwLock::new(Slot::Empty);

/// The engine that runs, if one does. In a forked child it is started now.
pub(crate) fn running() -> Option<Arc<Engine>> {
    if crate::OFF {
        return None;
    }
    match &*SLOT.read() {
        Slot::Running(running) => return Some(Arc::clone(&running.engine)),
        Slot::Inherited(_) => {}
        _ => return None,
    }
    revive()
}

/// The engine that runs, if one does; in a forked child only once something was recorded.
pub(super) fn running_already() -> Option<Arc<Engine>> {
    if let Slot::Running(running) = &*SLOT.read() { Some(Arc::clone(&running.engine)) } else { None }
}

/// Starts telemetry for this process; answers the number of its session.
pub(crate) fn start(config: Config, outputs: Vec<Output>) -> Result<u64, Error> {
    static SESSIONS: AtomicU64 = AtomicU64::new(0);
    {
        let mut slot = SLOT.write();
        match *slot {
            Slot::Empty | Slot::Inherited(_) => *slot = Slot::Starting,
            _ => return Err(Error::AlreadyStarted),
        }
    }
    let starting = Starting;
    metrics::ready();
    fork::handle();
    exit::handle();
    panic::install_hook();
    let given = outputs.into_iter().map(|output| (Lent::new(output.exporter), output.options)).collect();
    let session = SESSIONS.fetch_add(1, Ordering::Relaxed);
    let origin = Arc::new(Origin { config, given, session, forks: fork::count() });
    starting.done(Running { engine: Engine::make(&origin)?, origin });
    Ok(session)
}

/// The slot while an engine is made; empty again if that fails.
struct Starting;

impl Starting {
    fn done(self, running: Running) {
        std::mem::forget(self);
        let config = running.origin.config.clone();
        *SLOT.write() = Slot::Running(running);
        config.limits.put_in_force();
        crate::clock::calibrate();
        config.redact.put_in_force();
        config.exemplars.put_in_force();
        logs::configure(config.log_rate_limit, config.log_location);
        metrics::enable(config.metrics);
        config.notices.iter().for_each(|notice| metrics::say_once(notice));
        metrics::set_views(config.views);
        GENERATION.change();
        TRACES_ON.store(config.traces, Ordering::Relaxed);
        LOG_SEVERITY.store(if config.logs { config.log_level as u32 } else { u32::MAX }, Ordering::Relaxed);
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        *SLOT.write() = Slot::Empty;
        switch_off();
    }
}

/// Nothing is recorded from now on.
fn switch_off() {
    // As before the start: numbers are kept for whoever starts next.
    metrics::enable(true);
    TRACES_ON.store(false, Ordering::Relaxed);
    LOG_SEVERITY.store(u32::MAX, Ordering::Relaxed);
    GENERATION.change();
}

/// The engine of a session, if it runs.
fn engine_of(session: u64) -> Option<Arc<Engine>> {
    match &*SLOT.read() {
        Slot::Running(running) | Slot::Stopping(running) if running.origin.session == session => {
            Some(Arc::clone(&running.engine))
        }
        _ => None,
    }
}

/// Sends what has been recorded so far. Answers whether all of it was delivered in time.
pub(crate) fn flush(session: u64, within: Duration) -> bool {
    engine_of(session).is_none_or(|engine| engine.flush(deadline(within)))
}

/// Where Prometheus may ask.
#[cfg(feature = "prometheus-server")]
pub(crate) fn prometheus_address(session: u64) -> Option<std::net::SocketAddr> {
    engine_of(session)?.prometheus_address()
}

pub(crate) fn stats(session: u64) -> Stats {
    engine_of(session).map(|engine| engine.stats()).unwrap_or_default()
}

/// Stops: no record is taken from now on, what was recorded is sent, the threads end. Bounded by the deadline: what a
/// destination has not taken by then is lost, and counted. Answers whether nothing was. Who comes second waits for the first.
pub(crate) fn stop(session: u64, within: Duration) -> bool {
    let deadline = deadline(within);
    let mut slot = SLOT.write();
    let running = match &*slot {
        Slot::Running(running) if running.origin.session == session => running.clone(),
        Slot::Stopping(running) if running.origin.session == session => {
            let engine = Arc::clone(&running.engine);
            drop(slot);
            return !role::is_own() && engine.stopped.wait(deadline);
        }
        Slot::Inherited(origin) if origin.session == session => {
            *slot = Slot::Empty;
            drop(slot);
            switch_off();
            return true;
        }
        _ => return true,
    };
    *slot = Slot::Stopping(running.clone());
    drop(slot);
    switch_off();
    let stopping = Stopping(&running.engine);
    let delivered = running.engine.shut_down(deadline);
    running.engine.stopped.set(delivered);
    drop(stopping);
    delivered
}

/// The slot while an engine is stopped; empty when that is over, however it ends.
struct Stopping<'a>(&'a Arc<Engine>);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        let mut slot = SLOT.write();
        if matches!(&*slot, Slot::Stopping(running) if Arc::ptr_eq(&running.engine, self.0)) {
            *slot = Slot::Empty;
        }
    }
}

/// The session that has an engine, and how long stopping it may take.
fn session_now() -> Option<(u64, Duration)> {
    match &*SLOT.read() {
        Slot::Running(Running { origin, .. }) | Slot::Stopping(Running { origin, .. }) => {
            Some((origin.session, origin.config.shutdown_timeout))
        }
        _ => None,
    }
}

/// The process ends: what was recorded is sent, as long as stopping may take.
pub(super) fn stop_at_exit() {
    if let Some((session, within)) = session_now() {
        stop(session, within);
    }
}

/// The process is about to be aborted: what was recorded is sent, as long as stopping may take.
pub(super) fn flush_at_abort() {
    if let Some((session, within)) = session_now() {
        flush(session, within);
    }
}

/// When a time that begins now is over. A time beyond what the clock holds is as good as a year.
pub(crate) fn deadline(within: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(within).unwrap_or_else(|| now + Duration::from_secs(365 * 24 * 3600))
}

/// The first record after a fork: the child's own engine.
#[cold]
fn revive() -> Option<Arc<Engine>> {
    let origin = {
        let mut slot = SLOT.write();
        match std::mem::replace(&mut *slot, Slot::Starting) {
            Slot::Inherited(origin) => origin,
            // Another thread was faster.
            other => {
                let engine = if let Slot::Running(running) = &other { Some(Arc::clone(&running.engine)) } else { None };
                *slot = other;
                return engine;
            }
        }
    };
    let starting = Starting;
    match Engine::make(&origin) {
        Ok(engine) => {
            starting.done(Running { engine: Arc::clone(&engine), origin });
            Some(engine)
        }
        Err(error) => {
            say::say(format_args!("no telemetry in process {}, which was forked: {error}", std::process::id()));
            None
        }
    }
}

/// The exporters of the user's, held by the thread that forks so that the child finds them between two batches.
#[cfg_attr(any(not(unix), miri, loom), allow(dead_code))]
pub(crate) struct ForkHold {
    /// Before what it borrows from.
    _exporters: Vec<crate::pipeline::LentGuard<'static>>,
    _origin: Arc<Origin>,
}

/// Called in the thread that forks, before it does.
#[cfg_attr(any(not(unix), miri, loom), allow(dead_code))]
pub(crate) fn before_fork() -> Option<ForkHold> {
    let origin = match &*SLOT.read() {
        Slot::Running(Running { origin, .. }) | Slot::Inherited(origin) => Arc::clone(origin),
        _ => return None,
    };
    let until = deadline(Lent::LONGEST_WAIT);
    let guards = origin.given.iter().filter_map(|(exporter, _)| exporter.hold(until)).map(|guard| {
        // SAFETY: what the guard borrows is kept alive by the `Arc` beside it, which is dropped after it.
        unsafe { std::mem::transmute::<crate::pipeline::LentGuard<'_>, crate::pipeline::LentGuard<'static>>(guard) }
    });
    Some(ForkHold { _exporters: guards.collect(), _origin: Arc::clone(&origin) })
}

/// Called in the child: what was inherited is the parent's. Neither allocates nor frees.
#[cfg_attr(any(not(unix), miri, loom), allow(dead_code))]
pub(crate) fn after_fork() {
    let mut slot = SLOT.write();
    let inherited = match std::mem::replace(&mut *slot, Slot::Empty) {
        Slot::Running(Running { engine, origin }) => {
            // Its locks may be held by threads that are not here, so nothing of it may be touched, nor dropped.
            std::mem::forget(engine);
            Slot::Inherited(origin)
        }
        Slot::Stopping(running) => {
            std::mem::forget(running);
            Slot::Empty
        }
        Slot::Inherited(origin) => Slot::Inherited(origin),
        Slot::Starting | Slot::Empty => Slot::Empty,
    };
    let is_off = matches!(inherited, Slot::Empty);
    *slot = inherited;
    drop(slot);
    if is_off {
        switch_off();
    } else {
        GENERATION.change();
    }
}
