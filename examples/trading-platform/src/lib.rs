//! A trading platform of four services, to be read: how services look that are instrumented with Tripod.
//!
//! ```text
//! signal-generator ──► trigger-dispatcher ──► backend ──► worker
//!   finds signals        matches them with      keeps       runs a pipeline's
//!   in prices            pipelines              the books   agents, one by one
//! ```
//!
//! The arrows are real HTTP with W3C trace context, so one trace spans all four. PostgreSQL, Redis and Kafka's broker are the real ones
//! where [`Components`] says so, and else small stand-ins behind the same traits, which take the time the real ones would, and fail as
//! they do; so does the language model behind the agents.
//!
//! Where to look: `services/` has a file for each service, `run` how each starts and stops; `http/` the middleware and the client that
//! every service shares; `books/`, `cache/` and `broker/` have a trait each for what services need, the real one and its stand-in.

mod books;
mod broker;
mod cache;
mod chance;
mod components;
mod error;
mod http;
mod market;
mod messages;
mod run;
mod services;
mod stop;

pub use components::{Components, SCHEMA, reach_kafka, reach_postgres, reach_redis};
pub use error::Error;
pub use run::{Settings, run};
pub use services::Service;
