//! Reads records back from the log and decodes them.
//!
//! A fetcher lives for one query. It reads ahead, so that records close together cost one read, and decodes a resource or
//! scope once: those at the same place, and those with the same bytes elsewhere.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use tripod_wire::WireError;
use tripod_wire::otlp::{InstrumentationScope, LogRecord, Resource, Span};
use tripod_wire::proto::Message;

use super::segment::{Context, Extent, Segment};
use crate::StoreError;

/// Bytes read at once where records are likely to lie close together.
const READ_AHEAD: usize = 64 << 10;

/// More decoded resources or scopes than this are not kept at a time.
const CACHED: usize = 4096;

/// Reads and decodes for one query.
#[derive(Debug, Default)]
pub(crate) struct Fetcher {
    window: Window,
    resources: Cache<Resource>,
    scopes: Cache<InstrumentationScope>,
}

/// Bytes of a segment that have been read.
#[derive(Debug, Default)]
struct Window {
    segment: u64,
    start: u64,
    bytes: Vec<u8>,
}

/// What has been decoded, by place and by bytes.
#[derive(Debug)]
struct Cache<T> {
    by_place: HashMap<(u64, u32), Arc<T>>,
    by_bytes: HashMap<Vec<u8>, Arc<T>>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self { by_place: HashMap::new(), by_bytes: HashMap::new() }
    }
}

impl Fetcher {
    pub(crate) fn span(&mut self, segment: &Segment, extent: Extent) -> Result<Span, StoreError> {
        decode(self.window.read(segment, extent)?, segment, extent)
    }

    pub(crate) fn log(&mut self, segment: &Segment, extent: Extent) -> Result<LogRecord, StoreError> {
        decode(self.window.read(segment, extent)?, segment, extent)
    }

    /// The bytes of a record as they are.
    pub(crate) fn bytes(&mut self, segment: &Segment, extent: Extent) -> Result<&[u8], StoreError> {
        self.window.read(segment, extent)
    }

    /// The resource and scope of a record.
    pub(crate) fn context(
        &mut self,
        segment: &Segment,
        context: &Context,
    ) -> Result<(Arc<Resource>, Arc<InstrumentationScope>), StoreError> {
        let resource = self.resources.get(&mut self.window, segment, context.resource)?;
        let scope = self.scopes.get(&mut self.window, segment, context.scope)?;
        Ok((resource, scope))
    }
}

impl Window {
    fn read(&mut self, segment: &Segment, extent: Extent) -> Result<&[u8], StoreError> {
        let (start, len) = (u64::from(extent.offset), extent.len as usize);
        let end = start + len as u64;
        let held =
            self.segment == segment.file.id && self.start <= start && end <= self.start + self.bytes.len() as u64;
        if !held {
            let left = segment.file.len().saturating_sub(start).max(len as u64);
            self.bytes.resize(READ_AHEAD.max(len).min(left as usize), 0);
            (self.segment, self.start) = (segment.file.id, start);
            segment.file.read(&mut self.bytes, start).map_err(|source| {
                // What the window holds now is not known.
                self.bytes.clear();
                StoreError::Io { action: "cannot read", path: segment.file.path.clone(), source }
            })?;
        }
        let from = (start - self.start) as usize;
        Ok(&self.bytes[from..from + len])
    }
}

impl<T: Message> Cache<T> {
    fn get(&mut self, window: &mut Window, segment: &Segment, extent: Extent) -> Result<Arc<T>, StoreError> {
        // Absent ones have no bytes, wherever that is.
        let place = (segment.file.id, if extent.len == 0 { 0 } else { extent.offset });
        if let Some(known) = self.by_place.get(&place) {
            return Ok(Arc::clone(known));
        }
        let bytes = if extent.len == 0 { &[] } else { window.read(segment, extent)? };
        let value = if let Some(known) = self.by_bytes.get(bytes) {
            Arc::clone(known)
        } else {
            let value = Arc::new(decode(bytes, segment, extent)?);
            bounded(&mut self.by_bytes).insert(bytes.to_owned(), Arc::clone(&value));
            value
        };
        bounded(&mut self.by_place).insert(place, Arc::clone(&value));
        Ok(value)
    }
}

fn bounded<K: Hash + Eq, V>(map: &mut HashMap<K, V>) -> &mut HashMap<K, V> {
    if map.len() >= CACHED {
        map.clear();
    }
    map
}

fn decode<T: Message>(bytes: &[u8], segment: &Segment, extent: Extent) -> Result<T, StoreError> {
    T::decode(bytes).map_err(|error: WireError| StoreError::Damaged {
        path: segment.file.path.clone(),
        offset: extent.offset.into(),
        reason: error.to_string(),
    })
}
