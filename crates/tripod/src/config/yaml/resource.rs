//! `resource`: attributes with their types, and detectors.

use tripod_wire::otlp::{AnyValue, KeyValue};

use super::node::{Item, Map};
use crate::Error;
use crate::config::otlp;
use crate::config::settings::Settings;
use crate::resource::Detector;

pub(super) fn read(resource: &Map<'_>, settings: &mut Settings) -> Result<(), Error> {
    if let Some(list) = resource.get("attributes_list") {
        for (key, value) in list.parse(otlp::pairs, "must be key=value pairs, separated by commas")? {
            settings.attributes.set(KeyValue::new(&key, value));
        }
    }
    if let Some(attributes) = resource.get("attributes") {
        // A map in the first versions of the format.
        if attributes.is_map() {
            for (key, value) in attributes.map()?.entries() {
                settings.attributes.set(KeyValue::new(key, AnyValue::String(value.text()?)));
            }
        } else {
            for attribute in attributes.list()? {
                settings.attributes.set(read_attribute(&attribute.map()?)?);
            }
        }
    }
    // In 0.x the detectors stand there by themselves.
    if let Some(detection) = resource.map("detection/development")? {
        settings.detectors = detectors(&detection)?;
        detection.leave("attributes", "changes nothing: all that is detected is kept");
        detection.finish()?;
    }
    resource.leave("detectors", "changes nothing: all that is detected is kept");
    resource.leave("schema_url", "changes nothing: no schema's URL is sent");
    resource.finish()
}

fn read_attribute(attribute: &Map<'_>) -> Result<KeyValue, Error> {
    let name = attribute.text("name")?.ok_or_else(|| attribute.missing("name", "such as service.name"))?;
    let value = attribute.get("value").ok_or_else(|| attribute.missing("value", "such as checkout"))?;
    let kind = attribute.text("type")?;
    let kind = kind.as_deref().unwrap_or("string");
    let value = match kind.strip_suffix("_array") {
        Some(of) => AnyValue::Array(value.list()?.iter().map(|item| typed(item, of)).collect::<Result<_, _>>()?),
        None => typed(&value, kind)?,
    };
    attribute.finish()?;
    Ok(KeyValue { key: name, value })
}

fn typed(item: &Item<'_>, kind: &str) -> Result<AnyValue, Error> {
    match kind {
        "string" => item.text().map(AnyValue::String),
        "bool" => item.flag().map(AnyValue::Bool),
        "int" => item.parse(|text| text.parse().ok(), "must be a whole number").map(AnyValue::Int),
        "double" => item.number().map(AnyValue::Double),
        _ => Err(item.wrong("its type must be string, bool, int or double, or one of them with _array")),
    }
}

fn detectors(detection: &Map<'_>) -> Result<Option<Vec<Detector>>, Error> {
    let Some(list) = detection.get("detectors") else { return Ok(None) };
    let mut detectors = Vec::new();
    for item in list.list()? {
        let (name, _) = item.only_key()?;
        detectors.push(Detector::from_name(name).ok_or_else(|| item.wrong(Detector::ALLOWED))?);
        // The specification's host is host and system in one.
        if name == "host" {
            detectors.push(Detector::Os);
        }
    }
    Ok(Some(detectors))
}
