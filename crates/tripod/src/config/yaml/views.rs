//! `meter_provider.views`: a selector and what it changes.

use super::node::{Item, Map};
use crate::Error;
use crate::metrics::{InstrumentKind, View};

const ALLOWED: &str =
    "must be default, drop, sum, last_value, explicit_bucket_histogram or base2_exponential_bucket_histogram";

pub(super) fn read(view: &Map<'_>) -> Result<View, Error> {
    let selector = view.map("selector")?.ok_or_else(|| view.missing("selector", "such as instrument_name: x"))?;
    let mut made = match selector.text("instrument_name")? {
        Some(name) => View::instrument(&name),
        None => View::all(),
    };
    if let Some(kind) = selector.get("instrument_type") {
        made =
            made.kind(kind.parse(
                instrument_kind,
                "must be counter, up_down_counter, gauge, histogram or their observable_ forms",
            )?);
    }
    if let Some(unit) = selector.text("unit")? {
        made = made.unit(&unit);
    }
    if let Some(meter) = selector.text("meter_name")? {
        made = made.scope(&meter);
    }
    selector.leave("meter_version", "changes nothing: components have no version");
    selector.leave("meter_schema_url", "changes nothing: components have no schema");
    selector.finish()?;
    if let Some(stream) = view.map("stream")? {
        made = change(made, &stream)?;
    }
    view.finish()?;
    Ok(made)
}

fn change(mut view: View, stream: &Map<'_>) -> Result<View, Error> {
    if let Some(name) = stream.text("name")? {
        view = view.rename(&name);
    }
    if let Some(description) = stream.text("description")? {
        view = view.description(&description);
    }
    if let Some(limit) = stream.positive("aggregation_cardinality_limit")? {
        view = view.limit(limit);
    }
    if let Some(keys) = stream.map("attribute_keys")? {
        if let Some(included) = keys.texts("included")? {
            view = view.keep_labels(included);
        }
        if let Some(excluded) = keys.texts("excluded")? {
            view = view.drop_labels(excluded);
        }
        keys.finish()?;
    }
    if let Some(aggregation) = stream.get("aggregation") {
        view = aggregate(view, &aggregation)?;
    }
    stream.finish()?;
    Ok(view)
}

fn aggregate(view: View, aggregation: &Item<'_>) -> Result<View, Error> {
    let (name, argument) = aggregation.only_key()?;
    let map = argument.map()?;
    let view = match name {
        "default" | "sum" | "last_value" => view,
        "drop" => view.drop(),
        "explicit_bucket_histogram" => {
            let bounds = map.list("boundaries")?.iter().map(Item::number).collect::<Result<Vec<f64>, _>>()?;
            map.leave("record_min_max", "changes nothing: minimum and maximum are always kept");
            if bounds.is_empty() { view } else { view.buckets(&bounds) }
        }
        "base2_exponential_bucket_histogram" => {
            map.leave("max_scale", "changes nothing: the scale is the finest that the buckets allow");
            map.leave("record_min_max", "changes nothing: minimum and maximum are always kept");
            let max_size = map.positive("max_size")?.map_or(Ok(160), u32::try_from);
            view.exponential_buckets(max_size.unwrap_or(u32::MAX))
        }
        _ => return Err(argument.wrong(ALLOWED)),
    };
    map.finish()?;
    Ok(view)
}

fn instrument_kind(name: &str) -> Option<InstrumentKind> {
    Some(match name.strip_prefix("observable_").unwrap_or(name) {
        "counter" => InstrumentKind::Counter,
        "up_down_counter" => InstrumentKind::UpDownCounter,
        "gauge" => InstrumentKind::Gauge,
        "histogram" => InstrumentKind::Histogram,
        _ => return None,
    })
}
