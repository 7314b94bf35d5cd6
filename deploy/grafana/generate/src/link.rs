//! Links from a point of a chart to the traces of its service, in Grafana's Explore.

use serde_json::{Value, json};

/// The variable of a dashboard that says where traces are.
pub(crate) const TRACES: &str = "traces";

/// Opens the traces of the point's `job` in the time that the dashboard shows.
pub(crate) fn traces() -> Value {
    let pane = json!({
        "traces": {
            "datasource": format!("${{{TRACES}}}"),
            "queries": [{
                "refId": "A",
                "datasource": { "type": "jaeger", "uid": format!("${{{TRACES}}}") },
                "queryType": "search",
                "service": "${__field.labels.job}",
            }],
            "range": { "from": "${__from}", "to": "${__to}" },
        }
    });
    let url = format!("/explore?schemaVersion=1&panes={}", encode(&pane.to_string()));
    json!({ "title": "Traces of ${__field.labels.job}", "url": url, "targetBlank": true })
}

/// As a query's value, but that Grafana still finds its variables.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for letter in text.chars() {
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' | '$' | '{' | '}' => encoded.push(letter),
            _ => {
                let mut bytes = [0; 4];
                encoded.extend(letter.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")));
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_one_and_the_variables_stay() {
        let link = traces();
        let url = link["url"].as_str().unwrap();
        assert!(!url.contains(['"', ' ', ',']), "{url}");
        assert!(url.contains("%22service%22%3A%22${__field.labels.job}%22"), "{url}");
    }
}
