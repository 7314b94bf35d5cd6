//! What finds rows in a part without reading its columns: filters of a block, postings of a part, rows of an id.
//!
//! Each is a run of bytes in a part's file, written once and read with few short reads at the places that matter. Nothing here
//! knows of files or signals: a [`Section`] says where the bytes are. What is read was perhaps changed since: every read is
//! checked against the section's length before anything is allocated, and pages have checksums of their own.

pub(crate) mod filter;
pub(crate) mod hash;
#[cfg(test)]
mod measure;
pub(crate) mod postings;
pub(crate) mod rows;

use crate::StoreError;
use crate::columns::Malformed;

/// Where the bytes of an index are: a range of a part's file.
pub(crate) trait Section {
    /// How many they are.
    fn len(&self) -> u64;

    /// Reads `len` bytes from `offset` on; both were checked against [`Self::len`].
    fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, StoreError>;

    /// The error for bytes at `offset` that are not what was written.
    fn damaged(&self, offset: u64, what: Malformed) -> StoreError;
}

/// Reads a range that was itself read from the section, so it may be anything.
fn fetch(section: &dyn Section, offset: u64, len: u64) -> Result<Vec<u8>, StoreError> {
    if offset.checked_add(len).is_none_or(|end| end > section.len()) {
        return Err(section.damaged(offset, Malformed("an index points behind its end")));
    }
    section.read(offset, len as usize)
}

/// Reads a range and compares its checksum.
fn fetch_checked(section: &dyn Section, offset: u64, len: u64, checksum: u32) -> Result<Vec<u8>, StoreError> {
    let bytes = fetch(section, offset, len)?;
    if crc32fast::hash(&bytes) == checksum {
        Ok(bytes)
    } else {
        Err(section.damaged(offset, Malformed("the checksum of a page is another")))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use super::*;

    /// A section in memory that counts how often it is read.
    #[derive(Debug, Default)]
    pub(crate) struct Memory {
        pub(crate) bytes: Vec<u8>,
        pub(crate) reads: Cell<usize>,
    }

    impl Memory {
        pub(crate) fn new(bytes: Vec<u8>) -> Self {
            Self { bytes, reads: Cell::new(0) }
        }
    }

    impl Section for Memory {
        fn len(&self) -> u64 {
            self.bytes.len() as u64
        }

        fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
            self.reads.set(self.reads.get() + 1);
            Ok(self.bytes[offset as usize..][..len].to_vec())
        }

        fn damaged(&self, offset: u64, what: Malformed) -> StoreError {
            StoreError::Damaged { path: "memory".into(), offset, reason: what.to_string() }
        }
    }
}
