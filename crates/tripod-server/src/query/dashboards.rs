//! `/api/dashboards`: the dashboards there are, as Grafana's JSON and as what the page draws; and saving them.
//!
//! Who replaces or deletes one says with `If-Match` which revision they saw, so that two editors don't overwrite each other.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use super::params::{Segment, segment};
use super::{Context, Failure, json_response};
use crate::dashboards::library::{Entry, Fault, Library, Origin, SaveError};
use crate::dashboards::{MAX_BYTES, read};

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/api/dashboards", get(list).post(create))
        .route("/api/dashboards/read", post(preview))
        .route("/api/dashboards/{uid}", get(one).put(replace).delete(delete))
        .layer(DefaultBodyLimit::max(MAX_BYTES))
}

/// Why a request about dashboards fails.
enum Refused {
    Failure(Failure),
    Save(SaveError),
    /// The body is no dashboard; where.
    Read(read::ReadError),
    TooLarge(String),
    /// What must be said first.
    Precondition,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<SaveError> for Refused {
    fn from(error: SaveError) -> Self {
        Self::Save(error)
    }
}

impl From<read::ReadError> for Refused {
    fn from(error: read::ReadError) -> Self {
        Self::Read(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let told = |status: StatusCode, reason: String| json_response(status, &json!({ "error": reason }));
        match self {
            Self::Failure(failure) => failure.ours(),
            Self::Precondition => told(
                StatusCode::PRECONDITION_REQUIRED,
                "say with the header If-Match which revision is meant: its ETag".to_owned(),
            ),
            Self::TooLarge(reason) => told(StatusCode::PAYLOAD_TOO_LARGE, reason),
            Self::Read(error) => {
                let mut body = json!({ "error": format!("the dashboard {error}") });
                if let Some((line, column)) = error.place() {
                    body["error"] = format!("line {line}, column {column}: the dashboard {error}").into();
                    body["line"] = line.into();
                    body["column"] = column.into();
                }
                json_response(StatusCode::BAD_REQUEST, &body)
            }
            Self::Save(error) => {
                let status = match &error {
                    SaveError::Uid(_) => StatusCode::BAD_REQUEST,
                    SaveError::Taken(_) => StatusCode::CONFLICT,
                    SaveError::ReadOnly(..) => StatusCode::FORBIDDEN,
                    SaveError::Changed { .. } => StatusCode::PRECONDITION_FAILED,
                    SaveError::Missing(_) => StatusCode::NOT_FOUND,
                    SaveError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
                    SaveError::TooMany => StatusCode::INSUFFICIENT_STORAGE,
                    SaveError::Io { .. } => StatusCode::INTERNAL_SERVER_ERROR,
                };
                told(status, error.to_string())
            }
        }
    }
}

type Answer = Result<Response, Refused>;

/// Runs what reads or writes files on a thread of its own.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refused> + Send + 'static) -> Result<T, Refused> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Failure::Internal("the dashboards could not be worked on".to_owned()).into()))
}

async fn list(State(context): State<Arc<Context>>) -> Answer {
    let library = Arc::clone(&context.dashboards);
    let listing = blocking(move || Ok(library.list())).await?;
    let dashboards: Vec<Value> = listing.entries.iter().map(about).collect();
    let errors: Vec<Value> = listing.faults.iter().map(fault).collect();
    Ok(json_response(StatusCode::OK, &json!({ "dashboards": dashboards, "errors": errors })))
}

fn about(entry: &Entry) -> Value {
    json!({
        "uid": entry.head.uid,
        "title": entry.head.title,
        "tags": entry.head.tags,
        "folder": entry.folder(),
        "origin": entry.origin.name(),
        "file": entry.file,
        "editable": entry.origin == Origin::Saved,
        "revision": entry.head.revision,
    })
}

fn fault(fault: &Fault) -> Value {
    let mut json = json!({ "file": fault.file, "error": fault.reason });
    if let Some((line, column)) = fault.place {
        json["line"] = line.into();
        json["column"] = column.into();
    }
    json
}

async fn one(State(context): State<Arc<Context>>, uid: Segment) -> Answer {
    let uid = segment(uid)?;
    let library = Arc::clone(&context.dashboards);
    let (entry, dashboard) = blocking(move || load(&library, &uid)).await?;
    let mut json = about(&entry);
    json["model"] = serde_json::to_value(read::model(&dashboard)).unwrap_or_default();
    json["dashboard"] = Value::Object(dashboard);
    let mut response = json_response(StatusCode::OK, &json);
    if let Ok(tag) = etag(&entry.head.revision).parse() {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

fn load(library: &Library, uid: &str) -> Result<(Entry, Map<String, Value>), Refused> {
    let Some((entry, bytes)) = library.get(uid)? else {
        return Err(SaveError::Missing(uid.to_owned()).into());
    };
    Ok((entry, read::parse(&bytes)?))
}

/// A model of what is not saved: to look at before an import, and while one edits.
async fn preview(body: Result<Bytes, BytesRejection>) -> Answer {
    let body = bytes(body)?;
    let json = blocking(move || {
        let dashboard = read::parse(&body)?;
        let model = serde_json::to_value(read::model(&dashboard)).unwrap_or_default();
        Ok(json!({ "model": model, "dashboard": dashboard }))
    });
    Ok(json_response(StatusCode::OK, &json.await?))
}

/// Saves a new one, under its uid or a new one.
async fn create(State(context): State<Arc<Context>>, body: Result<Bytes, BytesRejection>) -> Answer {
    let body = bytes(body)?;
    let library = Arc::clone(&context.dashboards);
    let (uid, revision) = blocking(move || {
        let dashboard = read::parse(&body)?;
        let uid = match dashboard.get("uid").and_then(Value::as_str).filter(|uid| !uid.is_empty()) {
            Some(uid) => uid.to_owned(),
            None => free_uid(&library, &body),
        };
        let revision = library.save(&uid, dashboard, None)?;
        Ok((uid, revision))
    })
    .await?;
    Ok(saved(StatusCode::CREATED, &uid, &revision))
}

/// One that nobody has, made of the dashboard.
fn free_uid(library: &Library, body: &[u8]) -> String {
    let taken = library.list().entries;
    let start = twox_hash::XxHash3_64::oneshot(body);
    let uids = (0..).map(|i: u64| format!("{:014x}", start.wrapping_add(i) >> 8));
    let mut free = uids.filter(|uid| taken.iter().all(|entry| entry.head.uid != *uid));
    free.next().unwrap_or_default()
}

async fn replace(
    State(context): State<Arc<Context>>,
    uid: Segment,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let (uid, seen, body) = (segment(uid)?, seen(&headers)?, bytes(body)?);
    let library = Arc::clone(&context.dashboards);
    let (uid, revision) = blocking(move || {
        let dashboard = read::parse(&body)?;
        let own = dashboard.get("uid").and_then(Value::as_str).filter(|own| !own.is_empty());
        if let Some(own) = own.filter(|own| *own != uid) {
            let reason = format!("the dashboard has the uid {own:?}, and {uid:?} was to be replaced");
            return Err(Failure::Bad(reason).into());
        }
        let revision = library.save(&uid, dashboard, Some(&seen))?;
        Ok((uid, revision))
    })
    .await?;
    Ok(saved(StatusCode::OK, &uid, &revision))
}

async fn delete(State(context): State<Arc<Context>>, uid: Segment, headers: HeaderMap) -> Answer {
    let (uid, seen) = (segment(uid)?, seen(&headers)?);
    let library = Arc::clone(&context.dashboards);
    blocking(move || Ok(library.delete(&uid, &seen)?)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn saved(status: StatusCode, uid: &str, revision: &str) -> Response {
    (status, [(ETAG, etag(revision))], axum::Json(json!({ "uid": uid, "revision": revision }))).into_response()
}

fn etag(revision: &str) -> String {
    format!("\"{revision}\"")
}

/// The revision that a request is about.
fn seen(headers: &HeaderMap) -> Result<String, Refused> {
    let value = headers.get(IF_MATCH).and_then(|value| value.to_str().ok()).ok_or(Refused::Precondition)?;
    Ok(value.trim().trim_start_matches("W/").trim_matches('"').to_owned())
}

fn bytes(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Refused> {
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refused::TooLarge(format!("a dashboard may have {} MiB", MAX_BYTES >> 20)),
        _ => Failure::Bad(rejection.body_text()).into(),
    })
}
