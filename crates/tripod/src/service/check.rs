//! What must be well for a service to be ready: named checks, each with its time limit.
//!
//! Checks run on the tokio runtime that answers the probe, all at once, and record neither spans nor logs. However many probes come,
//! each check runs at most once at a time: those who ask meanwhile share the next run, and one that blocks for ever holds one thread.

use std::borrow::Cow;
use std::error::Error;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};
use tokio::time::timeout;

use crate::{Context, InSpanExt, suppress};

/// Within the second that Kubernetes waits for a probe, unless told otherwise.
const TIMEOUT: Duration = Duration::from_millis(800);

type Outcome = Result<(), String>;
type Asynchronous = dyn Fn() -> Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync;
type Blocking = dyn Fn() -> Outcome + Send + Sync;

/// Something that a service needs, and how to find out whether it is there.
///
/// ```
/// # use tripod::service::Check;
/// let disk = Check::blocking("disk", || std::fs::metadata("/var/lib/checkout").map(drop)).optional();
/// ```
#[must_use = "a check is made once the service has it: `service.check(…)`"]
pub struct Check {
    name: Cow<'static, str>,
    timeout: Duration,
    optional: bool,
    run: Run,
}

enum Run {
    Asynchronous(Box<Asynchronous>),
    Blocking(Arc<Blocking>),
}

impl Check {
    /// A check that does not block, such as a query.
    pub fn new<F, E>(name: impl Into<Cow<'static, str>>, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let run = move || -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
            let check = check();
            Box::pin(async move { check.await.map_err(|error| chain(&*error.into())) })
        };
        Self::of(name.into(), Run::Asynchronous(Box::new(run)))
    }

    /// A check that may block: it is made on a thread of its own.
    pub fn blocking<E>(
        name: impl Into<Cow<'static, str>>,
        check: impl Fn() -> Result<(), E> + Send + Sync + 'static,
    ) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let run = move || check().map_err(|error| chain(&*error.into()));
        Self::of(name.into(), Run::Blocking(Arc::new(run)))
    }

    /// How long it may take; longer is a failure. Default 800 ms, which is within the second that Kubernetes waits for a probe.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Its failure is said, and the service is ready all the same.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    fn of(name: Cow<'static, str>, run: Run) -> Self {
        Self { name, timeout: TIMEOUT, optional: false, run }
    }

    fn begin(&self) -> JoinHandle<Outcome> {
        match &self.run {
            Run::Asynchronous(check) => tokio::spawn(check().in_context(quiet())),
            Run::Blocking(check) => {
                let check = Arc::clone(check);
                spawn_blocking(move || {
                    let _quiet = suppress();
                    check()
                })
            }
        }
    }
}

/// A context in which nothing is recorded.
fn quiet() -> Context {
    let _quiet = suppress();
    Context::current()
}

/// An error with its causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| text + ": " + &cause.to_string())
}

/// A service's check, and how it last went.
pub(super) struct Registered {
    check: Check,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When it began, and what came of it.
    last: Option<(Instant, Finding)>,
    /// A blocking one that was given up and still runs.
    late: Option<JoinHandle<Outcome>>,
}

/// What a check found.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) name: Cow<'static, str>,
    pub(super) optional: bool,
    pub(super) took: Duration,
    pub(super) outcome: Outcome,
}

impl From<Check> for Registered {
    fn from(check: Check) -> Self {
        Self { check, state: Mutex::default() }
    }
}

impl Registered {
    /// Makes the check, unless one has been begun since it was asked for.
    pub(super) async fn probe(self: Arc<Self>, asked: Instant) -> Finding {
        let mut state = self.state.lock().await;
        if let Some((_, finding)) = state.last.as_ref().filter(|(began, _)| *began >= asked) {
            return finding.clone();
        }
        let began = Instant::now();
        let outcome = self.run(&mut state.late).await;
        let finding = self.finding(began.elapsed(), outcome);
        state.last = Some((began, finding.clone()));
        finding
    }

    /// What is said where the check can't be made.
    pub(super) fn failed(&self, reason: &str) -> Finding {
        self.finding(Duration::ZERO, Err(reason.to_owned()))
    }

    fn finding(&self, took: Duration, outcome: Outcome) -> Finding {
        Finding { name: self.check.name.clone(), optional: self.check.optional, took, outcome }
    }

    async fn run(&self, late: &mut Option<JoinHandle<Outcome>>) -> Outcome {
        // One that is over by now tells of the past.
        let running = late.take().filter(|handle| !handle.is_finished());
        let mut handle = running.unwrap_or_else(|| self.check.begin());
        if let Ok(ended) = timeout(self.check.timeout, &mut handle).await {
            return ended.unwrap_or_else(|error| Err(broke_off(error)));
        }
        match self.check.run {
            Run::Asynchronous(_) => handle.abort(),
            Run::Blocking(_) => *late = Some(handle),
        }
        Err(format!("it took longer than {:?}", self.check.timeout))
    }
}

fn broke_off(error: JoinError) -> String {
    match error.try_into_panic() {
        // What it panicked with may itself panic when it is dropped.
        Ok(panic) => {
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| drop(panic)));
            "it panicked".to_owned()
        }
        Err(_) => "the runtime stops".to_owned(),
    }
}
