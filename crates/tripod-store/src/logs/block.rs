//! A block: up to 4,096 rows with their contexts, in memory as it came, on disk as columns of which only those are read that are
//! asked for.

use std::borrow::Cow;
use std::collections::HashMap;

use tripod_wire::{SpanId, TraceId};

use super::body::{self, BodyTemplates, Templates};
use super::ids;
use super::rows::{Bodies, Rows, Source};
use crate::StoreError;
use crate::columns::{Malformed, ints, varint};
use crate::records::{Attributes, Coded, ColumnSet, ColumnSource, Contexts, Pick, Picks, Rare};

/// Rows in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Block {
    pub(crate) contexts: Contexts,
    pub(crate) rows: Rows,
}

impl Block {
    /// Adds all rows of another block.
    pub(crate) fn append(&mut self, from: &Self) {
        self.gather(Picks { sources: &[from], picks: &Pick::all(from.rows.len()) });
    }

    /// Adds rows of other blocks.
    pub(crate) fn gather(&mut self, from: Picks<'_, Self>) {
        let sources: Vec<Source<'_>> = from
            .sources
            .iter()
            .map(|block| {
                let contexts = block.contexts.iter().map(|context| self.contexts.intern_context(context)).collect();
                Source { rows: &block.rows, contexts }
            })
            .collect();
        self.rows.gather(Picks { sources: &sources.iter().collect::<Vec<_>>(), picks: from.picks });
    }

    /// Bytes in memory, roughly; cheap.
    pub(crate) fn memory(&self) -> usize {
        self.rows.memory() + self.contexts.len() * size_of::<usize>() * 8
    }
}

/// What attributes' columns begin with.
const ATTRIBUTES: &str = "a";

/// Puts all columns of rows, whose contexts are numbers of the block, in a block's.
pub(crate) fn encode(rows: &Rows, templates: Option<&Templates<'_>>, columns: &mut ColumnSet) {
    columns.add("time", |out| ints::encode(&rows.time, out));
    rare(&rows.untimed, rows.len(), u64::from, "untimed", columns);
    if rows.observed.iter().any(|observed| *observed != 0) {
        let since = rows.observed.iter().zip(&rows.time).map(|(observed, time)| observed.wrapping_sub(*time) as i64);
        let since: Vec<u64> = since.map(varint::zigzag).collect();
        columns.add("observed", |out| ints::encode(&since, out));
    }
    let severity: Vec<u64> = rows.severity.iter().map(|number| u64::from(*number as u32)).collect();
    columns.add("sev", |out| ints::encode(&severity, out));
    coded(&rows.severity_text, rows.len(), "sevtext", columns);
    columns.add("body", |out| body::encode(&rows.body.bytes, templates, out));
    rare(&rows.body.other, rows.len(), u64::from, "other", columns);
    rows.attributes.encode(ATTRIBUTES, columns);
    if !rows.trace.is_empty() {
        let all: Vec<[u8; 16]> = (0..rows.len()).map(|row| rows.trace.get(row).0).collect();
        columns.add("trace", |out| ids::encode(&all, out));
    }
    if !rows.span.is_empty() {
        let all: Vec<[u8; 8]> = (0..rows.len()).map(|row| rows.span.get(row).0).collect();
        columns.add("span", |out| ids::encode(&all, out));
    }
    rare(&rows.flags, rows.len(), u64::from, "flags", columns);
    coded(&rows.event_name, rows.len(), "event", columns);
    rare(&rows.dropped, rows.len(), u64::from, "dropped", columns);
    let context: Vec<u64> = rows.context.iter().map(|context| u64::from(*context)).collect();
    columns.add("ctx", |out| ints::encode(&context, out));
}

fn rare<T: Copy + Default + PartialEq>(
    column: &Rare<T>,
    rows: usize,
    number: impl Fn(T) -> u64,
    name: &str,
    columns: &mut ColumnSet,
) {
    if !column.is_empty() {
        let numbers: Vec<u64> = (0..rows).map(|row| number(column.get(row))).collect();
        columns.add(name, |out| ints::encode(&numbers, out));
    }
}

