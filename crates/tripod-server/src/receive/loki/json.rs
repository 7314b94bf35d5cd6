//! A push request in JSON: `{"streams":[{"stream":{"job":"a"},"values":[["1700000000000000000","line",{"trace_id":"…"}]]}]}`.

use std::collections::BTreeMap;

use serde::Deserialize;
use tripod_wire::loki::{Entry, Pair, PushRequest, Stream, Timestamp};

#[derive(Deserialize)]
struct Push<'a> {
    #[serde(borrow)]
    streams: Vec<JsonStream<'a>>,
}

#[derive(Deserialize)]
struct JsonStream<'a> {
    stream: BTreeMap<String, String>,
    #[serde(borrow)]
    values: Vec<Value<'a>>,
}

/// A line with or without structured metadata.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected [\"<nanoseconds since the Unix epoch>\", \"<line>\"] and possibly an object of texts"
)]
enum Value<'a> {
    Plain((Time<'a>, String)),
    WithMetadata((Time<'a>, String, BTreeMap<String, String>)),
}

/// Nanoseconds since the Unix epoch, as text; some senders write a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Time<'a> {
    Text(std::borrow::Cow<'a, str>),
    Number(u64),
}

impl Time<'_> {
    fn nanos(&self) -> Result<u64, String> {
        match self {
            Self::Number(nanos) => Ok(*nanos),
            Self::Text(text) => {
                text.parse().map_err(|_| format!("the time {text:?} is not nanoseconds since the Unix epoch"))
            }
        }
    }
}

/// Reads a request.
pub(super) fn read(bytes: &[u8]) -> Result<PushRequest, String> {
    let push: Push<'_> = serde_json::from_slice(bytes).map_err(|error| format!("not a valid request: {error}"))?;
    let streams = push.streams.into_iter().map(stream).collect::<Result<_, _>>()?;
    Ok(PushRequest { streams })
}

fn stream(stream: JsonStream<'_>) -> Result<Stream, String> {
    let entries = stream.values.into_iter().map(|value| {
        let (time, line, metadata) = match value {
            Value::Plain((time, line)) => (time, line, BTreeMap::new()),
            Value::WithMetadata((time, line, metadata)) => (time, line, metadata),
        };
        let nanos = time.nanos()?;
        let timestamp = Timestamp { seconds: (nanos / 1_000_000_000) as i64, nanos: (nanos % 1_000_000_000) as i32 };
        let structured_metadata = metadata.into_iter().map(|(name, value)| Pair { name, value }).collect();
        Ok(Entry { timestamp, line, structured_metadata })
    });
    let labels: Vec<String> = stream.stream.iter().map(|(name, value)| format!("{name:?}={value:?}")).collect();
    Ok(Stream { labels: format!("{{{}}}", labels.join(",")), entries: entries.collect::<Result<_, String>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_and_without_metadata_are_read() {
        let text = r#"{"streams":[{"stream":{"job":"a"},"values":[["1700000000000000005","x\n"],["7","y",{"k":"v"}],[8,"z"]]}]}"#;
        let stream = read(text.as_bytes()).unwrap().streams.pop().unwrap();
        assert_eq!(stream.labels, r#"{"job"="a"}"#);
        let lines: Vec<_> =
            stream.entries.iter().map(|entry| (entry.timestamp.unix_nano(), entry.line.as_str())).collect();
        assert_eq!(lines, [(1_700_000_000_000_000_005, "x\n"), (7, "y"), (8, "z")]);
        assert_eq!(stream.entries[1].structured_metadata[0].value, "v");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, reason) in [
            (r#"{"streams":[{"stream":{},"values":[["x","y"]]}]}"#, "the time \"x\""),
            (r#"{"streams":[{"stream":{},"values":[["1"]]}]}"#, "expected ["),
            ("{", "line 1 column 1"),
            ("{}", "missing field `streams`"),
        ] {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
