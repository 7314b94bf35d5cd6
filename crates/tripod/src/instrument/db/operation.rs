//! One operation of a database client: a span of kind client, and a measurement when it ends.
//!
//! It ends once, whatever becomes of it: with its answer, with an error, or, where the caller loses interest before that, as cancelled.

use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::client::{Client, List};
use super::metrics::Status;
#[cfg(feature = "sqlx")]
use super::statements::Known;
use crate::{Level, Span, SpanBuilder, SpanKind, StatusCode, write_log};

/// What an operation does.
#[derive(Debug)]
pub(crate) enum What {
    /// A query in SQL; with the name of the call where that says what it does.
    #[cfg(feature = "sqlx")]
    Query { known: Known, call: Option<&'static str> },
    /// A command by its name, or a batch of them.
    #[cfg(feature = "redis")]
    Command(&'static str),
}

impl What {
    /// In capitals, one of few; empty where that isn't known.
    pub(super) fn operation(&self) -> &'static str {
        match self {
            #[cfg(feature = "sqlx")]
            Self::Query { known, .. } => known.operation,
            #[cfg(feature = "redis")]
            Self::Command(name) => name,
        }
    }

    fn summary(&self) -> Option<&str> {
        match self {
            #[cfg(feature = "sqlx")]
            Self::Query { known, .. } => Some(&*known.summary).filter(|summary| !summary.is_empty()),
            #[cfg(feature = "redis")]
            Self::Command(_) => None,
        }
    }

    fn call(&self) -> Option<&'static str> {
        match self {
            #[cfg(feature = "sqlx")]
            Self::Query { call, .. } => *call,
            #[cfg(feature = "redis")]
            Self::Command(name) => Some(name),
        }
    }

    fn span_name(&self, system: &'static str) -> Cow<'static, str> {
        match self {
            #[cfg(feature = "sqlx")]
            Self::Query { known, .. } if known.summary.is_empty() => system.into(),
            #[cfg(feature = "sqlx")]
            Self::Query { known: Known::Kept(statement), .. } => Cow::Borrowed(&statement.summary),
            #[cfg(feature = "sqlx")]
            Self::Query { known: Known::Own(statement), .. } => Cow::Owned(statement.summary.to_string()),
            #[cfg(feature = "redis")]
            Self::Command(name) => {
                let _ = system;
                Cow::Borrowed(name)
            }
        }
    }
}

/// Why an operation failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What the database answered, by its own codes.
    pub(crate) status_code: Option<String>,
    /// Where it answered none, the kind of error.
    pub(crate) kind: Cow<'static, str>,
    pub(crate) message: String,
}

/// An operation under way.
pub(crate) struct Operation {
    client: Arc<Client>,
    what: What,
    span: Span,
    started: Instant,
    rows: Option<u64>,
    abandonable: bool,
    ended: bool,
}

impl Operation {
    /// One begins, below the span that is current. The text is what spans show of it.
    pub(crate) fn start(
        client: &Arc<Client>,
        what: What,
        text: impl FnOnce(&What) -> Option<Cow<'_, str>>,
        batch: Option<usize>,
    ) -> Self {
        let started = Instant::now();
        let span = if crate::engine::traces_on() {
            let text = if client.settings.query_text { text(&what) } else { None };
            let mut attributes = client.attributes();
            attributes.push_some("db.query.summary", what.summary());
            attributes.push_some("db.operation.name", what.call());
            attributes.push_some("db.query.text", text.as_deref());
            attributes.push_some("db.operation.batch.size", batch.map(|size| size as i64));
            SpanBuilder::new(what.span_name(client.system))
                .kind(SpanKind::CLIENT)
                .attributes(attributes.as_slice())
                .start()
        } else {
            Span::none()
        };
        Self { client: Arc::clone(client), what, span, started, rows: None, abandonable: false, ended: false }
    }

    /// Runs a part of it, with its span as the current one.
    pub(crate) async fn within<F: Future>(&mut self, part: F) -> F::Output {
        let mut part = pin!(part);
        poll_fn(|task| {
            let _entered = self.span.enter();
            part.as_mut().poll(task)
        })
        .await
    }

    /// The same for what blocks.
    #[cfg(feature = "redis")]
    pub(crate) fn within_call<R>(&mut self, call: impl FnOnce() -> R) -> R {
        self.span.in_scope(call)
    }

    pub(crate) fn span(&mut self) -> &mut Span {
        &mut self.span
    }

    /// It returns rows, of which there are so many more.
    #[cfg(feature = "sqlx")]
    pub(crate) fn add_rows(&mut self, more: u64) {
        self.rows = Some(self.rows.unwrap_or_default() + more);
    }

    /// Whether its caller may leave it now with what there is, which is no cancellation.
    #[cfg(feature = "sqlx")]
    pub(crate) fn set_abandonable(&mut self, abandonable: bool) {
        self.abandonable = abandonable;
    }

    /// It has been answered.
    pub(crate) fn succeed(&mut self) {
        self.end(Status::Success, None);
    }

    /// It failed.
    pub(crate) fn fail(&mut self, failure: &Failure) {
        self.end(Status::Error, Some(failure));
    }

    fn end(&mut self, status: Status, failure: Option<&Failure>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let took = self.started.elapsed();
        let code = failure.and_then(|failure| failure.status_code.as_deref());
        let error_type = match status {
            Status::Success => None,
            Status::Error => code.or(failure.map(|failure| &*failure.kind)),
            Status::Cancelled => Some("cancelled"),
        };
        let Self { client, what, span, rows, .. } = self;
        if span.is_recording() {
            if let Some(code) = code {
                span.set_attribute("db.response.status_code", code);
            }
            if let Some(error_type) = error_type {
                span.set_attribute("error.type", error_type);
                let message = failure.filter(|_| client.settings.error_messages).map_or("", |failure| &failure.message);
                span.set_status(StatusCode::ERROR, message);
            }
            if let Some(rows) = *rows {
                span.set_attribute("db.response.returned_rows", rows as i64);
            }
        }
        let mut labels = client.attributes();
        labels.push_some("db.query.summary", what.summary());
        labels.push_some("db.operation.name", what.call());
        labels.push_some("db.response.status_code", code);
        labels.push_some("error.type", error_type);
        let rows = rows.filter(|_| status == Status::Success);
        span.in_scope(|| {
            // Within the span, so that exemplars lead to it.
            client.metrics.record(what, took, rows, status, &labels);
            if client.settings.slow.is_some_and(|limit| took >= limit) {
                say_slow(client, what, took, &labels);
            }
        });
        drop(std::mem::take(span));
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.end(if self.abandonable { Status::Success } else { Status::Cancelled }, None);
    }
}

fn say_slow(client: &Client, what: &What, took: Duration, labels: &List<'_>) {
    let name = what.span_name(client.system);
    write_log(Level::Warn, format_args!("slow: {name} took {:.3} s", took.as_secs_f64()), labels.as_slice());
}
