//! `/api/correlate/attributes`: how many of some traces have each value of each attribute, as facets beside a list of them.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use super::super::params::Params;
use super::super::{Context, Failure};
use super::facts::{self, Fact, MAX_FACTS};
use super::trace_ids;

const DEFAULT_ATTRIBUTES: usize = 30;
const MAX_ATTRIBUTES: usize = 1000;
/// Values shown of an attribute.
const SHOWN_VALUES: usize = 20;
/// Spans of a trace that are looked at.
const MAX_SPANS: usize = 10_000;

pub(super) fn attributes(context: &Context, params: &Params) -> Result<Value, Failure> {
    let limit = params.count("limit", DEFAULT_ATTRIBUTES, MAX_ATTRIBUTES)?;
    let ids = trace_ids(params)?;
    if ids.is_empty() {
        return Err(Failure::Bad("nothing is selected: give traceID".to_owned()));
    }
    let mut counts: HashMap<Fact, u64, foldhash::fast::RandomState> = HashMap::default();
    let mut traces = 0;
    let mut cut_off = false;
    for id in ids {
        let Some(trace) = context.store.trace(id)? else { continue };
        traces += 1;
        cut_off |= trace.spans.len() > MAX_SPANS;
        let of_trace: HashSet<Fact> = trace.spans.iter().take(MAX_SPANS).flat_map(facts::of).collect();
        for fact in of_trace {
            if let Some(count) = counts.get_mut(&fact) {
                *count += 1;
            } else if counts.len() < MAX_FACTS {
                counts.insert(fact, 1);
            } else {
                cut_off = true;
            }
        }
    }
    let notes: &[&str] = if cut_off { &["not all spans or values were counted: there are too many"] } else { &[] };
    Ok(json!({ "traces": traces, "attributes": ranked(counts, traces, limit), "notes": notes }))
}

/// What tells traces apart, with what many of them have first. A value that every trace has, and values that are another in each, tell nothing.
fn ranked(counts: impl IntoIterator<Item = (Fact, u64)>, traces: u64, limit: usize) -> Vec<Value> {
    let mut attributes: BTreeMap<(&'static str, String), Vec<(u64, String)>> = BTreeMap::new();
    for ((scope, key, value), count) in counts {
        attributes.entry((scope, key)).or_default().push((count, value));
    }
    let mut ranked: Vec<(u64, Value)> = Vec::new();
    for ((scope, key), mut values) in attributes {
        values.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let most = values[0].0;
        let says_nothing = (values.len() == 1 && most == traces) || (values.len() > 1 && most == 1);
        if says_nothing {
            continue;
        }
        let distinct = values.len();
        let shown = values.into_iter().take(SHOWN_VALUES);
        let shown: Value = shown.map(|(traces, value)| json!({ "value": value, "traces": traces })).collect();
        ranked.push((most, json!({ "scope": scope, "key": key, "distinct": distinct, "values": shown })));
    }
    // What was in order stays so among equals.
    ranked.sort_by_key(|(most, _)| std::cmp::Reverse(*most));
    ranked.into_iter().take(limit).map(|(_, value)| value).collect()
}
