//! `tracer_provider.sampler`: samplers within samplers.

use tripod_wire::otlp::trace::SpanKind;

use super::node::{Item, Map};
use crate::Error;
use crate::trace::{Sampler, SamplingRule};

const ALLOWED: &str = "must be always_on, always_off, trace_id_ratio_based, parent_based, probability/development or \
                       composite/development";
const COMPOSABLE: &str = "must be always_on, always_off, probability, parent_threshold or rule_based";

pub(super) fn read(item: &Item<'_>) -> Result<Sampler, Error> {
    let (name, argument) = item.only_key()?;
    let argument_map = argument.map()?;
    let sampler = match name {
        "always_on" => Sampler::always_on().ignoring_parent(),
        "always_off" => Sampler::always_off().ignoring_parent(),
        "trace_id_ratio_based" | "probability/development" => ratio(&argument_map)?.ignoring_parent(),
        "parent_based" => parent_based(&argument_map)?,
        "composite/development" => return composable(&argument),
        _ => return Err(argument.wrong(ALLOWED)),
    };
    argument_map.finish()?;
    Ok(sampler)
}

fn ratio(argument: &Map<'_>) -> Result<Sampler, Error> {
    let Some(item) = argument.get("ratio") else { return Ok(Sampler::always_on()) };
    let share = |text: &str| text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    item.parse(share, "must be a number from 0 to 1").map(Sampler::ratio)
}

/// Without its delegates, which follow the parent where the file does not say otherwise.
fn parent_based(argument: &Map<'_>) -> Result<Sampler, Error> {
    let root = argument.get("root").map(|item| read(&item)).transpose()?;
    let mut sampler = match root {
        Some(root) => root.following_parent(),
        None => Sampler::always_on(),
    };
    type Delegate = fn(Sampler, Sampler) -> Sampler;
    let delegates: [(&str, Delegate, &str); 4] = [
        ("remote_parent_sampled", Sampler::remote_parent_sampled, "always_on"),
        ("remote_parent_not_sampled", Sampler::remote_parent_not_sampled, "always_off"),
        ("local_parent_sampled", Sampler::local_parent_sampled, "always_on"),
        ("local_parent_not_sampled", Sampler::local_parent_not_sampled, "always_off"),
    ];
    for (key, set, default) in delegates {
        let Some(item) = argument.get(key) else { continue };
        let delegate = read(&item)?;
        // The default is the parent's decision itself, which costs less than to ask.
        if delegate.to_string() != default {
            sampler = set(sampler, delegate);
        }
    }
    Ok(sampler)
}

/// The samplers of `composite/development`, which look at a parent only where they say so.
fn composable(item: &Item<'_>) -> Result<Sampler, Error> {
    let (name, argument) = item.only_key()?;
    let argument_map = argument.map()?;
    let sampler = match name {
        "always_on" => Sampler::always_on().ignoring_parent(),
        "always_off" => Sampler::always_off().ignoring_parent(),
        "probability" => ratio(&argument_map)?.ignoring_parent(),
        "parent_threshold" => {
            let root = argument_map.get("root").map(|item| composable(&item)).transpose()?;
            root.map_or_else(Sampler::always_on, Sampler::following_parent)
        }
        "rule_based" => {
            let mut rules = Vec::new();
            for rule in argument_map.list("rules")? {
                add_rules(&rule.map()?, &mut rules)?;
            }
            Sampler::rules(rules, Sampler::always_off()).ignoring_parent()
        }
        _ => return Err(argument.wrong(COMPOSABLE)),
    };
    argument_map.finish()?;
    Ok(sampler)
}

/// A rule of the file that lists several kinds or values is several rules here.
fn add_rules(rule: &Map<'_>, rules: &mut Vec<SamplingRule>) -> Result<(), Error> {
    let item = rule.get("sampler").ok_or_else(|| rule.missing("sampler", "such as always_on:"))?;
    let base = SamplingRule::new(composable(&item)?);
    let mut values = match rule.map("attribute_values")? {
        Some(values) => attribute(&values, "values", |text| text.replace(['*', '?'], "?"))?,
        None => Vec::new(),
    };
    if let Some(patterns) = rule.map("attribute_patterns")? {
        if patterns.any("excluded").is_some_and(|excluded| !excluded.is_null()) {
            return Err(patterns.wrong("excluded", "is not supported: only what is included can be named"));
        }
        values.extend(attribute(&patterns, "included", str::to_owned)?);
    }
    if rule.get("parent").is_some() {
        return Err(rule.wrong("parent", "is not supported in a rule: use parent_threshold or parent_based"));
    }
    let mut kinds = Vec::new();
    for kind in rule.list("span_kinds")? {
        kinds.push(kind.parse(span_kind, "must be internal, server, client, producer or consumer")?);
    }
    rule.finish()?;
    let with_values = if values.is_empty() {
        vec![base]
    } else {
        values.iter().map(|(key, pattern)| base.clone().attribute(key, pattern)).collect()
    };
    for rule in with_values {
        if kinds.is_empty() {
            rules.push(rule);
        } else {
            rules.extend(kinds.iter().map(|kind| rule.clone().kind(*kind)));
        }
    }
    Ok(())
}

fn attribute(
    condition: &Map<'_>,
    list: &str,
    pattern: impl Fn(&str) -> String,
) -> Result<Vec<(String, String)>, Error> {
    let key = condition.text("key")?.ok_or_else(|| condition.missing("key", "the attribute's name"))?;
    let values = condition.texts(list)?.ok_or_else(|| condition.missing(list, "a list of texts"))?;
    condition.finish()?;
    Ok(values.iter().map(|value| (key.clone(), pattern(value))).collect())
}

fn span_kind(name: &str) -> Option<SpanKind> {
    Some(match name {
        "internal" => SpanKind::INTERNAL,
        "server" => SpanKind::SERVER,
        "client" => SpanKind::CLIENT,
        "producer" => SpanKind::PRODUCER,
        "consumer" => SpanKind::CONSUMER,
        _ => return None,
    })
}
