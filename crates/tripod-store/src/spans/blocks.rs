//! Blocks as queries see them: columns of a memory table, or of a part, where each is read when it is first asked for.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;

use tripod_wire::otlp::trace::{SpanKind, StatusCode};
use tripod_wire::{SpanId, TraceId};

use super::Spans;
use super::block::{self, Call, Parent, Reading};
use super::children::{Ends, Events};
use super::memory::MemoryBlock;
use super::rows::Rows;
use crate::engine::Part;
use crate::records::{Attributes, Coded, Context, PartBlock, Rare};
use crate::{StoreError, StoredSpan};

/// A block that is being looked at.
pub(super) enum Block<'a> {
    Memory(&'a MemoryBlock),
    Part(Box<Stored<'a>>),
}

/// A block of a part.
pub(super) struct Stored<'a> {
    block: PartBlock<'a>,
    contexts: Vec<Arc<Context>>,
    trace: OnceCell<Vec<TraceId>>,
    span: OnceCell<Vec<SpanId>>,
    start: OnceCell<Vec<u64>>,
    end: OnceCell<Vec<u64>>,
    context: OnceCell<Vec<u32>>,
    name: OnceCell<Coded>,
    kind: OnceCell<Rare<i32>>,
    status: OnceCell<Rare<i32>>,
    message: OnceCell<Coded>,
    parent: OnceCell<Vec<Parent>>,
    call: OnceCell<Vec<Call>>,
    events: OnceCell<Events>,
    all: OnceCell<Rows>,
}

/// The value of a cell, made if it is empty.
fn cached<T>(cell: &OnceCell<T>, make: impl FnOnce() -> Result<T, StoreError>) -> Result<&T, StoreError> {
    if let Some(value) = cell.get() {
        return Ok(value);
    }
    let value = make()?;
    Ok(cell.get_or_init(|| value))
}

impl<'a> Stored<'a> {
    pub(super) fn open(part: &'a Part<Spans>, number: u32) -> Result<Block<'a>, StoreError> {
        let records = &part.inner.records;
        let block = records.block(&part.file, number)?;
        let contexts = block.contexts().iter().map(|context| Arc::clone(records.context(*context))).collect();
        Ok(Block::Part(Box::new(Self {
            block,
            contexts,
            trace: OnceCell::new(),
            span: OnceCell::new(),
            start: OnceCell::new(),
            end: OnceCell::new(),
            context: OnceCell::new(),
            name: OnceCell::new(),
            kind: OnceCell::new(),
            status: OnceCell::new(),
            message: OnceCell::new(),
            parent: OnceCell::new(),
            call: OnceCell::new(),
            events: OnceCell::new(),
            all: OnceCell::new(),
        })))
    }

    fn reading(&self) -> Reading<'_> {
        Reading { source: &self.block, rows: self.block.rows(), contexts: self.contexts.len() as u32 }
    }

    /// All columns, which are read at once.
    fn all(&self) -> Result<&Rows, StoreError> {
        cached(&self.all, || {
            let loaded = self.block.load()?;
            block::decode(Reading { source: &loaded, ..self.reading() })
        })
    }
}

