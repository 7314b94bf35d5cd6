//! `POST /api/admin/snapshot?name=`: a copy of the store in `snapshots/NAME` of its directory, made while the server goes on.
//!
//! Only programs may ask for one: a web page that someone is looking at could otherwise fill the disk, as a browser sends a POST like
//! this anywhere. Browsers say with `Origin` that it comes from a page.

use std::io::{self, ErrorKind};
use std::path::{self, Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use serde_json::json;
use tripod_store::Store;

use super::params::Params;
use super::{Context, Failure, json_response};

/// The longest name.
const MAX_NAME: usize = 64;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new().route("/api/admin/snapshot", post(snapshot))
}

async fn snapshot(State(context): State<Arc<Context>>, headers: HeaderMap, params: Params) -> Response {
    match answer(context, &headers, &params).await {
        Ok((path, bytes)) => json_response(StatusCode::OK, &json!({ "path": path.to_string_lossy(), "bytes": bytes })),
        Err(failure) => failure.ours(),
    }
}

/// Where the snapshot is, and the bytes of its parts. No timeout ends it: it takes as long as writing what is in memory.
async fn answer(context: Arc<Context>, headers: &HeaderMap, params: &Params) -> Result<(PathBuf, u64), Failure> {
    if headers.contains_key(ORIGIN) {
        return Err(Failure::Bad("web pages may not make snapshots".to_owned()));
    }
    let name = name(params.required("name")?)?.to_owned();
    let turn = Arc::clone(&context.snapshot).acquire_owned().await;
    let work = move || {
        let _turn = turn;
        make(context.store.as_ref(), &context.snapshots, &name)
    };
    let made = tokio::task::spawn_blocking(work).await;
    made.unwrap_or_else(|_| Err(Failure::Internal("the snapshot could not be made".to_owned())))
}

/// Bytes that are on disk for snapshots alone: of files that have no other name any more. What can't be looked at counts nothing.
pub(super) fn bytes(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes(&entry.path()),
        Ok(metadata) if metadata.is_file() && is_only_name(&metadata) => metadata.len(),
        _ => 0,
    };
    entries.flatten().map(of).sum()
}

#[cfg(unix)]
fn is_only_name(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) == 1
}

#[cfg(not(unix))]
fn is_only_name(_: &std::fs::Metadata) -> bool {
    true
}

/// A name that is one of a directory right below the others, on every system.
fn name(name: &str) -> Result<&str, Failure> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.len() > MAX_NAME || name.starts_with('.') || !name.bytes().all(allowed) {
        let rule = format!("at most {MAX_NAME} letters, digits, '-', '_' and '.', and not '.' first");
        return Err(Failure::Bad(format!("{name:?} can't be the name of a snapshot: {rule}")));
    }
    Ok(name)
}

fn make(store: &dyn Store, snapshots: &Path, name: &str) -> Result<(PathBuf, u64), Failure> {
    let dest = snapshots.join(name);
    let failed = |error: io::Error| Failure::Internal(format!("cannot create {}: {error}", dest.display()));
    std::fs::create_dir_all(snapshots).map_err(failed)?;
    std::fs::create_dir(&dest).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::Bad(format!("there is a snapshot {name:?}: take another name, or delete it"))
        }
        _ => failed(error),
    })?;
    match store.snapshot(&dest) {
        Ok(bytes) => Ok((path::absolute(&dest).unwrap_or(dest), bytes)),
        Err(error) => {
            // Half of it is of no use, and would stand in the way of the next try; if it can't go, the error says where it is.
            let _ = std::fs::remove_dir_all(&dest);
            Err(error.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        for right in ["2026-11-21", "before_upgrade.1", &"x".repeat(MAX_NAME)] {
            assert_eq!(name(right), Ok(right));
        }
        for wrong in
            [".", "..", ".hidden", "a/b", "../up", "a\\b", "C:x", "a b", "\u{e9}", "a\0", &"x".repeat(MAX_NAME + 1)]
        {
            assert!(matches!(name(wrong), Err(Failure::Bad(_))), "{wrong}");
        }
    }
}
