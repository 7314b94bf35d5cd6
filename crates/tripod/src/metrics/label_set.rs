//! A label set as a series keeps it: one block of bytes, compared with the caller's labels without decoding it.
//!
//! The labels stand in the order in which they first came, as a call site gives them in the same order each time; any other order is
//! found too, more slowly. Each is a head of three bytes (the key's length, the value's type, the value's length), the key, the value.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ptr::{self, NonNull};
use std::slice;

use tripod_wire::otlp::{AnyValue, KeyValue};
use tripod_wire::proto::Message;

use crate::{Value, resource};

/// The types of values, as a head has them.
mod tag {
    pub(super) const EMPTY: u8 = 0;
    pub(super) const STR: u8 = 1;
    pub(super) const BOOL: u8 = 2;
    pub(super) const INT: u8 = 3;
    pub(super) const DOUBLE: u8 = 4;
    pub(super) const BYTES: u8 = 5;
    /// An `AnyValue` in protobuf: lists and maps.
    pub(super) const ENCODED: u8 = 6;
}

/// In a head: the length has no room there and follows it in four bytes.
const LONG: u8 = u8::MAX;

/// A label as it is hashed, compared and kept.
pub(crate) trait Label {
    fn key(&self) -> &str;
    /// The value if it is text, as it usually is: this is asked first.
    fn text(&self) -> Option<&str>;
    /// The type and the bytes of the value, numbers by way of `scratch`; `None` for what has to be rendered first.
    fn value<'a>(&'a self, scratch: &'a mut [u8; 8]) -> Option<(u8, &'a [u8])>;
}

impl Label for (&str, Value<'_>) {
    #[inline]
    fn key(&self) -> &str {
        self.0
    }

    #[inline]
    fn text(&self) -> Option<&str> {
        if let Value::Str(text) = self.1 { Some(text) } else { None }
    }

    #[inline]
    fn value<'a>(&'a self, scratch: &'a mut [u8; 8]) -> Option<(u8, &'a [u8])> {
        Some(match self.1 {
            Value::Str(text) => (tag::STR, text.as_bytes()),
            Value::Int(value) => {
                *scratch = value.to_le_bytes();
                (tag::INT, scratch)
            }
            Value::Bool(value) => {
                scratch[0] = u8::from(value);
                (tag::BOOL, &scratch[..1])
            }
            Value::Double(value) => {
                *scratch = value.to_bits().to_le_bytes();
                (tag::DOUBLE, scratch)
            }
            Value::Bytes(bytes) => (tag::BYTES, bytes),
            Value::Empty => (tag::EMPTY, &[]),
            Value::List(_) | Value::Map(_) | Value::Display(_) | Value::Debug(_) | Value::Error(_) => return None,
        })
    }
}

/// A label whose value is bytes, whatever it was.
pub(crate) struct Rendered<'a> {
    key: &'a str,
    tag: u8,
    bytes: Cow<'a, [u8]>,
}

impl Label for Rendered<'_> {
    fn key(&self) -> &str {
        self.key
    }

    fn text(&self) -> Option<&str> {
        None
    }

    fn value<'a>(&'a self, _: &'a mut [u8; 8]) -> Option<(u8, &'a [u8])> {
        Some((self.tag, &self.bytes))
    }
}

/// The labels with every value as bytes; of two equal keys the last counts. For new series, so it may allocate.
pub(crate) fn rendered<'a>(labels: &[(&'a str, Value<'a>)]) -> Vec<Rendered<'a>> {
    let mut all: Vec<Rendered<'a>> = Vec::with_capacity(labels.len());
    for (key, value) in labels {
        let (tag, bytes) = match *value {
            Value::Str(text) => (tag::STR, text.as_bytes().into()),
            Value::Bytes(bytes) => (tag::BYTES, bytes.into()),
            Value::List(_) | Value::Map(_) => (tag::ENCODED, resource::owned(*value).encode_to_vec().into()),
            Value::Display(_) | Value::Debug(_) | Value::Error(_) => (tag::STR, value.to_string().into_bytes().into()),
            Value::Int(value) => (tag::INT, value.to_le_bytes().to_vec().into()),
            Value::Double(value) => (tag::DOUBLE, value.to_bits().to_le_bytes().to_vec().into()),
            Value::Bool(value) => (tag::BOOL, vec![u8::from(value)].into()),
            Value::Empty => (tag::EMPTY, Cow::Borrowed(&[][..])),
        };
        all.retain(|earlier| earlier.key != *key);
        all.push(Rendered { key, tag, bytes });
    }
    all
}

