//! What is said with an answer that lacks what was in damaged parts.
//!
//! Every answer of a query API has the header [`HEADER`] then, once a part. Answers whose format has a place for it say it there, about
//! the parts that they would have had rows of: Prometheus' as `warnings`, those of our own as `warnings`, too.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::Value;
use tripod_store::{DamagedPart, Store, Window};

use super::{Context, time};

/// The header of an answer that may lack something.
pub(super) const HEADER: &str = "tripod-warning";

/// No answer has more of them.
const MAX_HEADERS: usize = 8;

/// What is missing of a signal within a window.
pub(super) fn warnings(store: &dyn Store, signal: &str, window: Window) -> Vec<String> {
    let meets = |part: &DamagedPart| part.signal == signal && part.oldest <= window.end && part.newest >= window.start;
    store.damaged().iter().filter(|part| meets(part)).map(text).collect()
}

/// Adds what is missing to an answer of our own.
pub(super) fn add_to(answer: &mut Value, store: &dyn Store, signal: &str, window: Window) {
    let warnings = warnings(store, signal, window);
    if !warnings.is_empty() {
        answer["warnings"] = warnings.into();
    }
}

/// Adds the header to answers.
pub(super) async fn tell(State(context): State<Arc<Context>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for part in context.store.damaged().iter().take(MAX_HEADERS) {
        // Paths may have any byte in them.
        let plain: String = text(part).chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).collect();
        if let Ok(value) = HeaderValue::from_str(&plain) {
            response.headers_mut().append(HEADER, value);
        }
    }
    response
}

fn text(part: &DamagedPart) -> String {
    let DamagedPart { signal, damage, rows, oldest, newest } = part;
    let (path, offset, reason) = (damage.path.display(), damage.offset, &damage.reason);
    let [from, to] = [oldest, newest].map(|nanos| time::format_rfc3339(*nanos));
    format!("{rows} rows of {signal} from {from} to {to} are missing: {path} is damaged at offset {offset} ({reason})")
}
