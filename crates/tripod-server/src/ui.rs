//! The web page, embedded: the build of `ui/`. Any path that is no file of it, asked for by a browser, gets the page itself, which reads
//! its state from the URL.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::compression::{self, Coding};

#[derive(RustEmbed)]
#[folder = "../../ui/dist"]
struct Assets;

const PAGE: &str = "index.html";

/// Files compressed once, by their path; with the hash of what was compressed, since a debug build reads them anew.
static PACKED: Mutex<BTreeMap<String, ([u8; 32], Bytes)>> = Mutex::new(BTreeMap::new());

const SECURITY: [(HeaderName, HeaderValue); 4] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
        ),
    ),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// Answers whatever is no API.
pub(crate) async fn serve(request: Request) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return (StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here\n").into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    if let Some(file) = Assets::get(path) {
        return with_security(answer(path, &file, request.headers()));
    }
    match Assets::get(PAGE) {
        Some(page) if wants_page(path, request.headers()) => with_security(answer(PAGE, &page, request.headers())),
        _ => (StatusCode::NOT_FOUND, format!("nothing at /{path}\n")).into_response(),
    }
}

fn wants_page(path: &str, headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    path.is_empty() || (!path.starts_with("assets/") && accept.contains("text/html"))
}

fn with_security(mut response: Response) -> Response {
    response.headers_mut().extend(SECURITY);
    response
}

fn answer(path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash = file.metadata.sha256_hash();
    let start = hash.first_chunk().map_or(0, |start| u64::from_be_bytes(*start));
    let etag = format!("W/\"{start:016x}\"");
    // The build puts a hash into the names of these: they never change.
    let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|one| one.trim() == etag)) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, etag), (CACHE_CONTROL, caching.to_owned())]).into_response();
    }
    let mime = mime_guess::from_path(path).first_or_octet_stream();
    let head = [
        (CONTENT_TYPE, if mime.type_() == "text" { format!("{mime}; charset=utf-8") } else { mime.to_string() }),
        (CACHE_CONTROL, caching.to_owned()),
        (ETAG, etag),
        (VARY, "accept-encoding".to_owned()),
    ];
    let is_text =
        mime.type_() == "text" || mime.subtype() == "javascript" || mime.subtype() == "json" || mime.subtype() == "svg";
    if is_text
        && file.data.len() >= compression::MIN_BYTES
        && Coding::Gzip.is_accepted(headers)
        && let Some(packed) = packed(path, file)
    {
        return (head, [(CONTENT_ENCODING, Coding::Gzip.name())], packed).into_response();
    }
    (head, Body::from(file.data.clone().into_owned())).into_response()
}

/// The file compressed well: that is done once.
fn packed(path: &str, file: &EmbeddedFile) -> Option<Bytes> {
    let hash = file.metadata.sha256_hash();
    let mut known = PACKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, packed)) = known.get(path).filter(|(of, _)| *of == hash) {
        return Some(packed.clone());
    }
    let packed = Bytes::from(compression::gzip(&file.data, flate2::Compression::best()).ok()?);
    known.insert(path.to_owned(), (hash, packed.clone()));
    Some(packed)
}