/// Whether no value has to be rendered and no key comes twice.
pub(crate) fn is_plain(labels: &[(&str, Value<'_>)]) -> bool {
    let is_rendered = |value: &Value<'_>| {
        matches!(value, Value::List(_) | Value::Map(_) | Value::Display(_) | Value::Debug(_) | Value::Error(_))
    };
    labels
        .iter()
        .enumerate()
        .all(|(at, (key, value))| !is_rendered(value) && labels[..at].iter().all(|(earlier, _)| earlier != key))
}

/// How many values each key has, most first.
pub(crate) fn distinct_values<'a>(sets: impl Iterator<Item = &'a LabelSet>) -> Vec<(String, usize)> {
    let mut values: HashMap<&str, HashSet<(u8, &[u8])>> = HashMap::new();
    for (key, tag, bytes) in sets.flat_map(LabelSet::parts) {
        values.entry(key).or_default().insert((tag, bytes));
    }
    let mut counts: Vec<(String, usize)> =
        values.into_iter().map(|(key, values)| (key.to_owned(), values.len())).collect();
    counts.sort_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.cmp(b)));
    counts
}

/// Random numbers, so that nobody outside can make label sets that hash alike.
#[derive(Clone, Copy)]
pub(crate) struct Seeds(pub(crate) [u64; 3]);

/// The same for every order of the labels: a sum of what each label hashes to, its lengths included. `None` when a value has to be
/// rendered first.
///
/// Inlined into the caller's code, where keys and types are usually constants: then what is left of a label is two loads and two
/// products.
#[inline(always)]
#[allow(clippy::inline_always, reason = "otherwise keys, types and their number are read anew at each call")]
pub(crate) fn hash(seeds: Seeds, labels: &[impl Label]) -> Option<u32> {
    let mut sum = 0_u64;
    for label in labels {
        let mut scratch = [0; 8];
        let (tag, bytes) = match label.text() {
            Some(text) => (tag::STR, text.as_bytes()),
            None => label.value(&mut scratch)?,
        };
        sum = sum.wrapping_add(hash_label(seeds, label.key().as_bytes(), tag, bytes));
    }
    Some((sum ^ sum >> 32) as u32)
}

/// What is known of the label's kind goes through a product with a secret number before it meets the value: or whoever chooses values
/// could make up for another key or length.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as `hash`")]
fn hash_label(Seeds([a, b, c]): Seeds, key: &[u8], tag: u8, value: &[u8]) -> u64 {
    // Of a long key its ends: an instrument's label sets usually have the same keys.
    let (first, last) = ends(key);
    let kind = (first ^ last.rotate_left(24)).wrapping_mul(MIX) ^ (key.len() as u64) << 8 ^ u64::from(tag);
    let state = a ^ kind.wrapping_mul(MIX).wrapping_add(value.len() as u64).wrapping_mul(c);
    if value.len() > 16 {
        return hash_long(state, b, value);
    }
    let (low, high) = ends(value);
    fold(state ^ low, b ^ high)
}

/// An odd number with many ones and zeros: the golden ratio.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// More than 16 bytes.
#[inline(never)]
fn hash_long(mut state: u64, b: u64, value: &[u8]) -> u64 {
    let mut rest = value;
    while let Some((block, after)) = rest.split_first_chunk::<16>()
        && !after.is_empty()
    {
        state = fold(state ^ word(&block[..8]), b ^ word(&block[8..]));
        rest = after;
    }
    let (low, high) = ends(rest);
    fold(state ^ low, b ^ high)
}

