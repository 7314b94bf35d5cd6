//! A receiver of gRPC that keeps what it gets, and reacts as a test has it.
#![allow(unreachable_pub)]

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// A call that came in whole.
#[derive(Clone, Debug)]
pub struct Call {
    pub path: String,
    pub headers: HeaderMap,
    /// Without its prefix, and no longer compressed.
    pub message: Vec<u8>,
    pub came: Instant,
}

/// What a receiver does with a call.
pub enum Reaction {
    /// Answers with this message.
    Answer(Vec<u8>),
    /// Refuses with a status: code, message, details.
    Refuse(u32, &'static str, Option<String>),
    /// Says nothing.
    Hang,
    /// Ends the connection before the answer.
    Cut,
    /// Ends the connection after the answer's headers.
    CutMidway,
    /// Is an HTTP server: answers 404 in text.
    NotGrpc,
}

type React = Arc<dyn Fn(usize, &Call) -> Reaction + Send + Sync>;
type Accept = Arc<dyn Fn(tokio::net::TcpStream) -> Accepted + Send + Sync>;
type Accepted = std::pin::Pin<Box<dyn Future<Output = Option<Box<dyn Stream>>> + Send>>;

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A receiver that runs; ends with all its connections when it is dropped.
pub struct Receiver {
    pub address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
    stop: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Takes everything.
    pub fn start() -> Self {
        Self::reacting(|_, _| Reaction::Answer(Vec::new()))
    }

    /// Reacts to each call by its number, from 0, and what it is.
    pub fn reacting(react: impl Fn(usize, &Call) -> Reaction + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), react)
    }

    pub fn at(address: SocketAddr, react: impl Fn(usize, &Call) -> Reaction + Send + Sync + 'static) -> Self {
        Self::accepting(
            address,
            Arc::new(|stream| Box::pin(async { Some(Box::new(stream) as Box<dyn Stream>) })),
            react,
        )
    }

    /// Makes of a connection what is spoken over, as TLS does.
    pub fn accepting(
        address: SocketAddr,
        accept: Accept,
        react: impl Fn(usize, &Call) -> Reaction + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let (stop, stopped) = watch::channel(());
        let (shared, react): (_, React) = (Arc::clone(&calls), Arc::new(react));
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (calls, react, accept) = (Arc::clone(&shared), Arc::clone(&react), Arc::clone(&accept));
                tokio::spawn(async move {
                    if let Some(stream) = accept(stream).await {
                        serve(stream, calls, react).await;
                    }
                });
            }
        };
        let thread = std::thread::spawn(move || run(serve, stopped));
        Self { address, calls, stop: Some(stop), thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.take();
        self.thread.take().unwrap().join().unwrap();
    }
}

/// The same behind a Unix socket, for as long as the test runs.
#[cfg(unix)]
pub fn at_socket(path: &std::path::Path) -> Arc<Mutex<Vec<Call>>> {
    let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
    listener.set_nonblocking(true).unwrap();
    let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
    let shared = Arc::clone(&calls);
    std::thread::spawn(move || {
        let serve = async move {
            let listener = tokio::net::UnixListener::from_std(listener).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            serve(stream, shared, Arc::new(|_, _| Reaction::Answer(Vec::new()))).await;
        };
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(serve);
    });
    calls
}

/// Until it is told to stop; then everything is gone.
fn run(serve: impl Future<Output = ()>, mut stopped: watch::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::select! {
            () = serve => {}
            _ = stopped.changed() => {}
        }
    });
}

async fn serve(stream: impl Stream, calls: Arc<Mutex<Vec<Call>>>, react: React) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    let (cut, mut is_cut) = watch::channel(());
    loop {
        tokio::select! {
            next = connection.accept() => {
                let Some(Ok((request, respond))) = next else { return };
                tokio::spawn(answer(request, respond, Arc::clone(&calls), Arc::clone(&react), cut.clone()));
            }
            _ = is_cut.changed() => return,
        }
    }
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<bytes::Bytes>,
    calls: Arc<Mutex<Vec<Call>>>,
    react: React,
    cut: watch::Sender<()>,
) {
    let (head, mut stream) = request.into_parts();
    let mut body = Vec::new();
    while let Some(Ok(part)) = stream.data().await {
        let _ = stream.flow_control().release_capacity(part.len());
        body.extend_from_slice(&part);
    }
    let message = unframed(&body, &head.headers);
    let call = Call { path: head.uri.path().to_owned(), headers: head.headers, message, came: Instant::now() };
    let number = {
        let mut calls = calls.lock().unwrap();
        calls.push(call.clone());
        calls.len() - 1
    };
    let ok = Response::builder().header("content-type", "application/grpc");
    match react(number, &call) {
        Reaction::Answer(message) => {
            let mut frame = vec![0];
            frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
            frame.extend_from_slice(&message);
            let mut send = respond.send_response(ok.body(()).unwrap(), false).unwrap();
            send.send_data(frame.into(), false).unwrap();
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            send.send_trailers(trailers).unwrap();
        }
        Reaction::Refuse(code, message, details) => {
            let mut refusal = ok.header("grpc-status", code).header("grpc-message", message);
            if let Some(details) = details {
                refusal = refusal.header("grpc-status-details-bin", details);
            }
            respond.send_response(refusal.body(()).unwrap(), true).unwrap();
        }
        Reaction::Hang => std::future::pending().await,
        Reaction::Cut => cut.send(()).unwrap(),
        Reaction::CutMidway => {
            let mut send = respond.send_response(ok.body(()).unwrap(), false).unwrap();
            send.send_data(bytes::Bytes::from_static(&[0, 0]), false).unwrap();
            tokio::task::yield_now().await;
            send.send_reset(Reason::INTERNAL_ERROR);
            tokio::task::yield_now().await;
            cut.send(()).unwrap();
        }
        Reaction::NotGrpc => {
            let answer = Response::builder().status(404).header("content-type", "text/plain").body(()).unwrap();
            respond.send_response(answer, true).unwrap();
        }
    }
}

fn unframed(body: &[u8], headers: &HeaderMap) -> Vec<u8> {
    let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
    let message = &body[5..];
    assert_eq!(message.len(), length, "one whole message");
    let encoding = headers.get("grpc-encoding").map(|value| value.to_str().unwrap());
    assert_eq!(body[0] == 1, encoding.is_some(), "compressed is what says so");
    match encoding {
        None => message.to_vec(),
        Some("gzip") => {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(message).read_to_end(&mut plain).unwrap();
            plain
        }
        Some("zstd") => zstd::bulk::decompress(message, 1 << 24).unwrap(),
        Some(other) => panic!("an encoding that was not asked for: {other}"),
    }
}
