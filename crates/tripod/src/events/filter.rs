//! Which events are taken: decided where they are recorded, before anything is formatted or copied.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::event::{Event, EventKind};
use crate::pattern::Pattern;

type Keep = Arc<dyn Fn(&Event<'_>) -> bool + Send + Sync>;

/// All have to let an event through.
#[derive(Clone, Default)]
pub(super) struct Filters {
    kinds: Option<Vec<EventKind>>,
    providers: Option<Vec<Pattern>>,
    without: Vec<Pattern>,
    given: Vec<Keep>,
}

impl Filters {
    pub(super) fn only_kinds(&mut self, kinds: impl IntoIterator<Item = EventKind>) {
        self.kinds = Some(kinds.into_iter().collect());
    }

    pub(super) fn only_providers<P: AsRef<str>>(&mut self, patterns: impl IntoIterator<Item = P>) {
        self.providers.get_or_insert_default().extend(patterns.into_iter().map(|text| Pattern::new(text.as_ref())));
    }

    pub(super) fn no_providers<P: AsRef<str>>(&mut self, patterns: impl IntoIterator<Item = P>) {
        self.without.extend(patterns.into_iter().map(|text| Pattern::new(text.as_ref())));
    }

    pub(super) fn add(&mut self, keep: Keep) {
        self.given.push(keep);
    }

    /// Whether an event is taken. The user's code may panic, which counts.
    pub(super) fn keep(&self, event: &Event<'_>, panics: &AtomicU64) -> bool {
        let kind = event.kind();
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
            && (kind == EventKind::Metric || self.keeps_provider(event.provider()))
            && self.given.iter().all(|keep| {
                catch_unwind(AssertUnwindSafe(|| keep(event))).unwrap_or_else(|_| {
                    panics.fetch_add(1, Ordering::Relaxed);
                    true
                })
            })
    }

    fn keeps_provider(&self, provider: &str) -> bool {
        let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(provider));
        self.providers.as_deref().is_none_or(any) && !any(&self.without)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::event::{Failure, Metric, Performance};
    use super::*;

    /// Which of four events are taken, and how often a filter panicked.
    fn kept(filters: &Filters) -> ([bool; 4], u64) {
        let panics = AtomicU64::new(0);
        let performance =
            |provider: &'static str| Performance { operation: "fetch", duration: Duration::ZERO, provider };
        let failure = Failure { error_type: "Timeout", message: &"late", provider: "finnhub", operation: "fetch" };
        let metric = Metric { name: "cpu", ..Metric::default() };
        let events: [Event<'_>; 4] =
            [performance("finnhub").into(), performance("yahoo").into(), failure.into(), metric.into()];
        (events.map(|event| filters.keep(&event, &panics)), panics.into_inner())
    }

    #[test]
    fn each_filter_leaves_out_what_it_says() {
        let mut filters = Filters::default();
        assert_eq!(kept(&filters).0, [true; 4]);
        filters.only_kinds([EventKind::Performance, EventKind::Metric]);
        assert_eq!(kept(&filters).0, [true, true, false, true]);
        filters.only_providers(["fin*"]);
        assert_eq!(kept(&filters).0, [true, false, false, true], "a metric has no provider");
        filters.no_providers(["finnhub"]);
        assert_eq!(kept(&filters).0, [false, false, false, true]);
        filters.add(Arc::new(|event| !matches!(event, Event::Metric(metric) if metric.name == "cpu")));
        assert_eq!(kept(&filters).0, [false; 4]);
    }

    #[test]
    fn a_filter_that_panics_lets_the_event_through_and_is_counted() {
        let mut filters = Filters::default();
        filters.add(Arc::new(|event| if event.kind() == EventKind::Failure { panic!("a fault") } else { false }));
        assert_eq!(kept(&filters), ([false, false, true, false], 1));
    }
}