/// Both halves of a product: every bit of both factors has its say.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[inline]
fn word(eight: &[u8]) -> u64 {
    eight.first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight))
}

/// All of at most 16 bytes, as two numbers that overlap.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as `hash`")]
fn ends(bytes: &[u8]) -> (u64, u64) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)))
    } else {
        match *bytes {
            [] => (0, 0),
            [first, .., last] => (u64::from(first) << 8 | u64::from(bytes[1]), u64::from(last)),
            [only] => (u64::from(only), 0),
        }
    }
}

/// Whether two texts of the same length are equal; most labels are short, and calling `memcmp` would take longer than this.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as `hash`")]
pub(crate) fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() > 16 { a == b } else { ends(a) == ends(b) }
}

/// The label set of a series, and what it hashes to: kept together, as they leave no gap. Its length has four bytes.
pub(crate) struct LabelSet {
    block: NonNull<u8>,
    len: u32,
    pub(crate) hash: u32,
}

// SAFETY: the block is its own, and never changes.
unsafe impl Send for LabelSet {}
// SAFETY: as above.
unsafe impl Sync for LabelSet {}

impl LabelSet {
    pub(crate) fn new(hash: u32, labels: &[impl Label]) -> Self {
        let mut block = Vec::new();
        for label in labels {
            let mut scratch = [0; 8];
            let (tag, value) = label.value(&mut scratch).unwrap_or_default();
            let lengths = [label.key().len(), value.len()];
            let short = lengths.map(|len| u8::try_from(len).unwrap_or(LONG));
            block.extend([short[0], tag, short[1]]);
            for (len, _) in lengths.iter().zip(short).filter(|(_, short)| *short == LONG) {
                block.extend((*len as u32).to_le_bytes());
            }
            block.extend(label.key().as_bytes());
            block.extend(value);
        }
        // Labels of gigabytes are cut: what is left of the last one is not read.
        block.truncate(u32::MAX as usize);
        let len = block.len() as u32;
        Self { block: NonNull::from(Box::leak(block.into_boxed_slice())).cast(), len, hash }
    }

    #[inline]
    fn block(&self) -> &[u8] {
        // SAFETY: it is the box that `new` has leaked, with its length.
        unsafe { slice::from_raw_parts(self.block.as_ptr(), self.len as usize) }
    }

    /// Whether these are its labels, in whatever order.
    pub(crate) fn matches(&self, labels: &[impl Label]) -> bool {
        self.matches_in_order(labels) || self.matches_in_any_order(labels)
    }

    /// Whether these are its labels, in its own order. Walks the block by the lengths of the caller's labels: none is read from the
    /// block before the next label can be looked at.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as `hash`")]
    pub(crate) fn matches_in_order(&self, labels: &[impl Label]) -> bool {
        let after = |rest, label| after_label(rest, label);
        let rest = self.block();
        // Loops over few labels written out, so that they are so in the caller's code, too.
        let rest = match labels {
            [] => Some(rest),
            [a] => after(rest, a),
            [a, b] => after(rest, a).and_then(|rest| after(rest, b)),
            [a, b, c] => after(rest, a).and_then(|rest| after(rest, b)).and_then(|rest| after(rest, c)),
            [a, b, c, d] => after(rest, a)
                .and_then(|rest| after(rest, b))
                .and_then(|rest| after(rest, c))
                .and_then(|rest| after(rest, d)),
            _ => labels.iter().try_fold(rest, after),
        };
        rest.is_some_and(<[u8]>::is_empty)
    }

    fn matches_in_any_order(&self, labels: &[impl Label]) -> bool {
        let is_kept = |label: &_| {
            let mut scratch = [0; 8];
            let value = Label::value(label, &mut scratch);
            self.parts().any(|(key, tag, bytes)| key == Label::key(label) && value == Some((tag, bytes)))
        };
        self.parts().count() == labels.len() && labels.iter().all(is_kept)
    }

