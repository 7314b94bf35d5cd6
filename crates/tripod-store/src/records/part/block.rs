//! A block of a part: its columns are read when they are asked for.

use std::sync::Arc;

use super::RecordPart;
use super::format::check;
use super::head::{BlockHead, BlockPlace};
use crate::StoreError;
use crate::columns::{Malformed, varint};
use crate::engine::PartFile;
use crate::records::{ColumnSet, ColumnSource, Context};

/// A block whose directory has been read.
#[derive(Debug)]
pub(crate) struct PartBlock<'a> {
    part: &'a RecordPart,
    file: &'a PartFile,
    number: u32,
    /// Its contexts' numbers; those of another part while parts are merged.
    contexts: Vec<u32>,
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    name: Box<str>,
    offset: u64,
    len: u32,
    checksum: u32,
}

/// Appends the directory of columns.
pub(super) fn encode_directory(columns: &ColumnSet) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in columns.iter() {
        varint::put(name.len() as u64, &mut out);
        out.extend_from_slice(name.as_bytes());
        varint::put(bytes.len() as u64, &mut out);
        out.extend_from_slice(&crc32fast::hash(bytes).to_le_bytes());
    }
    out
}

fn decode_directory(mut bytes: &[u8], place: &BlockPlace) -> Result<Vec<Column>, Malformed> {
    const SHORT: Malformed = Malformed("the directory of a block is cut off");
    let mut offset = place.offset + u64::from(place.directory);
    let end = place.filter_offset();
    let mut columns = Vec::new();
    while !bytes.is_empty() {
        let len = varint::take(&mut bytes)? as usize;
        let (name, rest) = bytes.split_at_checked(len).ok_or(SHORT)?;
        bytes = rest;
        let len = varint::take(&mut bytes)?;
        let (checksum, rest) = bytes.split_first_chunk().ok_or(SHORT)?;
        bytes = rest;
        if len > end - offset {
            return Err(Malformed("a column is not within its block"));
        }
        let name = std::str::from_utf8(name).map_err(|_| Malformed("a column's name is not UTF-8"))?;
        columns.push(Column { name: name.into(), offset, len: len as u32, checksum: u32::from_le_bytes(*checksum) });
        offset += len;
    }
    Ok(columns)
}

impl<'a> PartBlock<'a> {
    pub(super) fn read(part: &'a RecordPart, file: &'a PartFile, number: u32) -> Result<Self, StoreError> {
        let (head, place) = &part.heads[number as usize];
        let bytes = file.read(place.offset, place.directory as usize)?;
        check(file, place.offset, &bytes, place.directory_checksum, "a block's directory")?;
        let columns = decode_directory(&bytes, place).map_err(|reason| file.damaged(place.offset, reason.0))?;
        Ok(Self { part, file, number, contexts: head.contexts.clone(), columns })
    }

    /// Calls the contexts by their numbers in another part.
    pub(super) fn renumber(&mut self, numbers: &[u32]) {
        self.contexts.iter_mut().for_each(|context| *context = numbers[*context as usize]);
    }

    /// What is known of it without reading it.
    pub(crate) fn head(&self) -> &'a BlockHead {
        &self.part.heads[self.number as usize].0
    }

    /// How many rows it has.
    pub(crate) fn rows(&self) -> usize {
        self.head().rows as usize
    }

    /// The numbers of its contexts. While parts are merged these are the merged part's.
    pub(crate) fn contexts(&self) -> &[u32] {
        &self.contexts
    }

    /// The context of this place in the block's list; `None` where a row names one that is not there.
    pub(crate) fn context(&self, local: u32) -> Option<&'a Arc<Context>> {
        self.head().contexts.get(local as usize).map(|number| self.part.context(*number))
    }

    /// All columns with one read.
    pub(crate) fn load(&self) -> Result<LoadedBlock<'_>, StoreError> {
        let start = self.columns.first().map_or(0, |column| column.offset);
        let end = self.columns.last().map_or(0, |column| column.offset + u64::from(column.len));
        Ok(LoadedBlock { block: self, start, bytes: self.file.read(start, (end - start) as usize)? })
    }

    fn find(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| *column.name == *name)
    }

    fn check(&self, column: &Column, bytes: &[u8]) -> Result<(), StoreError> {
        check(self.file, column.offset, bytes, column.checksum, &format!("column {}", column.name))
    }

    /// Reads all and compares every checksum; gives the block as it is in the file.
    pub(super) fn verify(&self) -> Result<Vec<u8>, StoreError> {
        let place = &self.part.heads[self.number as usize].1;
        let bytes = self.file.read(place.offset, place.len() as usize)?;
        check(self.file, place.offset, &bytes[..place.directory as usize], place.directory_checksum, "a directory")?;
        for column in &self.columns {
            self.check(column, &bytes[(column.offset - place.offset) as usize..][..column.len as usize])?;
        }
        let filter = &bytes[(place.filter_offset() - place.offset) as usize..];
        check(self.file, place.filter_offset(), filter, place.filter_checksum, "a block's filter")?;
        Ok(bytes)
    }
}

impl ColumnSource for PartBlock<'_> {
    fn column(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(column) = self.find(name) else { return Ok(None) };
        let bytes = self.file.read(column.offset, column.len as usize)?;
        self.check(column, &bytes)?;
        Ok(Some(bytes))
    }

    fn damaged(&self, column: &str, reason: Malformed) -> StoreError {
        let offset = self.find(column).map_or(self.part.heads[self.number as usize].1.offset, |column| column.offset);
        self.file.damaged(offset, format!("column {column}: {reason}"))
    }

    #[cfg(test)]
    fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|column| &*column.name).collect()
    }
}

/// A block all of whose columns were read at once.
#[derive(Debug)]
pub(crate) struct LoadedBlock<'a> {
    block: &'a PartBlock<'a>,
    start: u64,
    bytes: Vec<u8>,
}

impl ColumnSource for LoadedBlock<'_> {
    fn column(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(column) = self.block.find(name) else { return Ok(None) };
        let bytes = &self.bytes[(column.offset - self.start) as usize..][..column.len as usize];
        self.block.check(column, bytes)?;
        Ok(Some(bytes.to_vec()))
    }

    fn damaged(&self, column: &str, reason: Malformed) -> StoreError {
        self.block.damaged(column, reason)
    }

    #[cfg(test)]
    fn names(&self) -> Vec<&str> {
        self.block.names()
    }
}
