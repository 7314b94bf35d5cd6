//! Tasks of [`apalis`](https://docs.rs/apalis): a layer around the handlers of a worker, for which each task is a span, counted and
//! measured as it ends.
//!
//! ```
//! use apalis::prelude::*;
//! use tripod::instrument::apalis as traced;
//!
//! async fn send_mail(address: String) -> Result<(), std::io::Error> {
//!     tripod::info!("mail sent", address);
//!     Ok(())
//! }
//!
//! # async fn example() -> Result<(), BoxDynError> {
//! let mut mails = MemoryStorage::new();
//! mails.push_task(traced::task("ada@example.com".to_owned())).await?; // in the trace that is current here
//! let worker = WorkerBuilder::new("mailer").backend(mails).layer(traced::Layer::new().name("send mail")).build(send_mail);
//! # drop(worker);
//! # Ok(())
//! # }
//! ```
//!
//! The span is a part of the one that pushed the task, and linked to it, where [`task`] or [`Origin`] put that along; otherwise it begins
//! a trace. Layers that were added before go around: added after `retry`, this makes a span of each attempt; before it, one of all. Each
//! call counts as a job of its own, in the metrics of [`crate::catalog::job`].

use std::any::{Any, type_name};
use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{self as std_task, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use apalis_core::error::{AbortError, BoxDynError, DeferredError, RetryAfterError};
use apalis_core::task::Task;
use apalis_core::task::attempt::Attempt;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::metadata::{Metadata, MetadataStore};
use apalis_core::worker::context::WorkerContext;
use tower_service::Service;

use super::job::{Metrics, Watch};
use super::messaging::{Attributes, Operation};
use super::outcome::Failure;
use crate::context::propagation::{self, Injector};
use crate::{Context, InContext, InSpan, InSpanExt, Span, SpanBuilder, Value, current};

/// Where the time of pushing is kept, milliseconds since 1970.
const PUSHED: &str = "tripod.pushed";

const PROCESS: Operation = Operation::process("process");

/// A task that carries the context that is current here, and when it was made.
pub fn task<Args>(args: Args) -> Task<Args> {
    TaskBuilder::new(args).metadata(&Origin::current()).build()
}

/// Where a task comes from, as its metadata: for tasks that are built otherwise than by [`task`].
///
/// ```
/// use apalis::prelude::*;
/// use tripod::instrument::apalis::Origin;
/// let task = TaskBuilder::new(17).metadata(&Origin::current()).run_in_minutes(5).build();
/// # let _: Task<i32> = task;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Origin {
    context: Context,
    pushed: Option<Duration>,
}

impl Origin {
    /// The context that is current here, now.
    pub fn current() -> Self {
        Self { context: Context::current(), pushed: SystemTime::now().duration_since(UNIX_EPOCH).ok() }
    }

    /// The context that was current.
    pub fn context(&self) -> &Context {
        &self.context
    }
}

impl Metadata for Origin {
    type Error = Infallible;

    fn extract(store: &MetadataStore) -> Result<Self, Infallible> {
        let pushed = store.get(PUSHED).and_then(|millis| millis.parse().ok()).map(Duration::from_millis);
        Ok(Self { context: propagation::extract(store.as_map()), pushed })
    }

    fn inject(&self, store: &mut MetadataStore) -> Result<(), Infallible> {
        propagation::inject_context(&self.context, &mut Store(store));
        if let Some(pushed) = self.pushed {
            store.replace(PUSHED, pushed.as_millis().to_string());
        }
        Ok(())
    }
}

struct Store<'a>(&'a mut MetadataStore);

impl Injector for Store<'_> {
    fn set(&mut self, name: &'static str, value: &str) {
        self.0.replace(name, value);
    }

    fn set_owned(&mut self, name: String, value: &str) {
        self.0.replace(name, value);
    }
}

/// Observes the tasks of a worker.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    name: Option<Cow<'static, str>>,
}

impl Layer {
    /// Calls tasks by their queue; those of backends that name none, by the type of their arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls all tasks by this name instead.
    #[must_use]
    pub fn name(self, name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: Some(name.into()) }
    }
}

impl<S> tower_layer::Layer<S> for Layer {
    type Service = Observed<S>;

    fn layer(&self, inner: S) -> Observed<S> {
        Observed { inner, name: self.name.clone(), metrics: Metrics::chosen() }
    }
}

/// A handler whose tasks are observed; see [`Layer`].
#[derive(Clone)]
pub struct Observed<S> {
    inner: S,
    name: Option<Cow<'static, str>>,
    metrics: Metrics,
}

