//! Documents as requests of OTLP: small ones together, large ones in parts.

use serde_json::{Value, json};

use super::jaeger;

/// A request is sent when it has grown to this.
const FULL: usize = 2 << 20;
/// What is larger is cut, as far as can be: servers limit the size of requests.
const LARGEST: usize = 8 << 20;

/// What a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Logs,
    Metrics,
    Zipkin,
}

impl Signal {
    const ALL: [Self; 4] = [Self::Traces, Self::Logs, Self::Metrics, Self::Zipkin];

    /// Names of the lists of resources, scopes and records in OTLP's JSON.
    fn lists(self) -> [&'static str; 3] {
        match self {
            Self::Logs => ["resourceLogs", "scopeLogs", "logRecords"],
            Self::Metrics => ["resourceMetrics", "scopeMetrics", "metrics"],
            Self::Traces | Self::Zipkin => ["resourceSpans", "scopeSpans", "spans"],
        }
    }

    /// Where OTLP takes it; Zipkin's spans go elsewhere.
    pub(super) fn path(self) -> Option<&'static str> {
        match self {
            Self::Traces => Some("v1/traces"),
            Self::Logs => Some("v1/logs"),
            Self::Metrics => Some("v1/metrics"),
            Self::Zipkin => None,
        }
    }
}

/// A body and what is in it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) signal: Signal,
    pub(super) records: u64,
    pub(super) body: String,
}

/// What waits to be sent, by signal.
#[derive(Debug, Default)]
pub(super) struct Batches([Batch; 4]);

#[derive(Debug, Default)]
struct Batch {
    /// Entries of the outermost list, with a comma between two.
    entries: String,
    records: u64,
}

impl Batches {
    /// Takes a document of any kind that is known.
    pub(super) fn add(&mut self, document: Value) -> Result<(), String> {
        match document {
            Value::Array(spans) if spans.iter().all(|span| span["traceId"].is_string()) => {
                spans.iter().for_each(|span| self.push(Signal::Zipkin, 1, &span.to_string()));
                Ok(())
            }
            Value::Object(mut of) => {
                // As `/api/v3/traces/ID` and `/api/v2/traces/ID` of Tripod, Jaeger and Tempo answer.
                for wrapper in ["result", "trace"] {
                    if of.get(wrapper).is_some_and(Value::is_object)
                        && let Some(inner) = of.remove(wrapper)
                    {
                        return self.add(inner);
                    }
                }
                if let Some(traces) = of.get("data").and_then(Value::as_array) {
                    let resources: Result<Vec<Vec<Value>>, String> =
                        traces.iter().map(jaeger::resource_spans).collect();
                    resources?.into_iter().flatten().for_each(|entry| self.entry(Signal::Traces, entry));
                    return Ok(());
                }
                if of.contains_key("processes") && of.contains_key("spans") {
                    let entries = jaeger::resource_spans(&Value::Object(of))?;
                    entries.into_iter().for_each(|entry| self.entry(Signal::Traces, entry));
                    return Ok(());
                }
                self.otlp(of)
            }
            _ => Err("it is neither OTLP nor a trace of Jaeger or Zipkin".to_owned()),
        }
    }

    fn otlp(&mut self, mut of: serde_json::Map<String, Value>) -> Result<(), String> {
        let mut known = false;
        for signal in [Signal::Traces, Signal::Logs, Signal::Metrics] {
            let [resources, ..] = signal.lists();
            if let Some(Value::Array(entries)) = of.remove(resources) {
                entries.into_iter().for_each(|entry| self.entry(signal, entry));
                known = true;
            }
        }
        if known {
            return Ok(());
        }
        let keys: Vec<&str> = of.keys().take(5).map(String::as_str).collect();
        Err(format!(
            "it has {keys:?}, but none of resourceSpans, resourceLogs, resourceMetrics (OTLP) or data (Jaeger)"
        ))
    }

    /// What came from one resource, in parts where it is large.
    fn entry(&mut self, signal: Signal, entry: Value) {
        let [_, scopes, records] = signal.lists();
        let count = |entry: &Value| {
            let scopes = entry[scopes].as_array().into_iter().flatten();
            scopes.map(|scope| scope[records].as_array().map_or(0, Vec::len) as u64).sum()
        };
        let text = entry.to_string();
        if text.len() <= LARGEST {
            return self.push(signal, count(&entry), &text);
        }
        for part in parts(entry, scopes, records) {
            self.push(signal, count(&part), &part.to_string());
        }
    }