    /// Key, type and bytes of each label.
    fn parts(&self) -> impl Iterator<Item = (&str, u8, &[u8])> {
        let mut rest = self.block();
        std::iter::from_fn(move || {
            let [key_len, tag, value_len] = *rest.split_off(..3)?.first_chunk()?;
            let key_len = take_len(&mut rest, key_len)?;
            let value_len = take_len(&mut rest, value_len)?;
            let key = rest.split_off(..key_len)?;
            let value = rest.split_off(..value_len)?;
            // SAFETY: a key is written into the block from a `&str`, and the block never changes.
            Some((unsafe { std::str::from_utf8_unchecked(key) }, tag, value))
        })
    }

    /// The labels in the order in which they first came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Kept<'_>)> {
        self.parts().map(|(key, tag, bytes)| {
            let eight = || bytes.first_chunk().copied().unwrap_or_default();
            let value = match tag {
                // SAFETY: under this tag only the bytes of a `&str` or a `String` are written.
                tag::STR => Kept::Str(unsafe { std::str::from_utf8_unchecked(bytes) }),
                tag::BOOL => Kept::Bool(bytes == [1]),
                tag::INT => Kept::Int(i64::from_le_bytes(eight())),
                tag::DOUBLE => Kept::Double(f64::from_le_bytes(eight())),
                tag::BYTES => Kept::Bytes(bytes),
                tag::ENCODED => Kept::Encoded(bytes),
                _ => Kept::Empty,
            };
            (key, value)
        })
    }

    /// The labels as attributes, sorted by key.
    pub(crate) fn attributes(&self) -> Vec<KeyValue> {
        let mut all: Vec<KeyValue> = self.iter().map(|(key, value)| KeyValue::new(key, value.to_any())).collect();
        all.sort_by(|a, b| a.key.cmp(&b.key));
        all
    }
}

impl Drop for LabelSet {
    fn drop(&mut self) {
        let block = ptr::slice_from_raw_parts_mut(self.block.as_ptr(), self.len as usize);
        // SAFETY: as in `block`, and nobody can reach it any more.
        drop(unsafe { Box::from_raw(block) });
    }
}

/// What stands in a block behind this label; `None` when it does not begin with it.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as `hash`")]
fn after_label<'a>(block: &'a [u8], label: &impl Label) -> Option<&'a [u8]> {
    let mut scratch = [0; 8];
    let (tag, value) = match label.text() {
        Some(text) => (tag::STR, text.as_bytes()),
        None => label.value(&mut scratch)?,
    };
    let key = label.key().as_bytes();
    if key.len() >= usize::from(LONG) || value.len() >= usize::from(LONG) {
        return None;
    }
    let (head, rest) = block.split_first_chunk::<3>()?;
    let (kept_key, rest) = rest.split_at_checked(key.len())?;
    let (kept_value, rest) = rest.split_at_checked(value.len())?;
    let same =
        *head == [key.len() as u8, tag, value.len() as u8] && is_same(kept_key, key) && is_same(kept_value, value);
    same.then_some(rest)
}

fn take_len(rest: &mut &[u8], short: u8) -> Option<usize> {
    if short < LONG {
        return Some(usize::from(short));
    }
    Some(u32::from_le_bytes(*rest.split_off(..4)?.first_chunk()?) as usize)
}

