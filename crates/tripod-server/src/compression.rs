//! Answers compressed with zstd or gzip, whichever the request takes; zstd, the faster one, where it takes both.
//!
//! Only answers that lie in memory as a whole are compressed, on a thread where that may take its time, at levels that cost less
//! than writing the JSON did.

use std::io::{self, Write};

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;

/// Smaller answers gain nothing.
pub(crate) const MIN_BYTES: usize = 1024;

/// How an answer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Zstd,
}

impl Coding {
    /// The best coding that a request with these headers takes.
    pub(crate) fn accepted(headers: &HeaderMap) -> Option<Self> {
        [Self::Zstd, Self::Gzip].into_iter().find(|coding| coding.is_accepted(headers))
    }

    pub(crate) fn is_accepted(self, headers: &HeaderMap) -> bool {
        let lists = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        lists.flat_map(|list| list.split(',')).any(|one| {
            let (name, weight) = one.split_once(';').unwrap_or((one, ""));
            let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
            name.trim().eq_ignore_ascii_case(self.name()) && weight != Some(0.0)
        })
    }

    /// Its name in `content-encoding`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    fn pack(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => gzip(bytes, flate2::Compression::fast()),
            Self::Zstd => zstd::bulk::compress(bytes, 1),
        }
    }
}

pub(crate) fn gzip(bytes: &[u8], level: flate2::Compression) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Compresses the JSON and the text that handlers answer with.
pub(crate) async fn compress(request: Request, next: Next) -> Response {
    let coding = Coding::accepted(request.headers());
    let mut response = next.run(request).await;
    if !is_worth_it(&response) {
        return response;
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    match coding {
        Some(coding) => packed(response, coding).await,
        None => response,
    }
}

fn is_worth_it(response: &Response) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    (content_type.starts_with("application/json") || content_type.starts_with("text/plain"))
        && !response.headers().contains_key(CONTENT_ENCODING)
        && response.body().size_hint().exact().is_some_and(|bytes| bytes >= MIN_BYTES as u64)
}

async fn packed(response: Response, coding: Coding) -> Response {
    let (mut head, body) = response.into_parts();
    let work = async {
        let whole = body.collect().await.map_err(io::Error::other)?.to_bytes();
        tokio::task::spawn_blocking(move || coding.pack(&whole)).await.map_err(io::Error::other)?
    };
    match work.await {
        Ok(bytes) => {
            head.headers.remove(CONTENT_LENGTH);
            head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
            Response::from_parts(head, Body::from(bytes))
        }
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("cannot compress the answer: {error}")).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_coding_that_is_accepted_is_taken_and_weight_zero_refuses_it() {
        let accepted = |text: &'static str| {
            Coding::accepted(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(text))]))
        };
        assert_eq!(accepted("gzip, deflate, br, zstd"), Some(Coding::Zstd));
        assert_eq!(accepted("GZIP;q=0.5, zstd;q=0.000"), Some(Coding::Gzip));
        assert_eq!(accepted("br, gzip; q=0"), None);
        assert_eq!(Coding::accepted(&HeaderMap::new()), None);
    }
}
