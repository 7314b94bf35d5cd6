//! Finding lines. What the store's indexes know of (service, trace, level, an attribute's value, a text in the body) goes to the store as
//! conditions; everything is then looked at again line by line, so that a condition may find more than was meant, but never less.
//!
//! Records come in pages, so a query holds as many as a page, whatever its time spans.

use std::time::Instant;

pub(super) use tripod_store::LogOrder as Order;
use tripod_store::{AttributeMatch, LogQuery, LogStore, StoredLog, Window};
use tripod_wire::TraceId;
use tripod_wire::otlp::logs::SeverityNumber;

use super::stream::{LEVEL, SERVICE, Streams, TRACE};
use crate::query::logql::entry::{Entry, label_name};
use crate::query::logql::stages::{self, Stage};
use crate::query::logql::{LabelFilter, LineTest, Lines, Matcher, Test};
use crate::query::{Context, Failure, logs};

/// Records that are read at once.
const PAGE: usize = 5_000;
/// The same where more than a page happened in one nanosecond.
const MAX_PAGE: usize = 640_000;

/// What the store is asked for a selector and the filters that follow it at once.
pub(in crate::query) struct Plan {
    pub(in crate::query) query: LogQuery,
    /// Whether the store's answer is the very one, with nothing left to look at.
    pub(in crate::query) is_exact: bool,
    /// Nothing can be found.
    pub(in crate::query) is_empty: bool,
}

impl Plan {
    pub(in crate::query) fn new(
        store: &(impl LogStore + ?Sized),
        matchers: &[Matcher],
        stages: &[Stage],
    ) -> Result<Self, Failure> {
        let query = LogQuery::within(Window::ALL, 0);
        let mut plan = Self { query, is_exact: true, is_empty: false };
        for matcher in matchers {
            plan.add_label(store, matcher)?;
        }
        let leading = stages.iter().take_while(|stage| matches!(stage, Stage::Line(_) | Stage::Label(_)));
        for stage in leading {
            match stage {
                Stage::Line(filter) => match (&filter.any[..], filter.negated, &plan.query.regex) {
                    ([LineTest::Contains(text)], false, None) => {
                        plan.query.regex = tripod_store::body_regex(&regex::escape(text)).ok();
                        plan.is_exact &= plan.query.regex.is_some();
                    }
                    ([LineTest::Matches(regex)], false, None) => plan.query.regex = Some(regex.clone()),
                    _ => plan.is_exact = false,
                },
                Stage::Label(LabelFilter::Text(matcher)) => plan.add_label(store, matcher)?,
                _ => plan.is_exact = false,
            }
        }
        plan.is_exact &= stages.iter().all(|stage| matches!(stage, Stage::Line(_) | Stage::Label(_)));
        Ok(plan)
    }

    fn add_label(&mut self, store: &(impl LogStore + ?Sized), matcher: &Matcher) -> Result<(), Failure> {
        let wanted = match &matcher.test {
            Test::Equal(value) if !value.is_empty() => value,
            Test::Equal(_) | Test::NotEqual(_) | Test::Regex(_) | Test::NotRegex(_) => {
                self.is_exact = false;
                return Ok(());
            }
        };
        match matcher.name.as_str() {
            SERVICE if self.query.service.is_none() => self.query.service = Some(wanted.clone()),
            LEVEL if self.query.severity.is_none() => match logs::level(wanted) {
                Ok(first) => self.query.severity = Some(first..=SeverityNumber(first.0 + 3)),
                Err(_) => self.is_exact = false,
            },
            TRACE if self.query.trace_id.is_none() => match wanted.parse::<TraceId>() {
                // An attribute may be called like it.
                Ok(id) if !has_key(store, TRACE)? => self.query.trace_id = Some(id),
                _ => self.is_exact = false,
            },
            name => {
                self.is_exact = false;
                if !self.add_attribute(store, name, wanted)? {
                    self.is_empty |= !is_made_here(name);
                }
            }
        }
        Ok(())
    }

    /// Asks for the attribute whose label has this name; whether there is such a one.
    fn add_attribute(&mut self, store: &(impl LogStore + ?Sized), name: &str, value: &str) -> Result<bool, Failure> {
        let keys = store.attribute_keys()?;
        let mut fitting = keys.into_iter().map(|known| known.key).filter(|key| label_name(key) == name);
        let Some(key) = fitting.next() else {
            // What lies within a structure has a longer name than its key.
            return Ok(name.contains('_'));
        };
        if fitting.next().is_none() {
            self.query.attributes.push(AttributeMatch { key, value: value.to_owned() });
        }
        Ok(true)
    }
}

