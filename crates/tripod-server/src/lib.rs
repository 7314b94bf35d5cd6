//! Tripod's server: receives OTLP over gRPC and HTTP, keeps it, answers queries under Jaeger's, Prometheus' and its own APIs, and
//! serves the web page.
//!
//! ```no_run
//! # async fn run() -> Result<(), tripod_server::ServerError> {
//! use tripod_server::{Config, Server};
//! let server = Server::start(Config::default()).await?;
//! println!("open http://{}", server.addresses().http);
//! server.shutdown(std::time::Duration::from_secs(10)).await
//! # }
//! ```
//!
//! What was acknowledged is on disk. Memory is bounded: that of the store by its limit, that of requests by
//! [`Config::max_in_flight_bytes`]; under load senders are told to come back instead of being buffered.
#![forbid(unsafe_code)]

mod auth;
mod compression;
mod config;
mod connections;
mod dashboards;
mod durable;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod http_client;
mod own_metrics;
mod prometheus_config;
mod query;
mod receive;
pub mod rules;
mod scrape;
mod server;
mod span_metrics;
mod tls;
mod ui;
mod yaml;

pub use auth::credentials::Credentials;
pub use config::{Config, MIN_BODY_LIMIT};
pub use error::ServerError;
pub use prometheus_config::PrometheusConfig;
pub use query::time::{format_time, parse_time};
pub use server::{Addresses, Server};
pub use tls::TlsFiles;
