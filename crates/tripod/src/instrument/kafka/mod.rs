//! Kafka by [`rdkafka`]: producers and consumers whose messages are spans of one trace, and how far consumers are behind.
//!
//! [`FutureProducer`], [`ThreadedProducer`], [`BaseProducer`], [`StreamConsumer`] and [`BaseConsumer`] are named and made as rdkafka's
//! own, and are those, with what is observed in front: to change the import is all that it takes. The rest of a consumer's work, its
//! handler, runs in a span by [`Consumer::process`].
//!
//! | Span | Kind | When | Linked to |
//! |:--|:--|:--|:--|
//! | `send {topic}` | producer | until the message is delivered | |
//! | `poll {topic}` | client | from the asking to the message | the message's sending |
//! | `process {topic}` | consumer | as long as the handler runs | the message's sending, which is also its parent unless a span is current: see [`ProcessParent`] |
//! | `commit {topic}` | client | as long as the call takes | the message's sending |
//!
//! # Limits
//! What librdkafka commits by itself is not seen, nor what comes through partition queues, which have no wrapper: their messages can be
//! handed to [`Processor::process`] all the same.

mod client;
mod consumer;
mod delivery;
mod error;
mod headers;
mod lag;
mod metrics;
mod process;
mod producer;

pub use consumer::{BaseConsumer, Consumer, StreamConsumer};
pub use delivery::{BaseProducer, Reported, Sent, ThreadedProducer};
pub use headers::{HeaderExtractor, HeaderInjector, extract, inject, inject_context};
pub use process::{ProcessParent, Processor};
pub use producer::{DeliveryFuture, FutureProducer, Producer};

use super::messaging::Operation;

const SEND: Operation = Operation::send("send");
const POLL: Operation = Operation::receive("poll");
const PROCESS: Operation = Operation::process("process");
const COMMIT: Operation = Operation::settle("commit");

/// The guide's snippets, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../../../docs/how-to/instrument/kafka.md")]
mod how_to {}
