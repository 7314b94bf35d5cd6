//! The page as a tower service, for programs that have an HTTP server.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use tower_service::Service;

use super::answer::Answer;

/// Answers scrapes with all metrics of the process, in the format that the scraper wants. The path is the router's to check.
///
/// The page is written during the call: about 50 ns a series, and the callbacks of observables. Where these take long, call it on a
/// thread that may block.
///
/// ```
/// let app: axum::Router = axum::Router::new().route_service("/metrics", tripod::PrometheusService::default());
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct PrometheusService;

impl<B> Service<Request<B>> for PrometheusService {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(answer(request.method(), request.headers())))
    }
}

fn answer(method: &Method, headers: &HeaderMap) -> Response<Full<Bytes>> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED);
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    let Some(answer) = Answer::to(&all(headers, header::ACCEPT), &all(headers, header::ACCEPT_ENCODING)) else {
        return plain(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut response = plain(StatusCode::OK);
    let own = response.headers_mut();
    // Our own words, which a header can hold.
    if let Ok(content_type) = HeaderValue::try_from(answer.content_type) {
        own.insert(header::CONTENT_TYPE, content_type);
    }
    own.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    if answer.is_gzip {
        own.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    own.insert(header::CONTENT_LENGTH, HeaderValue::from(answer.body.len()));
    if method == Method::GET {
        *response.body_mut() = Full::new(Bytes::from(answer.body));
    }
    response
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// The values of all headers of this name.
fn all(headers: &HeaderMap, name: HeaderName) -> String {
    let values: Vec<_> = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    values.join(",")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn call(request: Request<()>) -> Response<Full<Bytes>> {
        let Ok(response) = PrometheusService.call(request).into_inner();
        response
    }

    fn body(response: Response<Full<Bytes>>) -> Bytes {
        let mut body = Box::pin(response.into_body().collect());
        let waker = std::task::Waker::noop();
        match std::future::Future::poll(body.as_mut(), &mut Context::from_waker(waker)) {
            Poll::Ready(Ok(body)) => body.to_bytes(),
            _ => panic!("the body is there"),
        }
    }

    #[test]
    fn a_scrape_gets_the_page_in_the_format_it_wants() {
        crate::counter("service.calls").build().add(3, &[]);
        let request = Request::get("/anything").header("accept", "application/openmetrics-text").body(()).unwrap();
        let response = call(request);
        let open_metrics = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores";
        assert_eq!(response.headers()[header::CONTENT_TYPE], open_metrics);
        let page = String::from_utf8(body(response).to_vec()).unwrap();
        assert!(page.contains("service_calls_total 3\n") && page.ends_with("# EOF\n"), "{page}");
    }

    #[test]
    fn a_head_has_the_length_of_the_page_and_other_methods_are_refused() {
        crate::counter("service.calls").build().add(0, &[]);
        let response = call(Request::head("/").body(()).unwrap());
        assert_ne!(response.headers()[header::CONTENT_LENGTH], "0");
        assert!(body(response).is_empty());
        let response = call(Request::post("/").body(()).unwrap());
        assert_eq!(
            (response.status(), &response.headers()[header::ALLOW]),
            (StatusCode::METHOD_NOT_ALLOWED, &HeaderValue::from_static("GET, HEAD"))
        );
    }

    #[test]
    fn a_large_page_is_smaller_for_who_takes_gzip() {
        let many = crate::counter("service.many").build();
        (0..200).for_each(|at| many.add(1, crate::labels!(at)));
        let response = call(Request::get("/").header("accept-encoding", "gzip").body(()).unwrap());
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
        let mut page = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&body(response)[..]), &mut page).unwrap();
        assert!(page.contains("service_many_total{at=\"199\"} 1\n"));
    }
}
