//! The directory of postings: what is kept in memory of them.

use roaring::RoaringBitmap;

use super::super::{Section, fetch, fetch_checked};
use super::page::{self, Entry};
use super::sketch::{self, Sketch};
use super::{MAX_PAGE, take_bytes, take_text};
use crate::StoreError;
use crate::columns::{Malformed, varint};

pub(super) const VERSION: u8 = 1;

/// Bytes behind the directory: its length and its checksum.
pub(super) const TAIL: usize = 8;

/// Postings that are open.
#[derive(Debug, Clone)]
pub(crate) struct Postings {
    /// In order of their names.
    keys: Vec<Key>,
    all_keys: bool,
}

/// A key of a part.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// Its name.
    pub(crate) name: String,
    /// Rows that have it.
    pub(crate) rows: u64,
    /// Its values that the postings have.
    pub(crate) listed: u64,
    pub(super) sketch: Option<Box<Sketch>>,
    pages: Vec<Page>,
}

#[derive(Debug, Clone)]
struct Page {
    first: Box<str>,
    offset: u64,
    len: u32,
    checksum: u32,
}

impl Key {
    /// Whether the postings have all its values, so that no filter has to be asked.
    pub(crate) fn is_complete(&self) -> bool {
        self.sketch.is_none()
    }

    /// How many different values it has: exact if it is complete, else roughly.
    pub(crate) fn distinct(&self) -> u64 {
        self.sketch.as_ref().map_or(self.listed, |sketch| sketch.estimate().max(self.listed))
    }
}

impl Postings {
    /// Reads the directory.
    pub(crate) fn open(section: &dyn Section) -> Result<Self, StoreError> {
        let cut_off = || section.damaged(0, Malformed("postings are cut off"));
        let tail = section.len().checked_sub(TAIL as u64).ok_or_else(cut_off)?;
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        let bytes = fetch(section, tail, TAIL as u64)?;
        let (len, checksum) = (word(&bytes[..4]), word(&bytes[4..]));
        let start = tail.checked_sub(len.into()).ok_or_else(cut_off)?;
        let directory = fetch_checked(section, start, len.into(), checksum)?;
        Self::decode(&directory).map_err(|what| section.damaged(start, what))
    }

    fn decode(mut bytes: &[u8]) -> Result<Self, Malformed> {
        let head = take_bytes(&mut bytes, 2)?;
        if head[0] != VERSION || head[1] > 1 {
            return Err(Malformed("postings in no known encoding"));
        }
        let mut keys = Vec::new();
        let mut offset = 0u64;
        for _ in 0..varint::take(&mut bytes)? {
            let key = Key::decode(&mut bytes, &mut offset)?;
            keys.push(key);
        }
        if !keys.is_sorted_by(|a: &Key, b| a.name < b.name) {
            return Err(Malformed("keys are not in order"));
        }
        Ok(Self { keys, all_keys: head[1] == 1 })
    }

    /// All keys, in order of their names.
    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Whether a key that is not among [`Self::keys`] is nowhere.
    pub(crate) fn has_all_keys(&self) -> bool {
        self.all_keys
    }

    /// A key.
    pub(crate) fn key(&self, name: &str) -> Option<&Key> {
        let at = self.keys.binary_search_by(|key| key.name.as_str().cmp(name)).ok()?;
        Some(&self.keys[at])
    }

    /// Whether the postings alone say which blocks have a value of the key.
    pub(crate) fn is_complete(&self, key: &str) -> bool {
        self.key(key).map_or(self.all_keys, Key::is_complete)
    }

    /// What is known of `key = value`; nothing does not mean that no block has it, unless the key is complete.
    pub(crate) fn find(&self, section: &dyn Section, key: &str, value: &str) -> Result<Option<Entry>, StoreError> {
        let Some(key) = self.key(key) else { return Ok(None) };
        let Some(page) = key.page_of(value) else { return Ok(None) };
        Ok(key.read(section, page)?.into_iter().find(|entry| entry.value == value))
    }

    /// The blocks of `key = value` that the postings know of.
    pub(crate) fn blocks(&self, section: &dyn Section, key: &str, value: &str) -> Result<RoaringBitmap, StoreError> {
        match self.find(section, key, value)? {
            Some(entry) => entry.blocks().map_err(|what| section.damaged(0, what)),
            None => Ok(RoaringBitmap::new()),
        }
    }

    /// The values of a key that begin with `prefix`, in order. Reads a page at a time.
    pub(crate) fn entries<'a>(&'a self, section: &'a dyn Section, key: &str, prefix: &'a str) -> Entries<'a> {
        let key = self.key(key);
        let next = key.and_then(|key| key.page_of(prefix)).unwrap_or_default();
        Entries { section, key, next, page: Vec::new().into_iter(), prefix }
    }

    /// Bytes in memory.
    pub(crate) fn memory(&self) -> usize {
        let of_key = |key: &Key| {
            let pages: usize = key.pages.iter().map(|page| size_of::<Page>() + page.first.len()).sum();
            size_of::<Key>() + key.name.len() + pages + key.sketch.as_ref().map_or(0, |_| sketch::LEN)
        };
        self.keys.iter().map(of_key).sum()
    }
}

impl Key {
    fn decode(bytes: &mut &[u8], offset: &mut u64) -> Result<Self, Malformed> {
        let name = take_text(bytes)?.to_owned();
        let (rows, listed) = (varint::take(bytes)?, varint::take(bytes)?);
        let complete = take_bytes(bytes, 1)? == [1];
        let sketch =
            if complete { None } else { Some(Box::new(Sketch::read(take_bytes(bytes, sketch::LEN as u64)?)?)) };
        let mut pages = Vec::new();
        for _ in 0..varint::take(bytes)? {
            let first = take_text(bytes)?.into();
            let len = Some(varint::take(bytes)?)
                .filter(|len| *len <= MAX_PAGE)
                .ok_or(Malformed("a page is too large"))? as u32;
            let checksum = take_bytes(bytes, 4)?.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
            pages.push(Page { first, offset: *offset, len, checksum });
            *offset += u64::from(len);
        }
        Ok(Self { name, rows, listed, sketch, pages })
    }

    /// The last page that begins with `value` or one before it.
    fn page_of(&self, value: &str) -> Option<usize> {
        self.pages.partition_point(|page| *page.first <= *value).checked_sub(1)
    }

    fn read(&self, section: &dyn Section, page: usize) -> Result<Vec<Entry>, StoreError> {
        let page = &self.pages[page];
        let bytes = fetch_checked(section, page.offset, page.len.into(), page.checksum)?;
        page::decode(&bytes).map_err(|what| section.damaged(page.offset, what))
    }
}

/// Values of a key, in order.
pub(crate) struct Entries<'a> {
    section: &'a dyn Section,
    key: Option<&'a Key>,
    next: usize,
    page: std::vec::IntoIter<Entry>,
    prefix: &'a str,
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let prefix = self.prefix;
        loop {
            if let Some(entry) = self.page.find(|entry| *entry.value >= *prefix) {
                return entry.value.starts_with(prefix).then_some(Ok(entry));
            }
            let key = self.key.filter(|key| self.next < key.pages.len())?;
            let page = key.read(self.section, self.next);
            self.next += 1;
            match page {
                Ok(page) => self.page = page.into_iter(),
                Err(error) => {
                    self.key = None;
                    return Some(Err(error));
                }
            }
        }
    }
}
