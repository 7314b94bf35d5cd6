//! The engine: what happens to every signal alike, from a request's bytes to parts that are dropped by retention.
//!
//! A [`Signal`] says what its rows are, how a memory table of them is written as parts and how parts are merged; a table keeps
//! the memory tables and parts of one signal, and shows them as a [`View`] that never changes. The write-ahead log, the
//! manifest and the background work are shared by all.

mod part;
mod signal;
mod view;

pub(crate) use self::part::{NewPart, PartFile, PartMeta, PartSink};
pub(crate) use self::signal::{RecordKind, Signal};
pub(crate) use self::view::{Part, View};
