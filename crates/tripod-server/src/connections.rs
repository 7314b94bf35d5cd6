//! Accepts connections and serves HTTP/1 and HTTP/2 on them, within limits: as many as [`MAX_CONNECTIONS`], each of which must say what
//! it wants within [`HEAD_TIMEOUT`], so that clients that never finish take no room for ever.
//!
//! A client may close its side as soon as it has sent its request; it gets its answer all the same.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Connections of a listener at a time; more wait in the system's queue until others end.
const MAX_CONNECTIONS: usize = 8192;
/// How long a client may take to send a request's head, or leave a connection idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(90);
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

/// Serves until `stop` ends, then lets the requests that run end. Clients that have not even asked are not waited for.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
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
    builder.http1().half_close(true).timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let http2 = &mut builder.http2();
    http2.timer(TokioTimer::new()).keep_alive_interval(PING_INTERVAL).keep_alive_timeout(PING_TIMEOUT);
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
        let service = TowerToHyperService::new(router.clone());
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            // What ends a connection early is the client's affair.
            let _ = connection.await;
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
