//! A connection to one receiver, over which calls go one after the other.
//!
//! It is made when it is needed and kept for the next call. Between two calls nobody looks at it, so what happened to it meanwhile shows
//! at the next: one that lay idle for a while is asked for a sign of life first, and a call that fails over a connection that was
//! kept is made once more over a new one.

use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::io;
#[cfg(unix)]
use std::path::PathBuf;
use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Ping, PingPong, SendStream};
use http::{HeaderMap, Request, Uri};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
#[cfg(feature = "tls")]
use tokio_rustls::TlsConnector;

use super::status::Status;
use crate::Error;
use crate::config::OtlpTarget;
#[cfg(unix)]
use crate::config::UNIX;
use crate::config::env::invalid;

/// By convention of OTLP, and of HTTP.
const PORT: u16 = 4317;
const SECURE_PORT: u16 = 443;

/// A connection is asked for a sign of life after lying idle for so long, and given up without one in so long.
const IDLE: Duration = Duration::from_secs(10);
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// The longest answer that is kept; receivers say what they refused in far less.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
const MAX_HEADER_BYTES: u32 = 64 * 1024;

/// What came back.
pub(super) struct Answer {
    pub(super) status: Status,
    /// With the prefix of its message.
    pub(super) body: Vec<u8>,
}

/// One receiver.
pub(super) struct Channel {
    address: Address,
    /// Scheme and authority of every call.
    origin: String,
    #[cfg(feature = "tls")]
    tls: Option<TlsConnector>,
    connection: Option<Connection>,
}

enum Address {
    Tcp {
        host: String,
        port: u16,
    },
    #[cfg(unix)]
    Unix(PathBuf),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

struct Connection {
    requests: SendRequest<Bytes>,
    ping: PingPong,
    used: Instant,
    /// Reads and writes, whenever the runtime runs.
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Channel {
    /// # Errors
    /// [`Error::Config`] of an address or a certificate that is none.
    pub(super) fn new(target: &OtlpTarget) -> Result<Self, Error> {
        #[cfg(unix)]
        if let Some(path) = target.url.strip_prefix(UNIX) {
            return Ok(Self {
                address: Address::Unix(path.into()),
                origin: "http://localhost".to_owned(),
                #[cfg(feature = "tls")]
                tls: None,
                connection: None,
            });
        }
        let wrong =
            || invalid("OTEL_EXPORTER_OTLP_ENDPOINT", &target.url, "must be a URL such as http://localhost:4317");
        let uri: Uri = target.url.parse().map_err(|_| wrong())?;
        let (Some(host), Some(authority)) = (uri.host(), uri.authority()) else { return Err(wrong()) };
        let is_secure = uri.scheme_str() == Some("https");
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if is_secure { SECURE_PORT } else { PORT });
        Ok(Self {
            address: Address::Tcp { host, port },
            origin: format!("{}://{authority}", if is_secure { "https" } else { "http" }),
            #[cfg(feature = "tls")]
            tls: if is_secure { Some(super::tls::connector(&target.tls)?) } else { None },
            connection: None,
        })
    }

    /// Makes a call, over the connection that is there or a new one.
    ///
    /// # Errors
    /// What kept an answer from coming.
    pub(super) async fn call(&mut self, path: &str, headers: HeaderMap, message: Bytes) -> Result<Answer, String> {
        let mut request = Request::new(());
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = format!("{}{path}", self.origin).parse().map_err(text)?;
        *request.headers_mut() = headers;
        // Taken, so that a call that is given up half-way takes its connection with it.
        if let Some(mut kept) = self.connection.take()
            && kept.is_alive().await
            && let Ok(answer) = kept.call(request.clone(), message.clone()).await
        {
            self.connection = Some(kept);
            return Ok(answer);
        }
        let mut connection = self.connect().await?;
        let answer = connection.call(request, message).await.map_err(text)?;
        self.connection = Some(connection);
        Ok(answer)
    }

