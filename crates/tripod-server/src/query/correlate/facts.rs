//! What spans have in common: how many of them have each value of each attribute, and where two groups of spans differ most.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use tripod_store::StoredSpan;
use tripod_wire::otlp::trace::{SpanKind, StatusCode};

/// Longer values are cut.
const MAX_VALUE: usize = 128;
/// Attributes of a span beyond these are not looked at.
const MAX_ATTRIBUTES: usize = 128;
/// So many different values are told apart.
pub(super) const MAX_FACTS: usize = 500_000;
/// Values shown of an attribute.
const SHOWN_VALUES: usize = 10;

/// Whose attribute, its key, its value.
pub(super) type Fact = (&'static str, String, String);

/// By how much a value's share differs, the value, and how often each group has it.
type Counted = (f64, String, [u64; 2]);

/// Counts of two groups of spans.
#[derive(Debug, Default)]
pub(super) struct Facts {
    counts: HashMap<Fact, [u64; 2], foldhash::fast::RandomState>,
    spans: [u64; 2],
    /// Whether there were too many to tell apart.
    pub(super) cut_off: bool,
}

/// One of the two groups.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    Selection = 0,
    Baseline = 1,
}

impl Facts {
    /// Counts a span.
    pub(super) fn add(&mut self, side: Side, of: &StoredSpan) {
        self.spans[side as usize] += 1;
        let mut counted = self::of(of);
        // A key that is there twice with one value counts once.
        counted.sort_unstable();
        counted.dedup();
        for fact in counted {
            if let Some(counts) = self.counts.get_mut(&fact) {
                counts[side as usize] += 1;
            } else if self.counts.len() < MAX_FACTS {
                self.counts.entry(fact).or_default()[side as usize] += 1;
            } else {
                self.cut_off = true;
            }
        }
    }

    /// How many spans were counted.
    pub(super) fn spans(&self, side: Side) -> u64 {
        self.spans[side as usize]
    }

    /// The attributes whose values are distributed most differently, that one first; at most `limit`.
    pub(super) fn ranked(self, limit: usize) -> Vec<Value> {
        let ratio = |count: u64, of: u64| if of == 0 { 0.0 } else { count as f64 / of as f64 };
        let spans = self.spans;
        let mut attributes: BTreeMap<(&'static str, String), Vec<Counted>> = BTreeMap::new();
        for ((scope, key, value), counts) in self.counts {
            let difference = ratio(counts[0], spans[0]) - ratio(counts[1], spans[1]);
            attributes.entry((scope, key)).or_default().push((difference, value, counts));
        }
        let mut ranked: Vec<(f64, Value)> = Vec::new();
        for ((scope, key), mut values) in attributes {
            values.sort_by(|a, b| {
                b.0.abs().total_cmp(&a.0.abs()).then_with(|| b.0.total_cmp(&a.0)).then_with(|| a.1.cmp(&b.1))
            });
            let most = values[0].0.abs();
            if most == 0.0 {
                continue;
            }
            let count = values.len();
            let shown = values.into_iter().take(SHOWN_VALUES).map(|(difference, value, counts)| {
                json!({
                    "value": value,
                    "difference": rounded(difference),
                    "selection": { "spans": counts[0], "ratio": rounded(ratio(counts[0], spans[0])) },
                    "baseline": { "spans": counts[1], "ratio": rounded(ratio(counts[1], spans[1])) },
                })
            });
            let shown: Value = shown.collect();
            ranked.push((
                most,
                json!({ "scope": scope, "key": key, "difference": rounded(most), "distinct": count, "values": shown }),
            ));
        }
        // What was in order stays so among equals.
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranked.into_iter().take(limit).map(|(_, value)| value).collect()
    }
}

/// All there is to count of a span.
pub(super) fn of(stored: &StoredSpan) -> Vec<Fact> {
    let span = &stored.span;
    let mut facts: Vec<Fact> = vec![
        ("intrinsic", "name".to_owned(), cut(&span.name)),
        ("intrinsic", "kind".to_owned(), kind(span.kind).to_owned()),
        ("intrinsic", "status".to_owned(), status(span.status.code).to_owned()),
    ];
    if !span.status.message.is_empty() {
        facts.push(("intrinsic", "statusMessage".to_owned(), cut(&span.status.message)));
    }
    for (scope, attributes) in [("span", &span.attributes), ("resource", &stored.resource.attributes)] {
        let attributes = attributes.iter().take(MAX_ATTRIBUTES);
        facts.extend(attributes.map(|one| (scope, one.key.clone(), cut(&one.value.to_string()))));
    }
    facts
}

fn rounded(ratio: f64) -> f64 {
    (ratio * 10_000.0).round() / 10_000.0
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_VALUE)].to_owned()
}

fn kind(kind: SpanKind) -> &'static str {
    super::super::jaeger_json::kind_name(kind).unwrap_or("unspecified")
}

fn status(code: StatusCode) -> &'static str {
    match code {
        StatusCode::OK => "ok",
        StatusCode::ERROR => "error",
        _ => "unset",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tripod_wire::otlp::{InstrumentationScope, KeyValue, Resource, Span};

    use super::*;

    fn span(version: &str, id: i64) -> StoredSpan {
        let attributes = vec![KeyValue::new("id", id), KeyValue::new("route", "/orders")];
        let resource = vec![KeyValue::new("service.version", version)];
        StoredSpan {
            resource: Arc::new(Resource { attributes: resource, ..Resource::default() }),
            scope: Arc::new(InstrumentationScope::default()),
            span: Span { name: "GET".to_owned(), attributes, ..Span::default() },
        }
    }

    #[test]
    fn what_differs_most_comes_first_and_what_does_not_differ_is_left_out() {
        let mut facts = Facts::default();
        (0..10).for_each(|id| facts.add(Side::Selection, &span(if id < 9 { "2" } else { "1" }, id)));
        (0..40).for_each(|id| facts.add(Side::Baseline, &span(if id < 4 { "2" } else { "1" }, 100 + id)));
        let ranked = facts.ranked(10);
        assert_eq!(ranked.len(), 2, "name, kind, status and route are the same: {ranked:?}");
        assert_eq!(
            (&ranked[0]["scope"], &ranked[0]["key"], &ranked[0]["difference"]),
            (&json!("resource"), &json!("service.version"), &json!(0.8))
        );
        let first = json!({
            "value": "2", "difference": 0.8,
            "selection": {"spans": 9, "ratio": 0.9}, "baseline": {"spans": 4, "ratio": 0.1},
        });
        assert_eq!((&ranked[0]["values"][0], &ranked[0]["values"][1]["difference"]), (&first, &json!(-0.8)));
        assert_eq!(
            (&ranked[1]["key"], &ranked[1]["difference"], &ranked[1]["distinct"]),
            (&json!("id"), &json!(0.1), &json!(50))
        );
    }
}
