//! The series of an instrument: found by their label set, whatever the order of the labels, and compared in full.
//!
//! A thread remembers where it last found what hashed alike, so that the usual look-up takes no lock: hash, one slot, compare. Series
//! live as long as the process, and their number is bounded, so they are referred to without counting.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher};
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{LazyLock, OnceLock};

use foldhash::fast::RandomState;
use tripod_wire::otlp::{AnyValue, KeyValue};

use super::aggregate::Aggregate;
use crate::sync::RwLock;
use crate::{Value, resource};

/// What counts for label sets beyond the limit.
const OVERFLOW: &str = "otel.metric.overflow";

/// One label set and its numbers.
pub(crate) struct Series<A> {
    /// Sorted by key.
    pub(crate) attributes: Vec<KeyValue>,
    pub(crate) numbers: A,
}

/// All series of an instrument.
pub(crate) struct SeriesMap<A: 'static> {
    /// Tells the instruments apart in the threads' memory; never used twice.
    number: u32,
    by_hash: RwLock<HashMap<u64, Vec<&'static Series<A>>, RandomState>>,
    count: AtomicUsize,
    limit: AtomicUsize,
    overflow: OnceLock<&'static Series<A>>,
    /// How often the overflow series stood in for another.
    overflowed: AtomicU64,
}

/// What a thread remembers: which series of which instrument hashed so.
#[derive(Clone, Copy)]
struct Remembered {
    instrument: u32,
    hash: u64,
    series: *const (),
}

const SLOTS: usize = 512;

thread_local! {
    static REMEMBERED: [Cell<Remembered>; SLOTS] =
        const { [const { Cell::new(Remembered { instrument: 0, hash: 0, series: ptr::null() }) }; SLOTS] };
}

/// Seeded at random, so that nobody outside can make label sets that hash alike.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// Seeds the hasher, if that is not done.
pub(super) fn ready() {
    LazyLock::force(&HASHER);
}

