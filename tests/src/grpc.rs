//! A gRPC call, frame by frame: so that a test can send what no client would.

use bytes::{BufMut, Bytes, BytesMut};

/// What a call came to.
#[derive(Debug)]
pub struct Outcome {
    /// Status of HTTP.
    pub http_status: u16,
    /// gRPC's code; none when there was none.
    pub code: Option<u32>,
    /// gRPC's message, still percent-encoded.
    pub message: String,
    /// The messages of the answer, with their prefixes.
    pub body: Vec<u8>,
}

/// A message behind gRPC's prefix: not compressed, or compressed in a way that a header tells.
pub fn framed(compressed: bool, message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(message.len() + 5);
    frame.put_u8(compressed.into());
    frame.put_u32(message.len() as u32);
    frame.put_slice(message);
    frame.freeze()
}

/// Calls `path` with these headers and bytes. An error is one of the connection: reset, closed, not HTTP/2.
pub fn call(address: &str, path: &str, headers: &[(&str, &str)], body: Bytes) -> Result<Outcome, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let call = async {
        let limit = std::time::Duration::from_secs(60);
        tokio::time::timeout(limit, exchange(address, path, headers, body)).await.map_err(|_| "no answer".to_owned())?
    };
    runtime.block_on(call)
}

async fn exchange(address: &str, path: &str, headers: &[(&str, &str)], mut body: Bytes) -> Result<Outcome, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let stream = tokio::net::TcpStream::connect(address).await.map_err(|error| text(&error))?;
    let (client, connection) = h2::client::handshake(stream).await.map_err(|error| text(&error))?;
    tokio::spawn(connection);
    let mut client = client.ready().await.map_err(|error| text(&error))?;

    let mut request = http::Request::post(format!("http://{address}{path}")).header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(()).map_err(|error| text(&error))?;
    let (response, mut sender) = client.send_request(request, false).map_err(|error| text(&error))?;
    // The server may answer, and stop reading, before it has all: then sending fails, and the answer counts.
    let send = async move {
        while !body.is_empty() {
            sender.reserve_capacity(body.len());
            let Some(Ok(room)) = std::future::poll_fn(|context| sender.poll_capacity(context)).await else { return };
            let part = body.split_to(room.min(body.len()));
            if sender.send_data(part, false).is_err() {
                return;
            }
        }
        let _ = sender.send_data(Bytes::new(), true);
    };
    tokio::spawn(send);

    let response = response.await.map_err(|error| text(&error))?;
    let (head, mut stream) = response.into_parts();
    let mut body = Vec::new();
    while let Some(part) = stream.data().await {
        let part = part.map_err(|error| text(&error))?;
        let _ = stream.flow_control().release_capacity(part.len());
        body.extend_from_slice(&part);
    }
    let trailers = stream.trailers().await.map_err(|error| text(&error))?.unwrap_or_default();
    let find = |name: &str| trailers.get(name).or(head.headers.get(name)).and_then(|value| value.to_str().ok());
    Ok(Outcome {
        http_status: head.status.as_u16(),
        code: find("grpc-status").and_then(|code| code.parse().ok()),
        message: find("grpc-message").unwrap_or_default().to_owned(),
        body,
    })
}
