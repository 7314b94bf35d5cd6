//! A trading platform of four services, to be read: how services look that are instrumented with Tripod.
//!
//! ```text
//! signal-generator ──► trigger-dispatcher ──► backend ──► worker
//!   finds signals        matches them with      keeps       runs a pipeline's
//!   in prices            pipelines              the books   agents, one by one
//! ```
//!
//! The arrows are real HTTP with W3C trace context, so one trace spans all four. PostgreSQL, Redis, Kafka's broker and the language
//! model behind the agents are simulated behind small types that take the time the real ones would, and fail as they do.
//!
//! Where to look: `services/` has a file for each service; `http/` the middleware and the client that every service shares;
//! `database`, `redis` and `kafka` what instrumented clients look like. Starting telemetry is four lines in `run`.

mod chance;
mod database;
mod error;
mod http;
mod kafka;
mod market;
mod messages;
mod redis;
mod run;
mod services;
mod stop;

pub use error::Error;
pub use run::{Settings, run};
pub use services::Service;
