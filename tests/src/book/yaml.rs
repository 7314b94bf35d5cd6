//! YAML as JSON's values, so that a test can look into it.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value};

/// The first document of a text.
///
/// # Errors
/// What can't be read.
pub fn parse(text: &str) -> Result<Value, String> {
    documents(text)?.into_iter().next().ok_or_else(|| "no document".to_owned())
}

/// All documents of a text.
///
/// # Errors
/// What can't be read.
pub fn documents(text: &str) -> Result<Vec<Value>, String> {
    let documents = Yaml::load_from_str(text).map_err(|error| error.to_string())?;
    Ok(documents.iter().map(value).collect())
}

fn value(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Boolean(value)) => Value::Bool(*value),
        Yaml::Value(Scalar::Integer(value)) => Value::from(*value),
        Yaml::Value(Scalar::FloatingPoint(value)) => Value::from(value.into_inner()),
        Yaml::Value(Scalar::String(value)) => Value::String(value.to_string()),
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Mapping(entries) => entries
            .iter()
            .map(|(key, of)| (key.as_str().unwrap_or_default().to_owned(), value(of)))
            .collect::<Map<_, _>>()
            .into(),
        _ => Value::Null,
    }
}