fn coded(column: &Coded, rows: usize, name: &str, columns: &mut ColumnSet) {
    if !column.codes.is_empty() {
        columns.add(name, |out| column.encode(rows, out));
    }
}

/// A block that is read, wherever it is.
#[derive(Clone, Copy)]
pub(crate) enum Reading<'a> {
    /// Rows in memory.
    Memory(&'a Rows),
    /// So many rows on disk, of which a context's number must be below the other number.
    Disk(&'a dyn ColumnSource, usize, usize),
}

impl<'a> Reading<'a> {
    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Memory(rows) => rows.len(),
            Self::Disk(_, rows, _) => *rows,
        }
    }

    /// When each happened.
    pub(crate) fn time(self) -> Result<Cow<'a, [u64]>, StoreError> {
        match self {
            Self::Memory(rows) => Ok(Cow::Borrowed(&rows.time)),
            Self::Disk(..) => self.ints("time").map(Cow::Owned),
        }
    }

    pub(crate) fn severity(self) -> Result<Cow<'a, [i32]>, StoreError> {
        match self {
            Self::Memory(rows) => Ok(Cow::Borrowed(&rows.severity)),
            Self::Disk(..) => Ok(Cow::Owned(self.ints("sev")?.into_iter().map(|number| number as i32).collect())),
        }
    }

    /// Who emitted each: a number in the block's contexts.
    pub(crate) fn context(self) -> Result<Cow<'a, [u32]>, StoreError> {
        match self {
            Self::Memory(rows) => Ok(Cow::Borrowed(&rows.context)),
            Self::Disk(_, _, contexts) => {
                let numbers: Vec<u32> = self.ints("ctx")?.into_iter().map(|number| number as u32).collect();
                if numbers.iter().all(|number| (*number as usize) < contexts) {
                    Ok(Cow::Owned(numbers))
                } else {
                    Err(self.damaged("ctx", Malformed("a row is of no context")))
                }
            }
        }
    }

    pub(crate) fn trace(self) -> Result<Cow<'a, Rare<TraceId>>, StoreError> {
        match self {
            Self::Memory(rows) => Ok(Cow::Borrowed(&rows.trace)),
            Self::Disk(..) => {
                let ids = self.optional("trace", ids::decode::<16>)?.unwrap_or_default();
                Ok(Cow::Owned(ids.into_iter().map(TraceId).collect::<Vec<_>>().into()))
            }
        }
    }

    pub(crate) fn span(self) -> Result<Cow<'a, Rare<SpanId>>, StoreError> {
        match self {
            Self::Memory(rows) => Ok(Cow::Borrowed(&rows.span)),
            Self::Disk(..) => {
                let ids = self.optional("span", ids::decode::<8>)?.unwrap_or_default();
                Ok(Cow::Owned(ids.into_iter().map(SpanId).collect::<Vec<_>>().into()))
            }
        }
    }

    pub(crate) fn body(self) -> Result<Cow<'a, Bodies>, StoreError> {
        match self {
            Self::Memory(rows) => Ok(Cow::Borrowed(&rows.body)),
            Self::Disk(..) => {
                let bytes = self.required("body", body::decode)?;
                let other = self.rare("other", |number| number != 0)?;
                for row in (0..bytes.len()).filter(|row| !other.get(*row)) {
                    if std::str::from_utf8(bytes.get(row)).is_err() {
                        return Err(self.damaged("body", Malformed("a text is not UTF-8")));
                    }
                }
                Ok(Cow::Owned(Bodies { bytes, other }))
            }
        }
    }

    /// The templates of the bodies of some rows.
    pub(crate) fn templates(self, rows: &[u32]) -> Result<BodyTemplates, StoreError> {
        if let Self::Disk(columns, count, _) = self
            && columns.column("other")?.is_none()
            && let Some(mut templates) = self.required("body", BodyTemplates::decode)?
        {
            debug_assert_eq!(templates.codes.len(), count);
            templates.codes = rows.iter().map(|row| templates.codes[*row as usize]).collect();
            return Ok(templates);
        }
        let body = self.body()?;
        let (mut templates, mut known) = (BodyTemplates::default(), HashMap::default());
        let mut buffer = String::new();
        for row in rows {
            let at = *row as usize;
            let text = if body.other.get(at) { body.get(at).text(&mut buffer).as_bytes() } else { body.bytes.get(at) };
            templates.push(text, &mut known);
        }
        Ok(templates)
    }

    /// All attributes of each.
    pub(crate) fn attributes(self) -> Result<Cow<'a, Attributes>, StoreError> {
        match self {
            Self::Memory(rows) => Ok(Cow::Borrowed(&rows.attributes)),
            Self::Disk(columns, rows, _) => Attributes::decode(ATTRIBUTES, rows, columns).map(Cow::Owned),
        }
    }

    /// Attributes of each, of one key at least.
    pub(crate) fn attribute(self, key: &str) -> Result<Cow<'a, Attributes>, StoreError> {
        match self {
            Self::Memory(rows) => Ok(Cow::Borrowed(&rows.attributes)),
            Self::Disk(columns, rows, _) => Attributes::decode_key(ATTRIBUTES, rows, key, columns).map(Cow::Owned),
        }
    }

    /// All columns.
    pub(crate) fn rows(self) -> Result<Cow<'a, Rows>, StoreError> {
        let count = match self {
            Self::Memory(rows) => return Ok(Cow::Borrowed(rows)),
            Self::Disk(_, rows, _) => rows,
        };
        let time = self.time()?.into_owned();
        let since = self.optional("observed", ints::decode)?;
        let observed = |since: Vec<u64>| {
            let since = since.into_iter().zip(&time);
            since.map(|(since, time)| time.wrapping_add(varint::unzigzag(since) as u64)).collect()
        };
        let observed = since.map_or_else(|| vec![0; count], observed);
        Ok(Cow::Owned(Rows {
            untimed: self.rare("untimed", |number| number != 0)?,
            observed,
            severity: self.severity()?.into_owned(),
            severity_text: self.optional("sevtext", Coded::decode)?.unwrap_or_default(),
            body: self.body()?.into_owned(),
            attributes: self.attributes()?.into_owned(),
            trace: self.trace()?.into_owned(),
            span: self.span()?.into_owned(),
            flags: self.rare("flags", |number| number as u32)?,
            event_name: self.optional("event", Coded::decode)?.unwrap_or_default(),
            dropped: self.rare("dropped", |number| number as u32)?,
            context: self.context()?.into_owned(),
            time,
        }))
    }

    fn rare<T: Copy + Default + PartialEq>(self, name: &str, value: impl Fn(u64) -> T) -> Result<Rare<T>, StoreError> {
        let numbers = self.optional(name, ints::decode)?.unwrap_or_default();
        Ok(numbers.into_iter().map(value).collect::<Vec<_>>().into())
    }

    fn ints(self, name: &str) -> Result<Vec<u64>, StoreError> {
        self.required(name, ints::decode)
    }

    fn required<T>(self, name: &str, decode: impl Fn(&[u8], usize) -> Result<T, Malformed>) -> Result<T, StoreError> {
        self.optional(name, decode)?.ok_or_else(|| self.damaged(name, Malformed("it is missing")))
    }

    /// A column, decoded, if the block has it.
    fn optional<T>(
        self,
        name: &str,
        decode: impl Fn(&[u8], usize) -> Result<T, Malformed>,
    ) -> Result<Option<T>, StoreError> {
        let Self::Disk(columns, rows, _) = self else { return Ok(None) };
        let Some(bytes) = columns.column(name)? else { return Ok(None) };
        decode(&bytes, rows).map(Some).map_err(|reason| columns.damaged(name, reason))
    }

    fn damaged(self, column: &str, reason: Malformed) -> StoreError {
        match self {
            Self::Disk(columns, ..) => columns.damaged(column, reason),
            Self::Memory(_) => StoreError::Query(format!("a memory table's column {column}: {reason}")),
        }
    }
}
