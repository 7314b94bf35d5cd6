//! Finds label pairs.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use roaring::RoaringBitmap;

use super::super::file::{self, Footer, Place};
use super::{FAN, key, pair};
use crate::StoreError;
use crate::columns::{Malformed, varint};
use crate::engine::PartFile;
use crate::index::postings::set;

/// So many leaves are kept while a part is read; then all are forgotten.
const CACHED: usize = 512;

/// Keys one behind the other; each was told by what it shares with the one before.
#[derive(Debug, Default)]
struct Keys {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Keys {
    fn get(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.bytes[start..self.ends[at] as usize]
    }

    fn take(&mut self, bytes: &mut &[u8]) -> Result<(), Malformed> {
        const CUT: Malformed = Malformed("label pairs are cut off");
        let shared = varint::take(bytes)? as usize;
        let len = varint::take(bytes)? as usize;
        let (rest, behind) = bytes.split_at_checked(len).ok_or(CUT)?;
        let start = match self.ends.len() {
            0 | 1 => 0,
            len => self.ends[len - 2] as usize,
        };
        let before = start..start.saturating_add(shared);
        if before.end > self.bytes.len() || self.bytes.len() > u32::MAX as usize / 2 {
            return Err(CUT);
        }
        self.bytes.extend_from_within(before);
        self.bytes.extend_from_slice(rest);
        self.ends.push(self.bytes.len() as u32);
        *bytes = behind;
        Ok(())
    }

    /// How many are at most (`or_equal`) or below a key.
    fn below(&self, key: &[u8], or_equal: bool) -> usize {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let known = self.get(middle);
            if known < key || or_equal && known == key { low = middle + 1 } else { high = middle }
        }
        low
    }
}

/// Leaves or nodes below a node.
#[derive(Debug)]
struct Node {
    keys: Keys,
    places: Vec<Place>,
}

impl Node {
    fn decode(mut bytes: &[u8], children: usize) -> Result<Self, Malformed> {
        let mut node = Self { keys: Keys::default(), places: Vec::with_capacity(children) };
        let mut offset = 0u64;
        for _ in 0..children {
            node.keys.take(&mut bytes)?;
            offset = offset.wrapping_add(varint::take(&mut bytes)?);
            let len = u32::try_from(varint::take(&mut bytes)?).map_err(|_| Malformed("a leaf is too large"))?;
            node.places.push(Place { offset, len });
        }
        Ok(node)
    }
}

/// Pairs that lie together.
#[derive(Debug)]
struct Leaf {
    keys: Keys,
    series: Vec<(u32, Set)>,
    raw: Vec<u8>,
}

/// The series of a pair.
#[derive(Debug, Clone, Copy)]
enum Set {
    One(u32),
    /// Within the leaf's bytes.
    Inline {
        start: usize,
        len: usize,
    },
    Piece(Place),
}

impl Leaf {
    fn decode(raw: Vec<u8>, pairs: usize) -> Result<Self, Malformed> {
        let mut leaf = Self { keys: Keys::default(), series: Vec::with_capacity(pairs), raw: Vec::new() };
        let mut bytes = raw.as_slice();
        for _ in 0..pairs {
            leaf.keys.take(&mut bytes)?;
            let count = u32::try_from(varint::take(&mut bytes)?).map_err(|_| Malformed("a pair of too many series"))?;
            let head = varint::take(&mut bytes)?;
            let set = if count == 1 {
                Set::One(u32::try_from(head).map_err(|_| Malformed("a series that no part has"))?)
            } else if head & 1 == 1 {
                let len = u32::try_from(head >> 1).map_err(|_| Malformed("a set of too many bytes"))?;
                Set::Piece(Place { offset: varint::take(&mut bytes)?, len })
            } else {
                let len = (head >> 1) as usize;
                let start = raw.len() - bytes.len();
                bytes = bytes.get(len..).ok_or(Malformed("a set of series is cut off"))?;
                Set::Inline { start, len }
            };
            leaf.series.push((count, set));
        }
        leaf.raw = raw;
        Ok(leaf)
    }
}

/// A label name, with the places of its pairs.
type Name = (Box<str>, Range<u32>);

/// Reads pairs; keeps what it has read.
pub(in super::super) struct Pairs<'a> {
    file: &'a PartFile,
    footer: Footer,
    nodes: HashMap<(u32, u32), Rc<Node>>,
    leaves: HashMap<u32, Rc<Leaf>>,
}

impl<'a> Pairs<'a> {
    pub(in super::super) fn new(file: &'a PartFile, footer: Footer) -> Self {
        Self { file, footer, nodes: HashMap::new(), leaves: HashMap::new() }
    }

    /// How many pairs there are.
    pub(in super::super) fn len(&self) -> u32 {
        self.footer.pairs
    }

    /// The place of the first pair whose key is not below this one; [`Self::len`] where all are.
    pub(in super::super) fn seek(&mut self, key: &[u8]) -> Result<u32, StoreError> {
        if self.len() == 0 {
            return Ok(0);
        }
        let mut at = 0;
        for level in (1..=self.depth()).rev() {
            let below = self.node(level, at)?.keys.below(key, true);
            at = at * FAN + below.saturating_sub(1) as u32;
        }
        let below = self.leaf(at)?.keys.below(key, false);
        Ok(at * FAN + below as u32)
    }