    fn push(&mut self, signal: Signal, records: u64, entry: &str) {
        let batch = &mut self.0[signal as usize];
        if !batch.entries.is_empty() {
            batch.entries.push(',');
        }
        batch.entries += entry;
        batch.records += records;
    }

    /// A request that is large enough to be sent.
    pub(super) fn full(&mut self) -> Option<Request> {
        let signal = Signal::ALL.into_iter().find(|signal| self.0[*signal as usize].entries.len() >= FULL)?;
        self.take(signal)
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> impl Iterator<Item = Request> + '_ {
        Signal::ALL.into_iter().filter_map(|signal| self.take(signal))
    }

    fn take(&mut self, signal: Signal) -> Option<Request> {
        let Batch { entries, records } = std::mem::take(&mut self.0[signal as usize]);
        if entries.is_empty() {
            return None;
        }
        let body = match signal {
            Signal::Zipkin => format!("[{entries}]"),
            _ => format!("{{\"{}\":[{entries}]}}", signal.lists()[0]),
        };
        Some(Request { signal, records, body })
    }
}

/// An entry as several, each with some of the records of one scope.
fn parts(mut entry: Value, scopes: &str, records: &str) -> Vec<Value> {
    let Value::Array(all) = entry[scopes].take() else { return vec![entry] };
    let mut parts = Vec::new();
    for mut scope in all {
        let Value::Array(of_scope) = scope[records].take() else { continue };
        let mut part = Vec::new();
        let mut bytes = 0;
        for record in of_scope {
            let size = record.to_string().len();
            if bytes + size > LARGEST / 2 && !part.is_empty() {
                parts.push(with(&entry, scopes, &scope, records, std::mem::take(&mut part)));
                bytes = 0;
            }
            bytes += size;
            part.push(record);
        }
        parts.push(with(&entry, scopes, &scope, records, part));
    }
    parts
}

fn with(entry: &Value, scopes: &str, scope: &Value, records: &str, part: Vec<Value>) -> Value {
    let (mut entry, mut scope) = (entry.clone(), scope.clone());
    scope[records] = Value::Array(part);
    entry[scopes] = json!([scope]);
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traces(spans: usize, name: &str) -> Value {
        let span = json!({ "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": name });
        json!({ "resourceSpans": [{ "resource": {}, "scopeSpans": [{ "scope": { "name": "s" }, "spans": vec![span; spans] }] }] })
    }

    #[test]
    fn small_documents_share_a_request() {
        let mut batches = Batches::default();
        batches.add(traces(2, "a")).unwrap();
        batches.add(json!({ "result": traces(3, "b") })).unwrap();
        batches.add(json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [{}] }] }] })).unwrap();
        batches.add(json!([{ "traceId": "1" }, { "traceId": "2" }])).unwrap();
        assert!(batches.full().is_none());
        let rest: Vec<Request> = batches.rest().collect();
        let sent: Vec<_> = rest.iter().map(|request| (request.signal, request.records)).collect();
        assert_eq!(sent, [(Signal::Traces, 5), (Signal::Logs, 1), (Signal::Zipkin, 2)]);
        let body: Value = serde_json::from_str(&rest[0].body).unwrap();
        assert_eq!(body["resourceSpans"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn a_large_one_is_sent_in_parts() {
        let mut batches = Batches::default();
        batches.add(traces(20, &"x".repeat(1 << 20))).unwrap();
        let request = batches.full().unwrap();
        assert_eq!(request.records, 20);
        let body: Value = serde_json::from_str(&request.body).unwrap();
        let entries = body["resourceSpans"].as_array().unwrap();
        assert!(entries.len() > 4 && entries.iter().all(|entry| entry["scopeSpans"][0]["scope"]["name"] == "s"));
        assert!(entries.iter().all(|entry| entry.to_string().len() <= LARGEST));
    }

    #[test]
    fn what_is_neither_is_named() {
        let fault = |document: Value| Batches::default().add(document).unwrap_err();
        assert!(fault(json!({ "spans": 1, "b": 2 })).contains("[\"b\", \"spans\"]"));
        assert!(fault(json!("x")).contains("neither OTLP"));
        assert!(fault(json!([1])).contains("neither OTLP"));
        assert!(fault(json!({ "data": [{ "spans": [{ "traceID": "x" }] }] })).contains("traceID"));
    }
}
