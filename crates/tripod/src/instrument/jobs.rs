//! Background jobs on tokio: each run is a span, counted and measured as it ends.
//!
//! ```no_run
//! use std::time::Duration;
//! use tripod::instrument::jobs::{self, Job};
//!
//! # async fn refresh() -> Result<(), std::io::Error> { Ok(()) }
//! # fn render() -> Result<(), std::io::Error> { Ok(()) }
//! # async fn example() {
//! jobs::spawn("refresh cache", refresh());
//! jobs::spawn_blocking("render report", render);
//! jobs::every("expire sessions", Duration::from_secs(60), refresh);
//! Job::new("send mail").detached().spawn(refresh());
//! # }
//! ```
//!
//! A job's span is a part of the span that is current where it is spawned, as it belongs to what asked for it; one that outlives that by
//! far is better [`Job::detached`]: a trace of its own, which is linked. Baggage goes along either way.
//!
//! Every job that is spawned ends once, as `completed`, `failed` or `cancelled`: it failed if it gave back a failure (see [`Outcome`]) or
//! panicked, it was cancelled if it was aborted or dropped, begun or not. Metrics are those of [`crate::catalog::job`].
//!
//! # What it costs
//! A span and four measurements a job, and a copy of the name if it is not `'static`, beside what tokio takes.

use std::borrow::Cow;
use std::future::Future;
use std::time::{Duration, Instant};

use tokio::task::{self, JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

use super::Outcome;
use super::job::{Metrics, Watch};
use crate::{Context, InSpanExt, Span, SpanBuilder};

/// Spawns a job: [`Job::spawn`] of one with this name.
///
/// # Panics
/// Outside of a runtime, as [`tokio::spawn`] does.
#[track_caller]
pub fn spawn<F>(name: impl Into<Cow<'static, str>>, job: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Outcome + Send + 'static,
{
    Job::new(name).spawn(job)
}

/// Spawns a job that blocks: [`Job::spawn_blocking`] of one with this name.
///
/// # Panics
/// Outside of a runtime, as [`task::spawn_blocking`] does.
#[track_caller]
pub fn spawn_blocking<R>(name: impl Into<Cow<'static, str>>, job: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R>
where
    R: Outcome + Send + 'static,
{
    Job::new(name).spawn_blocking(job)
}

/// Spawns a job that runs again and again: [`Job::every`] of one with this name.
///
/// # Panics
/// Outside of a runtime, as [`tokio::spawn`] does.
#[track_caller]
pub fn every<M, F>(name: impl Into<Cow<'static, str>>, period: Duration, job: M) -> JoinHandle<()>
where
    M: FnMut() -> F + Send + 'static,
    F: Future + Send + 'static,
    F::Output: Outcome + Send + 'static,
{
    Job::new(name).every(period, job)
}

/// A job about to run.
#[derive(Clone)]
#[must_use = "a job does nothing until it is spawned or run"]
pub struct Job {
    name: Cow<'static, str>,
    detached: bool,
    metrics: Metrics,
}

impl Job {
    /// A job of this name, which is its span's and its metrics' label: keep their number small, `refresh cache`, not `refresh user 17`.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), detached: false, metrics: Metrics::chosen() }
    }

    /// Makes it a trace of its own, linked to the span that is current where it is spawned.
    pub fn detached(self) -> Self {
        Self { detached: true, ..self }
    }

    /// Spawns it on tokio.
    ///
    /// # Panics
    /// Outside of a runtime, as [`tokio::spawn`] does.
    #[track_caller]
    pub fn spawn<F>(self, job: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Outcome + Send + 'static,
    {
        tokio::spawn(self.run(job))
    }

    /// Spawns it on tokio's threads for what blocks.
    ///
    /// # Panics
    /// Outside of a runtime, as [`task::spawn_blocking`] does.
    #[track_caller]
    pub fn spawn_blocking<R>(self, job: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R>
    where
        R: Outcome + Send + 'static,
    {
        task::spawn_blocking(self.run_blocking(job))
    }

    /// Spawns it to run once in every period, at once for the first time. Each run is a trace of its own. A run that fails or panics does
    /// not keep the next from beginning; one that takes longer than the period has the runs that it is in the way of left out. Aborted,
    /// the run that is under way is cancelled.
    ///
    /// # Panics
    /// Outside of a runtime, as [`tokio::spawn`] does, and where the runtime has no time.
    #[track_caller]
    pub fn every<M, F>(self, period: Duration, mut job: M) -> JoinHandle<()>
    where
        M: FnMut() -> F + Send + 'static,
        F: Future + Send + 'static,
        F::Output: Outcome + Send + 'static,
    {
        // tokio panics at a period of zero.
        let period = period.max(Duration::from_millis(1));
        tokio::spawn(async move {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            // Aborts the run when it is dropped.
            let mut run = JoinSet::new();
            loop {
                ticks.tick().await;
                run.spawn(self.clone().run(job()));
                run.join_next().await;
            }
        })
    }

    /// The future as this job, for whatever runs it: a [`JoinSet`], `spawn_local`, another runtime.
    pub fn run<F>(self, job: F) -> impl Future<Output = F::Output> + use<F>
    where
        F: Future,
        F::Output: Outcome,
    {
        let waiting = Waiting::of(self);
        async move {
            let (span, around, mut watch) = waiting.begin();
            let watched = async move {
                let output = job.await;
                watch.end(output.failure());
                output
            };
            watched.in_span(span).in_context(around).await
        }
    }

    /// The closure as this job, for whatever runs it.
    pub fn run_blocking<F, R>(self, job: F) -> impl FnOnce() -> R + use<F, R>
    where
        F: FnOnce() -> R,
        R: Outcome,
    {
        let waiting = Waiting::of(self);
        move || {
            let (mut span, around, mut watch) = waiting.begin();
            let watched = move || {
                let output = job();
                watch.end(output.failure());
                output
            };
            around.run(|| span.in_scope(watched))
        }
    }
}

/// A job that has been spawned and has not begun.
struct Waiting {
    /// Taken out when it begins.
    job: Option<Job>,
    spawner: Context,
    since: Instant,
}

impl Waiting {
    fn of(job: Job) -> Self {
        Self { job: Some(job), spawner: Context::current(), since: Instant::now() }
    }

    /// Its span, and what is to be current around it.
    fn begin(mut self) -> (Span, Context, Watch) {
        // It is there until here.
        let job = self.job.take().unwrap_or_else(|| Job::new(""));
        self.start(job)
    }

    fn start(&self, job: Job) -> (Span, Context, Watch) {
        let Job { name, detached, metrics } = job;
        metrics.waited(&name, self.since.elapsed());
        let around = if detached {
            Context { baggage: self.spawner.baggage.clone(), suppressed: self.spawner.suppressed, ..Context::default() }
        } else {
            self.spawner.clone()
        };
        let mut span = SpanBuilder::new(name.clone()).parent(around.clone()).attribute("job.name", &*name).start();
        if detached && self.spawner.span.is_valid() {
            span.add_link(&self.spawner, &[]);
        }
        (span, around, Watch::start(name, metrics))
    }
}

impl Drop for Waiting {
    /// Aborted, or dropped with its runtime, before it began: it counts all the same, and shows.
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            let (mut span, around, watch) = self.start(job);
            around.run(|| span.in_scope(|| drop(watch)));
        }
    }
}

/// The guide's snippets, compiled.
#[cfg(all(doctest, feature = "apalis"))]
#[doc = include_str!("../../../../docs/how-to/instrument/jobs.md")]
mod how_to {}
