//! Writes label pairs.

use roaring::RoaringBitmap;

use super::super::file::{self, Packer, Place};
use super::FAN;
use crate::StoreError;
use crate::columns::varint;
use crate::engine::NewPart;
use crate::index::postings::set;

/// A set of series that takes more bytes than this stands outside of the leaf.
const INLINE: usize = 32;

/// Writes pairs, which come sorted.
pub(in super::super) struct PairsWriter {
    leaf: Vec<u8>,
    in_leaf: u32,
    before: Vec<u8>,
    /// What tells the leaf's first key from the one before it, and where each leaf is.
    separator: Vec<u8>,
    leaves: Vec<(Box<[u8]>, Place)>,
    pairs: u32,
}

impl PairsWriter {
    pub(in super::super) fn new() -> Self {
        Self { leaf: Vec::new(), in_leaf: 0, before: Vec::new(), separator: Vec::new(), leaves: Vec::new(), pairs: 0 }
    }

    /// Adds a pair with its series, at least one.
    pub(in super::super) fn push(
        &mut self,
        key: &[u8],
        series: &[u32],
        part: &mut NewPart<'_>,
        packer: &mut Packer,
    ) -> Result<(), StoreError> {
        let shared = common(&self.before, key);
        if self.in_leaf == 0 {
            self.separator.clear();
            self.separator.extend_from_slice(&key[..key.len().min(shared + 1)]);
        }
        put_key(if self.in_leaf == 0 { 0 } else { shared }, key, &mut self.leaf);
        varint::put(series.len() as u64, &mut self.leaf);
        if let [only] = series {
            varint::put((*only).into(), &mut self.leaf);
        } else {
            self.push_set(series, part)?;
        }
        key.clone_into(&mut self.before);
        self.pairs += 1;
        self.in_leaf += 1;
        if self.in_leaf == FAN { self.end_leaf(part, packer) } else { Ok(()) }
    }

    fn push_set(&mut self, series: &[u32], part: &mut NewPart<'_>) -> Result<(), StoreError> {
        let set: RoaringBitmap = series.iter().copied().collect();
        let mut bytes = Vec::new();
        set::put(&set, &mut bytes);
        if bytes.len() <= INLINE {
            varint::put((bytes.len() as u64) << 1, &mut self.leaf);
            self.leaf.extend_from_slice(&bytes);
        } else {
            let place = file::write(part, &bytes)?;
            varint::put((bytes.len() as u64) << 1 | 1, &mut self.leaf);
            varint::put(place.offset, &mut self.leaf);
        }
        Ok(())
    }

    fn end_leaf(&mut self, part: &mut NewPart<'_>, packer: &mut Packer) -> Result<(), StoreError> {
        let place = packer.write(part, &self.leaf)?;
        self.leaves.push((self.separator.as_slice().into(), place));
        self.leaf.clear();
        self.in_leaf = 0;
        Ok(())
    }

    /// Writes the nodes; says how many pairs there are and where the root is.
    pub(in super::super) fn finish(
        mut self,
        part: &mut NewPart<'_>,
        packer: &mut Packer,
    ) -> Result<(u32, Place), StoreError> {
        if self.in_leaf > 0 {
            self.end_leaf(part, packer)?;
        }
        let mut level = self.leaves;
        while !level.is_empty() {
            let mut above = Vec::new();
            for children in level.chunks(FAN as usize) {
                let mut node = Vec::new();
                let mut before: (&[u8], u64) = (&[], 0);
                for (key, place) in children {
                    put_key(common(before.0, key), key, &mut node);
                    varint::put(place.offset - before.1, &mut node);
                    varint::put(place.len.into(), &mut node);
                    before = (key, place.offset);
                }
                above.push((children[0].0.clone(), packer.write(part, &node)?));
            }
            if let [(_, root)] = above.as_slice() {
                return Ok((self.pairs, *root));
            }
            level = above;
        }
        Ok((0, Place::default()))
    }
}

fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn put_key(shared: usize, key: &[u8], out: &mut Vec<u8>) {
    varint::put(shared as u64, out);
    varint::put((key.len() - shared) as u64, out);
    out.extend_from_slice(&key[shared..]);
}
