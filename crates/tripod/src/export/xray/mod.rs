//! AWS X-Ray by its own API, `PutTraceSegments`: for accounts that have X-Ray but not CloudWatch's Transaction Search, which its OTLP
//! endpoint asks for. [`segment`] has the mapping.

mod segment;

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use tripod_wire::otlp::TracesData;

use super::aws::Endpoint;
use super::parts::Parts;
use crate::Error;
use crate::config::{AwsConfig, check_url};
use crate::pipeline::{Batch, ExportError, Exported, Exporter, Signal};

/// The API's limit.
const MAX_DOCUMENTS: usize = 50;

/// Sends spans to X-Ray as segments; see [`crate::Builder::exporter`].
///
/// ```no_run
/// # fn main() -> Result<(), tripod::Error> {
/// use tripod::propagation::Propagator;
/// let xray = tripod::XRayExporter::new().region("eu-central-1").annotations(["order.id"]);
/// let _tripod = tripod::init().exporter(xray).propagators([Propagator::XRay]).start()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct XRayExporter {
    endpoint: Endpoint,
    annotated: HashSet<String>,
    parts: Parts,
}

impl XRayExporter {
    /// Credentials and, unless it is said here, the region are AWS' standard chain's.
    #[expect(clippy::new_without_default, reason = "an exporter is made on purpose")]
    pub fn new() -> Self {
        Self { endpoint: Endpoint::new("xray"), annotated: HashSet::new(), parts: Parts::default() }
    }

    /// As the variables have it.
    pub(super) fn from_config(config: &AwsConfig) -> Result<Self, Error> {
        let mut exporter = Self::new();
        exporter.endpoint.region.clone_from(&config.region);
        match &config.xray {
            Some(url) => exporter.endpoint(url),
            None => Ok(exporter),
        }
    }

    /// The region; by default as AWS' standard chain has it.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        self.endpoint.region = Some(region.to_owned());
        self
    }

    /// A URL other than AWS' own, without a path.
    ///
    /// # Errors
    /// [`Error::Config`] when it is none.
    pub fn endpoint(mut self, url: &str) -> Result<Self, Error> {
        self.endpoint.url = Some(check_url("XRayExporter::endpoint", url, None)?);
        Ok(self)
    }

    /// How long one request may take; 10 s by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.endpoint.timeout = timeout;
        self
    }

    /// Attributes of spans that X-Ray is to make searchable; none by default. It has 50 a trace.
    #[must_use]
    pub fn annotations<'a>(mut self, keys: impl IntoIterator<Item = &'a str>) -> Self {
        self.annotated = keys.into_iter().map(str::to_owned).collect();
        self
    }

    fn put(endpoint: &mut Endpoint, documents: &[String]) -> Result<Exported, ExportError> {
        let body = json!({ "TraceSegmentDocuments": documents }).to_string();
        let answer = endpoint.post("/TraceSegments", &[("content-type", "application/json")], body.as_bytes())?;
        Ok(unprocessed(&answer.body))
    }
}

/// The segments that X-Ray refused of those it took.
fn unprocessed(answer: &[u8]) -> Exported {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let refused = answer["UnprocessedTraceSegments"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |key: &str| refused.first().and_then(|one| one[key].as_str()).unwrap_or_default();
    let reason = if refused.is_empty() { String::new() } else { format!("{}: {}", text("ErrorCode"), text("Message")) };
    Exported { rejected: refused.len() as u64, reason }
}

impl Exporter for XRayExporter {
    fn name(&self) -> &'static str {
        "xray"
    }

    fn accepts(&self, signal: Signal) -> bool {
        signal == Signal::Traces
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        let traces = batch.decode::<TracesData>()?;
        let (mut documents, mut left_out) = (Vec::new(), Exported::default());
        for resource in &traces.resource_spans {
            for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
                match segment::document(span, &resource.resource, &self.annotated) {
                    Ok(document) => documents.push(document),
                    Err(reason) => left_out = Exported { rejected: left_out.rejected + 1, reason },
                }
            }
        }
        let requests = documents.chunks(MAX_DOCUMENTS).map(|some| (some.len() as u64, some));
        self.parts.send(batch, left_out, requests, |documents| Self::put(&mut self.endpoint, documents))
    }

    fn after_fork(&mut self) {
        self.endpoint.forget();
    }
}

/// The guide's snippets, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../../../docs/how-to/export/xray.md")]
mod guide {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_that_were_not_processed_are_rejected() {
        let answer =
            json!({ "UnprocessedTraceSegments": [{ "Id": "1", "ErrorCode": "ParseError", "Message": "what?" }] });
        let expected = Exported { rejected: 1, reason: "ParseError: what?".to_owned() };
        assert_eq!(unprocessed(answer.to_string().as_bytes()), expected);
        assert_eq!(unprocessed(b"{\"UnprocessedTraceSegments\":[]}"), Exported::default());
        assert_eq!(unprocessed(b""), Exported::default());
    }
}