fn has_key(store: &(impl LogStore + ?Sized), label: &str) -> Result<bool, Failure> {
    Ok(store.attribute_keys()?.iter().any(|known| label_name(&known.key) == label))
}

/// Whether a label may be there without an attribute of its name.
fn is_made_here(name: &str) -> bool {
    matches!(name, SERVICE | LEVEL | TRACE | "span_id" | "scope_name" | "event_name" | "severity_text")
}

/// Until when a query may run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(Instant);

impl Deadline {
    pub(super) fn of(context: &Context) -> Self {
        Self(Instant::now() + context.timeout)
    }

    fn check(self) -> Result<(), Failure> {
        if Instant::now() < self.0 {
            return Ok(());
        }
        Err(Failure::Timeout("the query took too long: ask for less time, or for a narrower selector".to_owned()))
    }
}

/// What a visitor wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    More,
    Enough,
}

/// The first lines that pass all stages, at most `limit`.
pub(super) fn first(
    context: &Context,
    lines: &Lines,
    window: Window,
    order: Order,
    limit: usize,
) -> Result<Vec<Entry>, Failure> {
    let mut found = Vec::new();
    each(context, lines, window, order, &mut |mut entry| {
        if stages::run(&lines.stages, &mut entry) {
            found.push(entry);
        }
        Ok(if found.len() < limit { Next::More } else { Next::Enough })
    })?;
    Ok(found)
}

/// Calls `visit` with each line whose stream the selector means, before any stage; some that the first filters drop are left out.
pub(super) fn each(
    context: &Context,
    lines: &Lines,
    window: Window,
    order: Order,
    visit: &mut dyn FnMut(Entry) -> Result<Next, Failure>,
) -> Result<(), Failure> {
    let store = context.store.as_ref();
    let plan = Plan::new(store, &lines.matchers, &lines.stages)?;
    if plan.is_empty {
        return Ok(());
    }
    let mut streams = Streams::default();
    let mut pages = Pages { store, query: plan.query, deadline: Deadline::of(context) };
    let mut page = |records: &[StoredLog]| {
        for record in records {
            let entry = streams.entry(record);
            if lines.matchers.iter().all(|matcher| matcher.test.passes(entry.stream_label(&matcher.name)))
                && visit(entry)? == Next::Enough
            {
                return Ok(Next::Enough);
            }
        }
        Ok(Next::More)
    };
    pages.each(window, order, &mut page)
}

struct Pages<'s, S: ?Sized> {
    store: &'s S,
    query: LogQuery,
    deadline: Deadline,
}

type Visit<'v> = &'v mut dyn FnMut(&[StoredLog]) -> Result<Next, Failure>;

impl<S: LogStore + ?Sized> Pages<'_, S> {
    fn find(&mut self, window: Window, limit: usize) -> Result<Vec<StoredLog>, Failure> {
        self.deadline.check()?;
        self.query.window = window;
        self.query.limit = limit;
        Ok(self.store.find_logs(&self.query)?)
    }

    fn each(&mut self, mut window: Window, order: Order, visit: Visit<'_>) -> Result<(), Failure> {
        self.query.order = order;
        let mut limit = PAGE;
        loop {
            let mut records = self.find(window, limit)?;
            let is_last = records.len() < limit;
            if !is_last {
                // Of the last nanosecond there may be more: it is left to the next page.
                let last = records.last().map_or(window.start, |record| record.time);
                let kept = records.iter().take_while(|record| record.time != last).count();
                if kept == 0 && limit < MAX_PAGE {
                    limit *= 4;
                    continue;
                }
                if kept > 0 {
                    records.truncate(kept);
                } else if last == (if order == Order::NewestFirst { window.start } else { window.end }) {
                    return visit(&records).map(|_| ());
                }
                match order {
                    Order::NewestFirst => window.end = last.saturating_sub(u64::from(kept == 0)),
                    Order::OldestFirst => window.start = last.saturating_add(u64::from(kept == 0)),
                }
                limit = PAGE;
            }
            if visit(&records)? == Next::Enough || is_last || window.end < window.start {
                return Ok(());
            }
        }
    }
}
