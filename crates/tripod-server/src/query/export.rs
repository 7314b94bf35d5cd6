//! `GET /api/export`: spans, log records or samples of a window as a Parquet file.
//!
//! The file is written while it is sent, so that no more of it than a few pieces is in memory; a client that reads slowly slows down the export. An
//! error that comes when bytes have been sent already cuts off the connection: the client then sees that the file is not whole.

use std::io::{self, Write};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use tokio::sync::mpsc::{self, Sender};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tripod_store::ExportSignal;

use super::params::Params;
use super::{Context, Failure};

/// Bytes of a piece, and pieces that wait to be sent.
const PIECE: usize = 64 << 10;
const WAITING: usize = 8;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new().route("/api/export", get(export))
}

async fn export(State(context): State<Arc<Context>>, params: Params) -> Response {
    match begin(context, &params).await {
        Ok(response) => response,
        Err(failure) => failure.ours(),
    }
}

async fn begin(context: Arc<Context>, params: &Params) -> Result<Response, Failure> {
    let signal = params.read("signal", str::parse::<ExportSignal>)?;
    let signal = signal.ok_or_else(|| Failure::Bad("signal is missing: spans, logs or samples".to_owned()))?;
    let window = params.window()?;
    let (sender, receiver) = mpsc::channel(WAITING);
    let place = Arc::clone(&context.exports).acquire_owned().await;
    tokio::task::spawn_blocking(move || {
        let _place = place;
        let mut out = Pieces { sender, piece: Vec::with_capacity(PIECE) };
        let outcome = tripod_store::export(context.store.as_ref(), signal, window, &mut out);
        let outcome = outcome.map_err(io::Error::other).and_then(|_| out.send());
        if let Err(error) = outcome {
            // Nobody reading is no reason to do anything.
            let _ = out.sender.blocking_send(Err(error));
        }
    });
    let mut pieces = ReceiverStream::new(receiver);
    // What fails at once is an answer, not a broken file.
    let first = match pieces.next().await {
        Some(Ok(first)) => first,
        Some(Err(error)) => return Err(Failure::Internal(error.to_string())),
        None => return Err(Failure::Internal("the export ended without a word".to_owned())),
    };
    let headers = [
        (CONTENT_TYPE, "application/vnd.apache.parquet".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{}.parquet\"", signal.as_str())),
    ];
    let body = Body::from_stream(tokio_stream::once(Ok(first)).chain(pieces));
    Ok((headers, body).into_response())
}

/// What is written, piece by piece into a channel.
struct Pieces {
    sender: Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Pieces {
    fn send(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody reads the export any more");
        self.sender.blocking_send(Ok(Bytes::from(piece))).map_err(gone)
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        if self.piece.len() == PIECE {
            self.send()?;
        }
        Ok(taken)
    }

    /// Parquet flushes after each page: pieces go when they are full, and at the end.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
