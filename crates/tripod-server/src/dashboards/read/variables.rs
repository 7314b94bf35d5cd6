//! Variables: `templating.list`.

use serde_json::Value;

use super::Reader;
use super::node::{Object, scalar};
use super::sources::Found;
use crate::dashboards::model::{Auto, Choice, Filter, Hide, Source, Variable, VariableKind};

/// What stands for all values.
const ALL: &str = "$__all";

impl Reader<'_> {
    pub(super) fn variables(&self, root: &Object<'_>) -> Vec<Variable> {
        let Some(templating) = root.object("templating") else { return Vec::new() };
        let all = templating.objects("list");
        templating.skip(&["enable"]);
        templating.rest();
        all.iter().filter_map(|(_, one)| self.variable(one)).collect()
    }

    fn variable(&self, json: &Object<'_>) -> Option<Variable> {
        let name = json.text("name").filter(|name| !name.is_empty())?;
        let kind = match json.text("type").as_deref() {
            Some("query") | None => VariableKind::Query,
            Some("custom") => VariableKind::Custom,
            Some("interval") => VariableKind::Interval,
            Some("constant") => VariableKind::Constant,
            Some("textbox") => VariableKind::Textbox,
            Some("datasource") => VariableKind::Datasource,
            Some("adhoc") => VariableKind::Adhoc,
            Some(other) => {
                json.note("type", format!("variables of type {other} are not known: ${name} stays as it is"));
                return None;
            }
        };
        let source = match self.sources.of(json.get("datasource")) {
            Found::One(source) => source,
            Found::Mixed => Source::Prometheus,
            Found::Other(what) if kind == VariableKind::Query => {
                json.note("datasource", format!("{what} gives no values here: ${name} has those of the file"));
                Source::Prometheus
            }
            Found::Other(_) => Source::Prometheus,
        };
        let query = query(json);
        if kind == VariableKind::Datasource && !["prometheus", "loki", "tempo", "jaeger"].contains(&query.as_str()) {
            json.note("query", format!("there is no data source {query} here"));
        }
        let current = json.object("current");
        let mut chosen = current.as_ref().map(|current| current.texts("value")).unwrap_or_default();
        if chosen.is_empty() && kind == VariableKind::Query {
            chosen = current.as_ref().map(|current| current.texts("text")).unwrap_or_default();
        }
        let all = |value: String| if value == "All" { ALL.to_owned() } else { value };
        let flag = |key: &str| json.flag(key).unwrap_or(false);
        let auto = flag("auto").then(|| Auto {
            count: json.count("auto_count").unwrap_or(30).max(1),
            min: json.text("auto_min").unwrap_or_else(|| "10s".to_owned()),
        });
        json.skip(&[
            "id",
            "skipUrlSync",
            "definition",
            "tags",
            "tagsQuery",
            "tagValuesQuery",
            "useTags",
            "description",
        ]);
        json.skip(&[
            "error",
            "state",
            "queryValue",
            "baseFilters",
            "tagValuesQuery",
            "options",
            "global",
            "index",
            "rootStateKey",
        ]);
        json.skip(&["allowCustomValue", "auto_count", "auto_min", "refresh", "defaultKeys", "staticOptionsOrder"]);
        let variable = Variable {
            label: json.text_or_empty("label"),
            hide: match json.text_or_empty("hide").as_str() {
                "1" | "hideLabel" => Hide::Label,
                "2" | "hideVariable" | "true" => Hide::Variable,
                _ => Hide::Nothing,
            },
            source,
            options: options(json, kind, &query),
            query,
            regex: json.text_or_empty("regex"),
            sort: json.count("sort").unwrap_or(0).min(6) as u8,
            multi: flag("multi"),
            include_all: flag("includeAll"),
            all_value: json.text("allValue").filter(|value| !value.is_empty()),
            current: chosen.into_iter().map(all).collect(),
            by_time: json.text("refresh").as_deref() == Some("2"),
            auto,
            filters: json.objects("filters").iter().filter_map(|(_, one)| filter(one)).collect(),
            name,
            kind,
        };
        json.rest();
        Some(variable)
    }
}

/// A text, or the `query` or `expr` of an object.
fn query(json: &Object<'_>) -> String {
    match json.get("query") {
        Some(Value::Object(map)) => {
            let text = |key: &str| map.get(key).and_then(scalar).filter(|text| !text.is_empty());
            if let Some(query) = text("query").or_else(|| text("expr")) {
                return query;
            }
            // Loki's editor has no text of its own.
            match (text("label"), text("stream")) {
                (Some(label), Some(stream)) => format!("label_values({stream}, {label})"),
                (Some(label), None) => format!("label_values({label})"),
                (None, _) => "label_names()".to_owned(),
            }
        }
        Some(value) => scalar(value).unwrap_or_default(),
        None => String::new(),
    }
}

/// Those of a list in the query (`a, b : 2`), or those in the file.
fn options(json: &Object<'_>, kind: VariableKind, query: &str) -> Vec<Choice> {
    let listed = matches!(kind, VariableKind::Custom | VariableKind::Interval) && !query.trim().is_empty();
    if listed {
        return split(query).into_iter().map(|one| choice(&one, kind)).collect();
    }
    let choice = |option: &Object<'_>| {
        let value = option.text("value").or_else(|| option.text("text"))?;
        let text = option.text("text").unwrap_or_else(|| value.clone());
        Some(Choice { text, value })
    };
    let options = json.objects("options");
    options.iter().filter_map(|(_, one)| choice(one)).filter(|one| one.value != ALL).collect()
}

/// Splits at commas that have no backslash before them.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut escaped) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            ',' if !escaped => parts.push(std::mem::take(&mut part)),
            ',' => part.push(','),
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            c => {
                if escaped {
                    part.push('\\');
                }
                part.push(c);
            }
        }
        escaped = false;
    }
    parts.push(part);
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn choice(text: &str, kind: VariableKind) -> Choice {
    match text.split_once(" : ") {
        Some((text, value)) if kind == VariableKind::Custom => {
            Choice { text: text.trim().to_owned(), value: value.trim().to_owned() }
        }
        _ => Choice { text: text.to_owned(), value: text.to_owned() },
    }
}

fn filter(json: &Object<'_>) -> Option<Filter> {
    let filter = Filter {
        key: json.text("key").filter(|key| !key.is_empty())?,
        operator: json.text("operator").unwrap_or_else(|| "=".to_owned()),
        value: json.text_or_empty("value"),
    };
    json.skip(&["condition", "keyLabel", "valueLabels", "values", "origin"]);
    Some(filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_split_at_commas_and_have_a_name_of_their_own() {
        assert_eq!(split("1m, 5m,1h ,"), ["1m", "5m", "1h"]);
        assert_eq!(split(r"a\,b, c\d"), ["a,b", r"c\d"]);
        let named = choice("five : 5", VariableKind::Custom);
        assert_eq!((named.text.as_str(), named.value.as_str()), ("five", "5"));
    }
}