    async fn connect(&self) -> Result<Connection, String> {
        let cannot = |error: io::Error| format!("cannot connect: {error}");
        let stream: Box<dyn Stream> = match &self.address {
            Address::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(cannot)?;
                stream.set_nodelay(true).map_err(cannot)?;
                self.secured(stream, host).await?
            }
            #[cfg(unix)]
            Address::Unix(path) => Box::new(tokio::net::UnixStream::connect(path).await.map_err(cannot)?),
        };
        let mut settings = h2::client::Builder::new();
        settings.enable_push(false).max_header_list_size(MAX_HEADER_BYTES);
        let (requests, mut connection) = settings.handshake(stream).await.map_err(text)?;
        let ping = connection.ping_pong().ok_or("there is no second way to ask for a sign of life")?;
        let driver = tokio::spawn(async move {
            // Whoever calls learns of it too.
            let _ = connection.await;
        });
        Ok(Connection { requests, ping, used: Instant::now(), driver })
    }

    #[cfg(feature = "tls")]
    async fn secured(&self, stream: TcpStream, host: &str) -> Result<Box<dyn Stream>, String> {
        let Some(connector) = &self.tls else { return Ok(Box::new(stream)) };
        let name = host.to_owned().try_into().map_err(text)?;
        let stream = connector.connect(name, stream).await.map_err(|error| format!("no secure connection: {error}"))?;
        Ok(Box::new(stream))
    }

    /// Settings do not ask for https where it is not built in.
    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_async, reason = "as the one above")]
    async fn secured(&self, stream: TcpStream, _: &str) -> Result<Box<dyn Stream>, String> {
        Ok(Box::new(stream))
    }

    /// Leaves the connection to the process that this one was forked from.
    pub(super) fn forget(&mut self) {
        std::mem::forget(self.connection.take());
    }
}

impl Connection {
    async fn is_alive(&mut self) -> bool {
        if self.used.elapsed() < IDLE {
            return true;
        }
        let sign = tokio::time::timeout(SIGN_OF_LIFE, self.ping.ping(Ping::opaque())).await;
        matches!(sign, Ok(Ok(_)))
    }

    async fn call(&mut self, request: Request<()>, message: Bytes) -> Result<Answer, h2::Error> {
        poll_fn(|context| self.requests.poll_ready(context)).await?;
        let (response, stream) = self.requests.send_request(request, false)?;
        let (mut sending, mut receiving) = (pin!(send(stream, message)), pin!(receive(response)));
        let mut is_sent = false;
        // The receiver may answer, and stop reading, before it has all: then sending fails, and the answer counts.
        let answer = poll_fn(|context| {
            if !is_sent && sending.as_mut().poll(context).is_ready() {
                is_sent = true;
            }
            receiving.as_mut().poll(context)
        });
        let answer = answer.await?;
        self.used = Instant::now();
        Ok(answer)
    }
}

/// Sends a message as the receiver makes room for it.
async fn send(mut stream: SendStream<Bytes>, mut message: Bytes) -> Result<(), h2::Error> {
    while !message.is_empty() {
        stream.reserve_capacity(message.len());
        let Some(room) = poll_fn(|context| stream.poll_capacity(context)).await else { break };
        let part = message.split_to(room?.min(message.len()));
        stream.send_data(part, message.is_empty())?;
    }
    Ok(())
}

async fn receive(response: ResponseFuture) -> Result<Answer, h2::Error> {
    let (head, mut stream) = response.await?.into_parts();
    let mut body = Vec::new();
    while let Some(part) = stream.data().await {
        let part = part?;
        stream.flow_control().release_capacity(part.len())?;
        if body.len() + part.len() <= MAX_ANSWER_BYTES {
            body.extend_from_slice(&part);
        }
    }
    let trailers = stream.trailers().await?;
    Ok(Answer { status: Status::read(head.status, &head.headers, trailers.as_ref()), body })
}

fn text(error: impl Display) -> String {
    error.to_string()
}
