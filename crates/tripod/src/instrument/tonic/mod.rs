//! Layers for gRPC, servers and clients: tonic's, and any other over tower and `http`.
//!
//! ```
//! use tonic::transport::{Channel, Server};
//! use tripod::instrument::tonic::{ClientLayer, ServerLayer};
//!
//! let server = Server::builder().layer(ServerLayer::new());
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let channel = Channel::from_static("http://orders:50051").connect_lazy();
//! let channel = tower::ServiceBuilder::new().layer(ClientLayer::new().server("orders:50051")).service(channel);
//! // let client = OrdersClient::new(channel);
//! # drop((server, channel));
//! # });
//! ```
//!
//! A call has one span, which lasts until the trailers, whichever side streams; the context travels in the metadata. The catalogue has no
//! metrics of calls, so these have OpenTelemetry's names whatever is chosen.

mod call;
mod client;
mod metrics;
mod server;
mod status;

pub use client::{ClientBody, ClientFuture, ClientLayer, ClientService};
pub use server::{ServerBody, ServerFuture, ServerLayer, ServerService};
