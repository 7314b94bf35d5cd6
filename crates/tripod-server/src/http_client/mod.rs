//! The client of all that the server asks others over HTTP: targets, discovery, Alertmanagers, webhooks.
//!
//! A request goes where the configuration says and nowhere else: no proxy of the environment is used, and an answer leads elsewhere
//! only where redirects are to be followed, at most [`MAX_REDIRECTS`] times and then without the credentials. Connections are kept and
//! used again. HTTP/1.1 is spoken, over TLS where the URL says so.

mod connect;
mod tls;

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use url::Url;

use self::connect::Connector;
use crate::prometheus_config::http::{Authorization, HttpConfig, Secret};

/// How often an answer may lead on.
const MAX_REDIRECTS: usize = 10;
/// How long a connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(300);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HttpError {
    /// The client can't be made as it is configured.
    #[error("{0}")]
    Config(String),
    /// The server can't be reached, or does not speak as it has to.
    #[error("{0}")]
    Failed(String),
    /// The body has more bytes than it may.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The most that there may be.
        limit: usize,
    },
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A client for servers that are talked to in the same way.
#[derive(Debug)]
pub(crate) struct HttpClient {
    client: legacy::Client<Connector, Full<Bytes>>,
    config: HttpConfig,
}

impl HttpClient {
    /// A client; reads certificates and keys.
    pub(crate) fn new(config: &HttpConfig) -> Result<Self, HttpError> {
        let tls = tls::client(&config.tls).map_err(HttpError::Config)?;
        let connector = Connector::new(tls, config.tls.server_name.as_deref()).map_err(HttpError::Config)?;
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(1)
            .build(connector);
        Ok(Self { client, config: config.clone() })
    }

    /// Asks, and reads the whole answer, of at most `limit` bytes as they come. The caller bounds the time.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &HeaderMap,
        body: Bytes,
        limit: usize,
    ) -> Result<Answer, HttpError> {
        let first = Url::parse(url).map_err(|error| HttpError::Config(format!("{url:?} is no URL: {error}")))?;
        let (mut method, mut url, mut body) = (method, first.clone(), body);
        for _ in 0..=MAX_REDIRECTS {
            let mut headers = headers.clone();
            if url.origin() == first.origin() {
                self.identify(&mut headers, &url)?;
            }
            let answer = self.once(&method, &url, headers, &body, limit).await?;
            let Some(next) = self.redirect(&answer, &url)? else { return Ok(answer) };
            url = next;
            let stays = matches!(answer.status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
            if method == Method::POST && !stays {
                (method, body) = (Method::GET, Bytes::new());
            }
        }
        Err(HttpError::Failed(format!("{url} was the last of more than {MAX_REDIRECTS} redirects")))
    }

    async fn once(
        &self,
        method: &Method,
        url: &Url,
        headers: HeaderMap,
        body: &Bytes,
        limit: usize,
    ) -> Result<Answer, HttpError> {
        // What stands before an @ is for the header, and what stands behind a # for nobody.
        let mut target = url.clone();
        target.set_fragment(None);
        let _ = (target.set_username(""), target.set_password(None));
        let mut request = Request::builder().method(method).uri(target.as_str());
        if let Some(all) = request.headers_mut() {
            *all = headers;
        }
        let request = request.body(Full::new(body.clone())).map_err(|error| HttpError::Config(error.to_string()))?;
        let answer = self.client.request(request).await.map_err(|error| HttpError::Failed(chain(&error)))?;
        let (head, mut body) = answer.into_parts();
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| HttpError::Failed(format!("the answer broke off: {}", chain(&error))))?;
            let Ok(data) = frame.into_data() else { continue };
            if whole.len() + data.len() > limit {
                return Err(HttpError::TooLarge { limit });
            }
            whole.extend_from_slice(&data);
        }
        Ok(Answer { status: head.status, headers: head.headers, body: whole.freeze() })
    }

    /// Where an answer leads; none when it is the last, or when it is not to be followed.
    fn redirect(&self, answer: &Answer, from: &Url) -> Result<Option<Url>, HttpError> {
        let leads = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) && self.config.follow_redirects;
        let Some(location) = answer.headers.get(LOCATION).filter(|_| leads) else { return Ok(None) };
        let next = location.to_str().ok().and_then(|location| from.join(location).ok());
        match next.filter(|next| matches!(next.scheme(), "http" | "https")) {
            Some(next) => Ok(Some(next)),
            None => {
                Err(HttpError::Failed(format!("{from} leads to {location:?}, which is no http:// or https:// URL")))
            }
        }
    }

    /// Adds what says who asks.
    fn identify(&self, headers: &mut HeaderMap, url: &Url) -> Result<(), HttpError> {
        for (name, value) in &self.config.headers {
            let invalid = || HttpError::Config(format!("the header {name} can't have the value that it is to have"));
            let name = HeaderName::try_from(name).map_err(|_| invalid())?;
            headers.append(name.clone(), value_of(read(value)?).ok_or_else(invalid)?);
        }
        let text = match &self.config.authorization {
            Some(Authorization::Basic { username, password }) => basic(&read(username)?, &read(password)?),
            Some(Authorization::Scheme { scheme, credentials }) => format!("{scheme} {}", read(credentials)?),
            None if !url.username().is_empty() || url.password().is_some() => {
                basic(&percent_decoded(url.username()), &percent_decoded(url.password().unwrap_or_default()))
            }
            None => return Ok(()),
        };
        let value = value_of(text).ok_or_else(|| HttpError::Config("the credentials can't be sent".to_owned()))?;
        headers.insert(AUTHORIZATION, value);
        Ok(())
    }
}

/// A text of a URL without its escapes; what is not UTF-8 is replaced.
pub(crate) fn percent_decoded(text: &str) -> String {
    // As a form has it, but for the signs that mean something else there.
    let form = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(form.as_bytes()).next().map_or_else(String::new, |(text, _)| text.into_owned())
}

fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}")))
}

/// A value that is not shown in errors.
fn value_of(text: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What a secret is now.
fn read(secret: &Secret) -> Result<String, HttpError> {
    match secret {
        Secret::Text(text) => Ok(text.clone()),
        Secret::File(path) => match std::fs::read_to_string(path) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) => Err(HttpError::Config(format!("{} can't be read: {error}", path.display()))),
        },
    }
}

/// An error with its causes: the outermost alone says little.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}