/// A column: from memory as it is, from a part when it is first asked for.
macro_rules! column {
    ($($(#[$doc:meta])* $name:ident: $type:ty = |$reading:ident| $decode:expr;)*) => {
        impl Block<'_> {
            $($(#[$doc])*
            pub(super) fn $name(&self) -> Result<&$type, StoreError> {
                match self {
                    Self::Memory(block) => Ok(&block.rows.$name),
                    Self::Part(block) => {
                        let $reading = block.reading();
                        cached(&block.$name, || $decode).map(|column| -> &$type { column })
                    }
                }
            })*
        }
    };
}

column! {
    /// The trace of each row.
    trace: [TraceId] = |reading| block::traces(reading);
    /// The id of each row.
    span: [SpanId] = |reading| block::spans(reading);
    /// The start of each row.
    start: [u64] = |reading| reading.ints("start");
    /// The context of each row.
    context: [u32] = |reading| block::contexts(reading);
    /// The name of each row.
    name: Coded = |reading| reading.text("name");
    /// The kind of each row.
    kind: Rare<i32> = |reading| reading.rare_signed("kind");
    /// The code of each row's status.
    status: Rare<i32> = |reading| reading.rare_signed("status");
    /// The message of each row's status.
    message: Coded = |reading| reading.text("message");
}

impl Block<'_> {
    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Memory(block) => block.rows.len(),
            Self::Part(block) => block.block.rows(),
        }
    }

    /// How many contexts the rows have.
    pub(super) fn context_count(&self) -> usize {
        match self {
            Self::Memory(block) => block.contexts.len(),
            Self::Part(block) => block.contexts.len(),
        }
    }

    /// A context of this block.
    pub(super) fn context_of(&self, number: u32) -> &Arc<Context> {
        match self {
            Self::Memory(block) => block.contexts.get(number),
            Self::Part(block) => &block.contexts[number as usize],
        }
    }

    /// All contexts, in the order of their numbers.
    pub(super) fn contexts(&self) -> impl Iterator<Item = &Arc<Context>> {
        (0..self.context_count() as u32).map(|number| self.context_of(number))
    }

    /// The end of each row.
    pub(super) fn end(&self) -> Result<&[u64], StoreError> {
        match self {
            Self::Memory(block) => Ok(&block.rows.end),
            Self::Part(block) => cached(&block.end, || block::ends(block.reading(), self.start()?)).map(Vec::as_slice),
        }
    }

    /// Whether a row failed.
    pub(super) fn failed(&self, row: usize) -> Result<bool, StoreError> {
        Ok(StatusCode(self.status()?.get(row)) == StatusCode::ERROR)
    }

    /// The parent of each row. Of memory it is not known whether it is in the same block.
    pub(super) fn parents(&self) -> Result<Cow<'_, [Parent]>, StoreError> {
        let of_memory = |id: &SpanId| if id.is_valid() { Parent::Elsewhere(*id) } else { Parent::None };
        Ok(match self {
            Self::Memory(block) => Cow::Owned(block.rows.parent.iter().map(of_memory).collect()),
            Self::Part(block) => Cow::Borrowed(cached(&block.parent, || block::parents(block.reading()))?),
        })
    }

    /// The id of a row's parent.
    pub(super) fn parent_id(&self, row: usize) -> Result<SpanId, StoreError> {
        match self {
            Self::Memory(block) => Ok(block.rows.parent[row]),
            Self::Part(block) => Ok(match cached(&block.parent, || block::parents(block.reading()))?[row] {
                Parent::None => SpanId::NONE,
                Parent::Row(row) => self.span()?[row as usize],
                Parent::Elsewhere(id) => id,
            }),
        }
    }

    /// What is known of each row's being a call.
    pub(super) fn calls(&self) -> Result<Cow<'_, [Call]>, StoreError> {
        let of_memory = |row: usize, rows: &Rows| {
            let entry = matches!(SpanKind(rows.kind.get(row)), SpanKind::SERVER | SpanKind::CONSUMER);
            if entry || !rows.parent[row].is_valid() { Call::Yes } else { Call::Undecided }
        };
        Ok(match self {
            Self::Memory(block) => Cow::Owned((0..block.rows.len()).map(|row| of_memory(row, &block.rows)).collect()),
            Self::Part(block) => Cow::Borrowed(cached(&block.call, || block::calls(block.reading()))?),
        })
    }

    /// Rows of which an attribute, or one of an event, has this key and, as text, this value; in order, some perhaps twice.
    pub(super) fn rows_with(&self, key: &str, text: &str) -> Result<Vec<u32>, StoreError> {
        match self {
            Self::Memory(block) => {
                let mut rows = block.rows.attributes.rows_with(key, text);
                if !block.rows.events.ends.none() {
                    let events = block.rows.events.attributes.rows_with(key, text);
                    merge_children(&mut rows, &events, &block.rows.events.ends);
                }
                Ok(rows)
            }
            Self::Part(block) => {
                let reading = block.reading();
                let mut rows = Attributes::decode_key("at.", reading.rows, key, reading.source)?.rows_with(key, text);
                let (ends, count) = block::events(reading)?;
                if count > 0 {
                    let events = reading.of("ev.n", count)?;
                    let events = Attributes::decode_key("ev.", events.rows, key, events.source)?.rows_with(key, text);
                    merge_children(&mut rows, &events, &ends);
                }
                Ok(rows)
            }
        }
    }

    /// What a failed row says of it: its status' message, or that of an exception.
    pub(super) fn error_of(&self, row: usize) -> Result<String, StoreError> {
        let message = self.message()?.text(row);
        if !message.is_empty() {
            return Ok(message);
        }
        let events = match self {
            Self::Memory(block) => &block.rows.events,
            Self::Part(block) => cached(&block.events, || Events::decode(self.start()?, block.reading()))?,
        };
        let mut text = String::new();
        let said = events.ends.of(row).find_map(|event| events.attributes.get(event, "exception.message"));
        Ok(said.map(|value| value.text(&mut text).to_owned()).unwrap_or_default())
    }

    /// A row as a message, with who emitted it.
    pub(super) fn stored_span(&self, row: usize) -> Result<StoredSpan, StoreError> {
        let rows = match self {
            Self::Memory(block) => &block.rows,
            Self::Part(block) => block.all()?,
        };
        let context = self.context_of(rows.context[row]);
        let (resource, scope) = (Arc::clone(&context.resource), Arc::clone(&context.scope));
        Ok(StoredSpan { resource, scope, span: rows.span(row) })
    }
}

/// Adds the rows of these children.
fn merge_children(rows: &mut Vec<u32>, children: &[u32], ends: &Ends) {
    if !children.is_empty() {
        rows.extend(children.iter().map(|child| ends.row_of(*child)));
        rows.sort_unstable();
    }
}