impl<S, Args> Service<Task<Args>> for Observed<S>
where
    S: Service<Task<Args>>,
    S::Error: Display + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = InContext<InSpan<Watched<S::Future>>>;

    fn poll_ready(&mut self, context: &mut std_task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, task: Task<Args>) -> Self::Future {
        let name = self.name_of(&task);
        let Ok(origin) = Origin::extract(task.metadata());
        if let Some(waited) = waited(&task, &origin) {
            self.metrics.waited(&name, waited);
        }
        let (mut span, around) = span_of(&name, &task, &origin.context);
        let watch = Watch::start(name, self.metrics);
        let attempt = Some(task.raw_attempt().clone());
        let future = around.run(|| span.in_scope(|| self.inner.call(task)));
        Watched { future, watch, attempt }.in_span(span).in_context(around)
    }
}

impl<S> Observed<S> {
    fn name_of<Args>(&self, task: &Task<Args>) -> Cow<'static, str> {
        match (&self.name, task.queue()) {
            (Some(name), _) => name.clone(),
            (None, Some(queue)) => queue.to_string().into(),
            (None, None) => type_name::<Args>().into(),
        }
    }
}

/// How long a task waited since it was pushed, or since it was due; unknown where the backend says neither.
fn waited<Args>(task: &Task<Args>, origin: &Origin) -> Option<Duration> {
    let due = task.run_at().map(Duration::from_secs).max(origin.pushed)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(now.saturating_sub(due))
}

/// A task's span, and what is to be current around it: a part of what is current, or else of what pushed the task.
fn span_of<Args>(name: &str, task: &Task<Args>, origin: &Context) -> (Span, Context) {
    let current = Context::current();
    let parent = if current.span.is_valid() { &current } else { origin };
    let baggage = origin.baggage.as_ref().or(current.baggage.as_ref());
    let around = Context { baggage: baggage.cloned(), suppressed: current.suppressed, ..parent.clone() };

    let queue = task.queue().map(AsRef::as_ref);
    let mut attributes = Attributes::new();
    attributes.push("messaging.system", Value::Str("apalis"));
    attributes.push("messaging.operation.name", Value::Str(PROCESS.name));
    attributes.push("messaging.operation.type", Value::Str(PROCESS.class));
    attributes.push("messaging.destination.name", Value::Str(queue.unwrap_or(name)));
    attributes.maybe("messaging.client.id", task.data().get::<WorkerContext>().map(WorkerContext::name));
    attributes.push("job.name", Value::Str(name));
    if let Some(id) = task.task_id() {
        attributes.push("messaging.message.id", Value::Display(id));
    }
    if let Some(attempts) = task.max_attempts() {
        attributes.push("job.max_attempts", Value::Int(attempts as i64));
    }
    let builder = SpanBuilder::new(format!("{} {name}", PROCESS.name)).kind(PROCESS.kind).parent(around.clone());
    let mut span = builder.attributes(&attributes).start();
    if span.is_recording() && origin.span.is_valid() {
        span.add_link(origin, &[]);
    }
    (span, around)
}

pin_project_lite::pin_project! {
    /// A task's future, watched; see [`Layer`].
    pub struct Watched<F> {
        #[pin]
        future: F,
        watch: Watch,
        // apalis counts it when the future is polled for the first time, further in: taken after that.
        attempt: Option<Attempt>,
    }
}

impl<F, R, E> Future for Watched<F>
where
    F: Future<Output = Result<R, E>>,
    E: Display + 'static,
{
    type Output = Result<R, E>;

    fn poll(self: Pin<&mut Self>, context: &mut std_task::Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = this.future.poll(context);
        if let Some(attempt) = this.attempt.take() {
            current().set_attribute("job.attempt", attempt.current() as i64);
        }
        let result = ready!(polled);
        let failure = result.as_ref().err().map(|error| Failure { error_type: error_type(error), message: error });
        this.watch.end(failure);
        Poll::Ready(result)
    }
}

/// The type of a task's error. Handlers' errors reach the layers in a box, in which only apalis' own can be told apart.
fn error_type<E: 'static>(error: &E) -> &'static str {
    match (error as &dyn Any).downcast_ref::<BoxDynError>() {
        None => type_name::<E>(),
        Some(boxed) if boxed.is::<AbortError>() => "AbortError",
        Some(boxed) if boxed.is::<RetryAfterError>() => "RetryAfterError",
        Some(boxed) if boxed.is::<DeferredError>() => "DeferredError",
        Some(_) => "_OTHER",
    }
}
