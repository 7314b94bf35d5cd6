//! Requests that are sent by reqwest: a middleware for clients of `reqwest-middleware`, and [`SendTraced`] for plain ones.
//!
//! ```
//! use tripod::instrument::reqwest::{ClientMiddleware, SendTraced, UrlTemplate};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! // Business code keeps its calls.
//! let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new()).with(ClientMiddleware::new()).build();
//! let user = client.get("http://users/17").with_extension(UrlTemplate::new("/{id}")).send().await?.text().await?;
//!
//! // A plain client says it each time.
//! let user = reqwest::Client::new().get("http://users/17").send_traced().await?.text().await?;
//! # Ok(())
//! # }
//! ```
//!
//! A request has one span, of kind client, which lasts until the last byte of the response's body, or until nobody wants the rest; and
//! the context travels in its headers.

mod call;
mod failure;
mod metrics;

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use ::reqwest::{Body, Request, RequestBuilder, Response, ResponseBuilderExt, redirect};
use http::Extensions;
use reqwest_middleware::{Middleware, Next};

use self::call::{ClientCall, Peer};
use self::metrics::Metrics;
use super::http::captured::Captured;
use super::http::measured::MeasuredFuture;
use super::http::method;

/// The pattern of a request's path, `/users/{id}`: a part of the span's name and a label. There must be few of them.
///
/// It is given to a request by `with_extension` of `reqwest-middleware`, or by [`SendTraced::send_traced_as`].
#[derive(Clone, Debug)]
pub struct UrlTemplate(Cow<'static, str>);

impl UrlTemplate {
    /// This pattern.
    pub fn new(template: impl Into<Cow<'static, str>>) -> Self {
        Self(template.into())
    }
}

/// How often a request was sent before, in the extensions that retries share.
#[derive(Clone, Copy)]
struct Sent(u32);

/// Measures the requests of a client; for `reqwest_middleware::ClientBuilder::with`.
///
/// Behind a middleware that retries, each try is a request of its own, with `http.request.resend_count`; in front of it, all are one.
#[derive(Clone)]
pub struct ClientMiddleware {
    settings: Arc<Settings>,
}

#[derive(Clone)]
struct Settings {
    metrics: Metrics,
    methods: Cow<'static, [&'static str]>,
    request_headers: Vec<Captured>,
    response_headers: Vec<Captured>,
}

impl Settings {
    fn new() -> Self {
        let (request_headers, response_headers) = (Vec::new(), Vec::new());
        Self { metrics: Metrics::new(), methods: Cow::Borrowed(method::KNOWN), request_headers, response_headers }
    }
}

impl ClientMiddleware {
    /// A middleware.
    #[allow(clippy::new_without_default, reason = "it is made once")]
    pub fn new() -> Self {
        Self { settings: Arc::new(Settings::new()) }
    }

    /// The methods there are, by case, instead of those of RFC 9110, `PATCH` and `QUERY`: others are `_OTHER`.
    #[must_use]
    pub fn known_methods(mut self, methods: impl IntoIterator<Item = &'static str>) -> Self {
        Arc::make_mut(&mut self.settings).methods = methods.into_iter().collect();
        self
    }

    /// Headers of requests that become attributes, `http.request.header.NAME`. Names that no header can have are left out.
    #[must_use]
    pub fn request_headers<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        Arc::make_mut(&mut self.settings).request_headers = Captured::all("http.request.header", names);
        self
    }

    /// Headers of responses that become attributes, `http.response.header.NAME`. Names that no header can have are left out.
    #[must_use]
    pub fn response_headers<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        Arc::make_mut(&mut self.settings).response_headers = Captured::all("http.response.header", names);
        self
    }
}

impl fmt::Debug for ClientMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientMiddleware").finish_non_exhaustive()
    }
}

// What `async_trait` makes of the method.
impl Middleware for ClientMiddleware {
    fn handle<'a, 'b, 'c, 'd>(
        &'a self,
        mut request: Request,
        extensions: &'b mut Extensions,
        next: Next<'c>,
    ) -> Pin<Box<dyn Future<Output = reqwest_middleware::Result<Response>> + Send + 'd>>
    where
        'a: 'd,
        'b: 'd,
        'c: 'd,
    {
        Box::pin(async move {
            let sent = extensions.get_mut::<Sent>().map_or(0, |sent| {
                sent.0 += 1;
                sent.0
            });
            if sent == 0 {
                extensions.insert(Sent(0));
            }
            let template = extensions.get::<UrlTemplate>().cloned();
            let call = ClientCall::begin(&self.settings, &mut request, template, sent);
            measure(call, next.run(request, extensions)).await
        })
    }
}

/// Sends a plain client's requests with a span and the context in their headers.
pub trait SendTraced {
    /// As `send`.
    ///
    /// # Errors
    /// Those of `send`.
    fn send_traced(self) -> impl Future<Output = ::reqwest::Result<Response>> + Send;

    /// The same for a URL of a pattern, `/users/{id}`.
    ///
    /// # Errors
    /// Those of `send`.
    fn send_traced_as(
        self,
        template: impl Into<Cow<'static, str>>,
    ) -> impl Future<Output = ::reqwest::Result<Response>> + Send;
}

impl SendTraced for RequestBuilder {
    fn send_traced(self) -> impl Future<Output = ::reqwest::Result<Response>> + Send {
        send(self, None)
    }

    fn send_traced_as(
        self,
        template: impl Into<Cow<'static, str>>,
    ) -> impl Future<Output = ::reqwest::Result<Response>> + Send {
        send(self, Some(UrlTemplate::new(template)))
    }
}

async fn send(builder: RequestBuilder, template: Option<UrlTemplate>) -> ::reqwest::Result<Response> {
    static SETTINGS: OnceLock<Arc<Settings>> = OnceLock::new();
    let (client, request) = builder.build_split();
    let mut request = request?;
    let settings = SETTINGS.get_or_init(|| Arc::new(Settings::new()));
    let call = ClientCall::begin(settings, &mut request, template, 0);
    measure(call, client.execute(request)).await
}

async fn measure<E: Display + 'static>(
    call: ClientCall,
    sent: impl Future<Output = Result<Response, E>>,
) -> Result<Response, E> {
    let response = MeasuredFuture::new(async { sent.await.map(into_http) }, Some(call)).await?;
    Ok(Response::from(response.map(Body::wrap)))
}

/// Makes it what can be given another body, with all that reqwest knows of it.
fn into_http(response: Response) -> http::Response<Body> {
    let (url, peer) = (response.url().clone(), response.remote_addr());
    let mut response = http::Response::from(response);
    if let Ok(of_url) = http::Response::builder().url(url).body(()) {
        response.extensions_mut().extend(of_url.into_parts().0.extensions);
    }
    if let Some(peer) = peer {
        response.extensions_mut().insert(Peer(peer));
    }
    response
}

/// A policy for redirects that says on the request's span how often it was redirected, `http.request.resend_count`, and an event
/// `http.redirect` each time. Without this a redirected request is one request of which only the first URL is known.
///
/// ```
/// use reqwest::redirect::Policy;
/// let client = reqwest::Client::builder().redirect(tripod::instrument::reqwest::redirects(Policy::default())).build();
/// ```
pub fn redirects(policy: redirect::Policy) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        call::redirected(attempt.status(), attempt.url(), attempt.previous().len());
        policy.redirect(attempt)
    })
}