impl<A: Aggregate> SeriesMap<A> {
    pub(crate) fn new(limit: usize) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let (count, limit) = (AtomicUsize::new(0), AtomicUsize::new(limit));
        Self {
            number,
            by_hash: RwLock::default(),
            count,
            limit,
            overflow: OnceLock::new(),
            overflowed: AtomicU64::new(0),
        }
    }

    /// Keeps at most so many label sets apart from now on.
    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// How many label sets it keeps apart at most.
    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// How many it keeps apart now.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Measurements that went to the overflow's series.
    pub(crate) fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    /// How many values each key has among the series, most first: who is to blame for an overflow.
    pub(crate) fn distinct_values(&self) -> Vec<(String, usize)> {
        let by_hash = self.by_hash.read();
        let mut values: HashMap<&str, HashSet<String>> = HashMap::new();
        for label in by_hash.values().flatten().flat_map(|series| &series.attributes) {
            values.entry(&label.key).or_default().insert(label.value.to_string());
        }
        drop(by_hash);
        let mut counts: Vec<_> = values.into_iter().map(|(key, values)| (key.to_owned(), values.len())).collect();
        counts.sort_by(|(a_key, a), (b_key, b)| b.cmp(a).then_with(|| a_key.cmp(b_key)));
        counts
    }

    /// The series of a label set, made when it is new.
    #[inline]
    pub(crate) fn get(&self, shape: &A::Shape, labels: &[(&str, Value<'_>)]) -> &'static Series<A> {
        let hash = hash(labels);
        let slot = hash as usize % SLOTS;
        // While the thread ends, it remembers nothing.
        let remembered = REMEMBERED.try_with(|slots| slots[slot].get()).ok();
        if let Some(found) = remembered.filter(|found| found.instrument == self.number && found.hash == hash) {
            // SAFETY: under this instrument's number only pointers to its own series are remembered (below), and series are
            // never freed.
            let series = unsafe { &*found.series.cast::<Series<A>>() };
            if is_same(&series.attributes, labels) {
                return series;
            }
        }
        let series = self.look_up(shape, hash, labels);
        let found = Remembered { instrument: self.number, hash, series: ptr::from_ref(series).cast() };
        let _ = REMEMBERED.try_with(|slots| slots[slot].set(found));
        series
    }

    #[cold]
    fn look_up(&self, shape: &A::Shape, hash: u64, labels: &[(&str, Value<'_>)]) -> &'static Series<A> {
        let by_hash = self.by_hash.read();
        let found = by_hash.get(&hash).and_then(|same| same.iter().find(|series| is_same(&series.attributes, labels)));
        if let Some(series) = found {
            return series;
        }
        drop(by_hash);
        self.insert(shape, hash, labels)
    }

    fn insert(&self, shape: &A::Shape, hash: u64, labels: &[(&str, Value<'_>)]) -> &'static Series<A> {
        // Asked without the lock, so that a flood of new label sets costs no more than a look.
        if self.count.load(Ordering::Relaxed) >= self.limit.load(Ordering::Relaxed) {
            self.overflowed.fetch_add(1, Ordering::Relaxed);
            return self.overflow.get_or_init(|| Self::leak(shape, vec![KeyValue::new(OVERFLOW, true)]));
        }
        let attributes = owned(labels);
        let mut by_hash = self.by_hash.write();
        let same = by_hash.entry(hash).or_default();
        // Somebody else may have made it meanwhile.
        if let Some(series) = same.iter().find(|series| series.attributes == attributes) {
            return series;
        }
        let series = Self::leak(shape, attributes);
        same.push(series);
        self.count.fetch_add(1, Ordering::Relaxed);
        series
    }

    fn leak(shape: &A::Shape, attributes: Vec<KeyValue>) -> &'static Series<A> {
        Box::leak(Box::new(Series { attributes, numbers: A::new(shape) }))
    }

    /// All series, in order of their label sets.
    pub(crate) fn all(&self) -> Vec<&'static Series<A>> {
        let by_hash = self.by_hash.read();
        let mut all: Vec<_> = by_hash.values().flatten().chain(self.overflow.get()).copied().collect();
        drop(by_hash);
        all.sort_by_cached_key(|series| -> Vec<(&str, String)> {
            series.attributes.iter().map(|attribute| (attribute.key.as_str(), attribute.value.to_string())).collect()
        });
        all
    }
}

/// The same for every order of the labels: a sum of what each label hashes to. Of the keys only what is cheap goes in, as an
/// instrument's label sets usually have the same.
#[inline]
fn hash(labels: &[(&str, Value<'_>)]) -> u64 {
    labels.iter().fold(0, |sum: u64, (key, value)| {
        let mut hasher = HASHER.build_hasher();
        let ends = [key.as_bytes().first(), key.as_bytes().last()].map(|end| u64::from(*end.unwrap_or(&0)));
        hasher.write_u64((key.len() as u64) << 16 | ends[0] << 8 | ends[1]);
        match value {
            Value::Str(text) => hasher.write(text.as_bytes()),
            Value::Int(value) => hasher.write_i64(*value),
            Value::Bool(value) => hasher.write_u8(u8::from(*value)),
            Value::Double(value) => hasher.write_u64(value.to_bits()),
            other => hasher.write(other.to_string().as_bytes()),
        }
        sum.wrapping_add(hasher.finish())
    })
}

/// Whether a label set is that of a series: a hash alone is never trusted.
#[inline]
fn is_same(attributes: &[KeyValue], labels: &[(&str, Value<'_>)]) -> bool {
    attributes.len() == labels.len()
        && labels.iter().zip(attributes).all(|((key, value), in_order)| {
            // Most callers give the labels in order.
            if in_order.key == *key {
                return is_same_value(&in_order.value, *value);
            }
            let at = attributes.binary_search_by(|attribute| attribute.key.as_str().cmp(key));
            at.is_ok_and(|at| is_same_value(&attributes[at].value, *value))
        })
}

fn is_same_value(kept: &AnyValue, value: Value<'_>) -> bool {
    match (kept, value) {
        (AnyValue::String(kept), Value::Str(text)) => kept == text,
        (AnyValue::Int(kept), Value::Int(value)) => *kept == value,
        (AnyValue::Bool(kept), Value::Bool(value)) => *kept == value,
        (AnyValue::Double(kept), Value::Double(value)) => kept.to_bits() == value.to_bits(),
        (kept, value) => *kept == resource::owned(value),
    }
}

/// Sorted by key; of two equal keys the last wins.
fn owned(labels: &[(&str, Value<'_>)]) -> Vec<KeyValue> {
    let mut attributes: Vec<KeyValue> = Vec::with_capacity(labels.len());
    for (key, value) in labels {
        attributes.retain(|earlier| earlier.key != *key);
        attributes.push(KeyValue::new(*key, resource::owned(*value)));
    }
    attributes.sort_by(|a, b| a.key.cmp(&b.key));
    attributes
}

#[cfg(test)]
mod tests {
    use super::super::MAX_SERIES;
    use super::super::aggregate::{Sum, SumShape};
    use super::*;

    const SHAPE: SumShape = SumShape { monotonic: true };

    #[test]
    fn the_order_of_labels_does_not_matter_and_their_borders_do() {
        let map = SeriesMap::<Sum>::new(MAX_SERIES);
        let get = |labels: &[(&str, Value<'_>)]| map.get(&SHAPE, labels);
        let one = get(crate::labels!(a = "x", b = "y"));
        assert!(ptr::eq(one, get(crate::labels!(b = "y", a = "x"))));
        assert!(!ptr::eq(get(crate::labels!(a = "ab", b = "c")), get(crate::labels!(a = "a", b = "bc"))));
        assert!(!ptr::eq(get(crate::labels!(a = 1)), get(crate::labels!(a = "1"))));
    }

    #[test]
    fn beyond_the_limit_new_label_sets_share_the_overflow_series() {
        let map = SeriesMap::<Sum>::new(MAX_SERIES);
        for n in 0..MAX_SERIES + 100 {
            map.get(&SHAPE, crate::labels!(n)).numbers.add_whole(1);
        }
        let all = map.all();
        assert_eq!(all.len(), MAX_SERIES + 1);
        let overflow = all.iter().find(|series| series.attributes[0].key == OVERFLOW).unwrap();
        assert_eq!(overflow.numbers.get(), 100.0);
    }
}
