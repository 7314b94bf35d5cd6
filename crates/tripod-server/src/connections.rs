//! Accepts connections and serves HTTP/1 and HTTP/2 on them, within limits: as many as [`MAX_CONNECTIONS`], each of which must say what
//! it wants within [`HEAD_TIMEOUT`], so that clients that never finish take no room for ever.
//!
//! Where clients may close their side as soon as they have sent a request, they get their answer all the same; elsewhere that is
//! taken as going away, and what they asked for is given up.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Connections of a listener at a time; more wait in the system's queue until others end.
const MAX_CONNECTIONS: usize = 8192;
/// How long a client may take to send a request's head, or leave a connection idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(90);
/// How long a client may take for the handshake of TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request's head.
const MAX_HEAD: usize = 64 << 10;
/// Header fields of a request.
const MAX_HEADERS: usize = 100;
/// Requests of an HTTP/2 connection at a time.
const MAX_STREAMS: u32 = 256;
/// How often an HTTP/2 client that is silent is asked whether it is there, and how long it may take to answer.
const PING_INTERVAL: Duration = Duration::from_secs(60);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long to wait when the system gives no connection, because files are used up for one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// How long answers that are ready may take to be sent when the server stops.
const SEND_TIME: Duration = Duration::from_secs(1);

/// A request that is being answered.
struct Running(Arc<AtomicUsize>);

impl Running {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What serves a listener.
pub(crate) struct Serving {
    pub(crate) router: Router,
    /// Without it, connections are plain.
    pub(crate) tls: Option<TlsAcceptor>,
    /// Whether a client that closes its side still wants its answer.
    pub(crate) half_close: bool,
}

/// Serves until `stop` ends, then lets the requests that run end. Clients that have not even asked are not waited for.
pub(crate) async fn serve(listener: TcpListener, serving: Serving, stop: impl Future<Output = ()>) {
    let Serving { router, tls, half_close } = serving;
    let running = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&running);
    let router = router.layer(from_fn(move |request: Request, next: Next| {
        let running = Running::new(&count);
        async move {
            let answer = next.run(request).await;
            drop(running);
            answer
        }
    }));
    let mut builder = Builder::new(TokioExecutor::new());
    let http1 = &mut builder.http1();
    http1.half_close(half_close).timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    http1.max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD);
    let http2 = &mut builder.http2();
    http2.timer(TokioTimer::new()).keep_alive_interval(PING_INTERVAL).keep_alive_timeout(PING_TIMEOUT);
    http2.max_header_list_size(MAX_HEAD as u32).max_concurrent_streams(MAX_STREAMS);
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let next = async {
            // The semaphore is never closed.
            let place = Arc::clone(&room).acquire_owned().await.ok();
            (place, accept(&listener).await)
        };
        let (place, stream) = tokio::select! {
            next = next => next,
            Some(_) = connections.join_next() => continue,
            () = &mut stop => break,
        };
        let (builder, router, watcher, tls) = (builder.clone(), router.clone(), graceful.watcher(), tls.clone());
        connections.spawn(async move {
            match tls {
                None => speak(stream, &builder, router, watcher).await,
                Some(tls) => {
                    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
                        speak(stream, &builder, router, watcher).await;
                    }
                }
            }
            drop(place);
        });
    }
    drop(listener);
    let idle = async {
        tokio::time::sleep(SEND_TIME).await;
        while running.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(SEND_TIME).await;
        }
    };
    // What is left in `connections` is cut off.
    tokio::select! {
        () = graceful.shutdown() => {}
        () = idle => {}
    }
}

/// Answers the requests of a connection until it ends.
async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    builder: &Builder<TokioExecutor>,
    router: Router,
    watcher: Watcher,
) {
    let connection =
        builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(router)).into_owned();
    // What ends a connection early is the client's affair.
    let _ = watcher.watch(connection).await;
}

/// The next connection; goes on trying when there is none to be had.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small and whole: nothing is gained by waiting for more.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) if of_the_connection(error.kind()) => {}
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Whether only the one connection failed, before it was accepted.
fn of_the_connection(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
}