/// A value that is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kept<'a> {
    Empty,
    Str(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    /// An `AnyValue` in protobuf.
    Encoded(&'a [u8]),
}

impl Kept<'_> {
    pub(crate) fn to_any(self) -> AnyValue {
        match self {
            Self::Empty => AnyValue::Empty,
            Self::Str(text) => AnyValue::String(text.to_owned()),
            Self::Bool(value) => AnyValue::Bool(value),
            Self::Int(value) => AnyValue::Int(value),
            Self::Double(value) => AnyValue::Double(value),
            Self::Bytes(bytes) => AnyValue::Bytes(bytes.to_vec()),
            Self::Encoded(bytes) => AnyValue::decode(bytes).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEEDS: Seeds = Seeds([0x1234_5678_9abc_def1, 0xfedc_ba98_7654_3211, 0x0f1e_2d3c_4b5a_6979]);

    fn kept(labels: &[(&str, Value<'_>)]) -> LabelSet {
        LabelSet::new(0, &rendered(labels))
    }

    #[test]
    fn every_kind_of_value_is_kept_found_and_given_back() {
        let list = vec![1_i64, 2];
        let long = "x".repeat(300);
        let labels: &[(&str, Value<'_>)] = &[
            ("text", Value::Str("ä")),
            ("empty", Value::Empty),
            ("yes", Value::Bool(true)),
            ("int", Value::Int(-7)),
            ("double", Value::Double(0.5)),
            ("bytes", Value::Bytes(b"\xff\0")),
            ("long", Value::Str(&long)),
            (&long, Value::Int(1)),
        ];
        let set = kept(labels);
        assert!(set.matches(labels));
        let mut expected: Vec<KeyValue> =
            labels.iter().map(|(key, value)| KeyValue::new(*key, resource::owned(*value))).collect();
        expected.sort_by(|a, b| a.key.cmp(&b.key));
        assert_eq!(set.attributes(), expected);
        let listed = rendered(&[("list", Value::List(&list)), ("shown", Value::Display(&5))]);
        let expected =
            vec![KeyValue::new("list", AnyValue::Array(vec![1_i64.into(), 2_i64.into()])), KeyValue::new("shown", "5")];
        assert_eq!(LabelSet::new(0, &listed).attributes(), expected);
    }

    #[test]
    fn of_two_equal_keys_the_last_counts() {
        let set = kept(crate::labels!(a = 1, b = 2, a = 3));
        assert!(set.matches(crate::labels!(a = 3, b = 2)) && !set.matches(crate::labels!(a = 1, b = 2)));
    }

    #[test]
    fn borders_and_types_tell_label_sets_apart() {
        let set = kept(crate::labels!(a = "ab", b = "c"));
        assert!(!set.matches(crate::labels!(a = "a", b = "bc")));
        assert!(!set.matches(crate::labels!(a = "ab")) && !set.matches(crate::labels!(a = "ab", b = "c", c = "")));
        assert!(!kept(crate::labels!(a = "1")).matches(crate::labels!(a = 1)));
        assert!(!kept(crate::labels!(a = "", b = "x")).matches(crate::labels!(ab = "", b = "x")));
    }

    #[test]
    fn who_chooses_values_cannot_make_label_sets_hash_alike_by_exchanging_them_between_keys() {
        let all: HashSet<Option<u32>> = (0..1000)
            .flat_map(|n: i64| {
                let (one, other) = (n.to_string(), (n + 1000).to_string());
                [
                    hash(SEEDS, crate::labels!(from = one, into = other)),
                    hash(SEEDS, crate::labels!(from = other, into = one)),
                    hash(SEEDS, crate::labels!(from = n, into = n + 1000)),
                    hash(SEEDS, crate::labels!(from = n + 1000, into = n)),
                ]
            })
            .collect();
        assert_eq!(all.len(), 4000);
    }

    proptest! {
        #[test]
        fn a_label_set_equals_its_own_labels_in_any_order_and_no_others(
            (mine, shuffled) in proptest::collection::btree_map("[a-c]{0,3}", "[xy]{0,20}", 0..5)
                .prop_flat_map(|map| {
                    let labels: Vec<(String, String)> = map.into_iter().collect();
                    (Just(labels.clone()), Just(labels).prop_shuffle())
                }),
            other in proptest::collection::btree_map("[a-c]{0,3}", "[xy]{0,20}", 0..5),
        ) {
            let values = |labels: &[(String, String)]| -> Vec<(&'static str, Value<'static>)> {
                labels.iter().map(|(k, v)| (&*k.clone().leak(), Value::Str(v.clone().leak()))).collect()
            };
            let other: Vec<(String, String)> = other.into_iter().collect();
            let (set, same) = (kept(&values(&mine)), values(&shuffled));
            prop_assert!(set.matches(&same));
            prop_assert_eq!(hash(SEEDS, &values(&mine)), hash(SEEDS, &same));
            prop_assert_eq!(set.matches(&values(&other)), mine == other);
        }
    }
}