    /// The place of a pair.
    pub(in super::super) fn find(&mut self, name: &str, value: &str) -> Result<Option<u32>, StoreError> {
        let mut wanted = Vec::new();
        key(name, value, &mut wanted);
        let at = self.seek(&wanted)?;
        Ok(if at < self.len() && self.with_key(at, |key| key == wanted)? { Some(at) } else { None })
    }

    /// The places of the pairs of a name whose value begins so.
    pub(in super::super) fn range(&mut self, name: &str, prefix: &str) -> Result<Range<u32>, StoreError> {
        let mut wanted = Vec::new();
        key(name, prefix, &mut wanted);
        let start = self.seek(&wanted)?;
        // Above all that begins so: no key has this byte where UTF-8 goes on.
        wanted.push(0xff);
        Ok(start..self.seek(&wanted)?)
    }

    /// Each label name, with the places of its pairs.
    pub(in super::super) fn names(&mut self) -> Result<Vec<Name>, StoreError> {
        let mut names = Vec::new();
        let mut at = 0;
        while at < self.len() {
            let name = self.pair(at)?.0;
            let range = self.range(&name, "")?;
            if range.start != at || range.end <= at {
                return Err(self.damaged(Malformed("label pairs are not sorted")));
            }
            at = range.end;
            names.push((name, range));
        }
        Ok(names)
    }

    /// Name and value of a pair.
    pub(in super::super) fn pair(&mut self, at: u32) -> Result<(Box<str>, Box<str>), StoreError> {
        let leaf = self.leaf_of(at)?;
        let (name, value) = pair(leaf.keys.get((at % FAN) as usize)).map_err(|malformed| self.damaged(malformed))?;
        Ok((name, value.into()))
    }

    /// Calls back with the key of a pair.
    pub(in super::super) fn with_key<T>(&mut self, at: u32, each: impl FnOnce(&[u8]) -> T) -> Result<T, StoreError> {
        let leaf = self.leaf_of(at)?;
        Ok(each(leaf.keys.get((at % FAN) as usize)))
    }

    /// How many series have a pair.
    pub(in super::super) fn count(&mut self, at: u32) -> Result<u32, StoreError> {
        Ok(self.leaf_of(at)?.series[(at % FAN) as usize].0)
    }

    /// Adds the series of a pair to a set.
    pub(in super::super) fn series(&mut self, at: u32, into: &mut RoaringBitmap) -> Result<(), StoreError> {
        let leaf = self.leaf_of(at)?;
        let bytes = match leaf.series[(at % FAN) as usize].1 {
            Set::One(series) => {
                into.insert(series);
                return Ok(());
            }
            Set::Inline { start, len } => leaf.raw[start..start + len].to_vec(),
            Set::Piece(place) => file::read(self.file, place)?,
        };
        *into |= set::decode(&bytes, self.footer.series).map_err(|malformed| self.damaged(malformed))?;
        Ok(())
    }

    fn leaf_of(&mut self, at: u32) -> Result<Rc<Leaf>, StoreError> {
        if at >= self.len() {
            return Err(self.damaged(Malformed("a label pair that the part does not have")));
        }
        self.leaf(at / FAN)
    }

    fn leaf(&mut self, number: u32) -> Result<Rc<Leaf>, StoreError> {
        if let Some(leaf) = self.leaves.get(&number) {
            return Ok(Rc::clone(leaf));
        }
        let place = self.child(1, number)?;
        let raw = file::read_packed(self.file, place)?;
        let pairs = (self.len() - number * FAN).min(FAN) as usize;
        let leaf = Leaf::decode(raw, pairs).map_err(|malformed| self.file.damaged(place.offset, malformed.0))?;
        if self.leaves.len() >= CACHED {
            self.leaves.clear();
        }
        let leaf = Rc::new(leaf);
        self.leaves.insert(number, Rc::clone(&leaf));
        Ok(leaf)
    }

    /// Where the leaf or node of a number is, which is one below `level`.
    fn child(&mut self, level: u32, number: u32) -> Result<Place, StoreError> {
        let node = self.node(level, number / FAN)?;
        let place = node.places.get((number % FAN) as usize).copied();
        place.ok_or_else(|| self.damaged(Malformed("a leaf that the part does not have")))
    }

    /// A node of a level; leaves are below those of level 1.
    fn node(&mut self, level: u32, number: u32) -> Result<Rc<Node>, StoreError> {
        if let Some(node) = self.nodes.get(&(level, number)) {
            return Ok(Rc::clone(node));
        }
        let place = if level == self.depth() { self.footer.root } else { self.child(level + 1, number)? };
        let raw = file::read_packed(self.file, place)?;
        let children = (self.width(level - 1) - number * FAN).min(FAN) as usize;
        let node = Node::decode(&raw, children).map_err(|malformed| self.file.damaged(place.offset, malformed.0))?;
        if self.nodes.len() >= CACHED {
            self.nodes.clear();
        }
        let node = Rc::new(node);
        self.nodes.insert((level, number), Rc::clone(&node));
        Ok(node)
    }

    /// How many nodes a level has; leaves are level 0.
    fn width(&self, level: u32) -> u32 {
        (0..=level).fold(self.len(), |count, _| count.div_ceil(FAN))
    }

    fn depth(&self) -> u32 {
        let mut level = 1;
        while self.width(level) > 1 {
            level += 1;
        }
        level
    }

    fn damaged(&self, malformed: Malformed) -> StoreError {
        self.file.damaged(self.footer.root.offset, malformed.0)
    }
}
