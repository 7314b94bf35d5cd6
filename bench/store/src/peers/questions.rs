//! The questions that [`crate::queries`] asks Tripod's store, under the same names.

use serde_json::Value;
use tripod_wire::TraceId;

use crate::data::logs::{ABSENT, FREQUENT, RARE, SHUFFLED};
use crate::data::spans::{Trace, USERS, user};
use crate::feed::Load;
use crate::queries::numbers;
use crate::timing::measure;

/// A question about spans.
pub(super) enum Question {
    /// How many spans the trace has.
    Trace(TraceId),
    /// How many services there are.
    Services,
    /// The newest 20 traces with such a span of the service, with all their spans: how many.
    Find(&'static str, &'static str, String),
}

/// A question's `run`th form.
type Form = Box<dyn Fn(usize) -> Question>;

/// The questions by name.
pub(super) fn spans(load: &Load) -> Vec<(&'static str, Form)> {
    let (origin, number) = (load.origin, numbers(load));
    let drawn = move |run| Trace::new(origin, number(run));
    let find = |key: &'static str, value: String| Question::Find("gateway", key, value);
    vec![
        (
            "trace by id",
            Box::new({
                let drawn = drawn.clone();
                move |run| Question::Trace(drawn(run).id())
            }),
        ),
        ("services", Box::new(|_| Question::Services)),
        ("service + attribute, every second span", Box::new(move |_| find("http.request.method", "GET".into()))),
        ("service + attribute, one span in 4,000", Box::new(move |_| find("http.response.status_code", "429".into()))),
        (
            "service + attribute, one user of 100,000",
            Box::new({
                let drawn = drawn.clone();
                move |run| find("user.id", drawn(run).user())
            }),
        ),
        ("service + attribute, one span", Box::new(move |run| find("request.id", drawn(run).root().1))),
        ("service + attribute, absent value", Box::new(move |run| find("user.id", user(USERS + run as u64)))),
    ]
}

/// Times all questions about spans.
pub(super) fn ask_spans(load: &Load, times: usize, mut answer: impl FnMut(Question) -> usize) -> Vec<Value> {
    let ask = |(name, question): (&str, Form)| measure(name, times, |run| answer(question(run)));
    spans(load).into_iter().map(ask).collect()
}

/// Times the questions about logs: phrases, newest 100, and all records by severity and time.
pub(super) fn ask_logs<P>(
    peer: &mut P,
    load: &Load,
    times: usize,
    phrase: impl Fn(&mut P, &str) -> usize,
    volume: impl Fn(&mut P) -> u64,
) -> Vec<Value> {
    let mut rows: Vec<Value> = [
        ("phrase, one record in 20", FREQUENT),
        ("phrase, one record in a million", RARE),
        ("phrase, its words in another order", SHUFFLED),
        ("phrase, absent words", ABSENT),
    ]
    .into_iter()
    .map(|(name, words)| measure(name, times, |_| phrase(peer, words)))
    .collect();
    rows.push(measure("volume by severity, all", times, |_| {
        let counted = volume(peer);
        assert_eq!(counted, load.count);
        counted as usize
    }));
    rows
}
