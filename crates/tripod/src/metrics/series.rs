//! The series of an instrument: found by their label set, whatever the order of the labels, and compared in full.
//!
//! A look-up takes no lock and writes nothing: it hashes the labels and probes a table of pointers that all threads share. Only a new
//! series takes a lock. Series live as long as the process, and their number is bounded, so they are referred to without counting.
//! What a series costs: its struct, one block for its labels ([`super::label_set`]), some 30 bytes of table and list, its cells.

#[cfg(all(test, loom))]
mod model;

use std::hash::{BuildHasher, RandomState};
use std::ptr;

use super::aggregate::Aggregate;
use super::label_set::{self, Label, LabelSet, Seeds};
use crate::Value;
use crate::sync::model::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use crate::sync::model::{Mutex, MutexGuard};

/// What counts for label sets beyond the limit.
const OVERFLOW: &str = "otel.metric.overflow";

/// One label set and its numbers.
pub(crate) struct Series<A> {
    pub(crate) labels: LabelSet,
    pub(crate) numbers: A,
}

/// All series of an instrument.
pub(crate) struct SeriesMap<A: 'static> {
    slots: AtomicPtr<Slots<A>>,
    seeds: Seeds,
    limit: AtomicUsize,
    /// Series in `slots`: all but the one for the overflow.
    count: AtomicUsize,
    /// In the order in which they came.
    known: Mutex<Vec<&'static Series<A>>>,
    overflow: AtomicPtr<Series<A>>,
    overflowed: AtomicU64,
}

/// A table of open addressing: a series stands in the first free slot from where its hash points to. Series are added, never taken out.
struct Slots<A>(Box<[AtomicPtr<Series<A>>]>);

impl<A> Slots<A> {
    fn new(len: usize) -> Self {
        Self((0..len).map(|_| AtomicPtr::new(ptr::null_mut())).collect())
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as `label_set::hash`")]
    fn find(&self, hash: u32, labels: &[impl Label]) -> Option<&'static Series<A>> {
        let (at, series) = self.next(hash as usize, hash)?;
        // Compared once and in the usual order, outside of any loop, so that it costs little room in the caller's code.
        if series.labels.matches_in_order(labels) { Some(series) } else { self.find_from(at, hash, labels) }
    }

    /// The same from a place on, of labels in another order or, hardly ever, behind others that hash alike.
    #[cold]
    fn find_from(&self, mut from: usize, hash: u32, labels: &[impl Label]) -> Option<&'static Series<A>> {
        loop {
            let (at, series) = self.next(from, hash)?;
            if series.labels.matches(labels) {
                return Some(series);
            }
            from = at + 1;
        }
    }

    /// The next series with this hash, and where it stands.
    #[inline]
    fn next(&self, mut at: usize, hash: u32) -> Option<(usize, &'static Series<A>)> {
        let mask = self.0.len() - 1;
        loop {
            // Acquire: the series is seen as it was written. There is always a free slot, so the walk ends.
            // SAFETY: a series is never freed.
            let series: &'static Series<A> = unsafe { self.0[at & mask].load(Ordering::Acquire).as_ref() }?;
            if series.labels.hash == hash {
                return Some((at, series));
            }
            at += 1;
        }
    }

    /// Called under the lock, and only with room left.
    fn insert(&self, series: &'static Series<A>) {
        let mask = self.0.len() - 1;
        let mut at = series.labels.hash as usize & mask;
        while !self.0[at & mask].load(Ordering::Relaxed).is_null() {
            at += 1;
        }
        // Release: whoever sees the pointer sees the series.
        self.0[at & mask].store(ptr::from_ref(series).cast_mut(), Ordering::Release);
    }
}

impl<A: Aggregate> SeriesMap<A> {
    const FIRST_SLOTS: usize = if cfg!(loom) { 2 } else { 4 };

    /// Keeps at most `limit` label sets apart.
    pub(crate) fn new(limit: usize) -> Self {
        let random = RandomState::new();
        Self::with_seeds(limit, Seeds([random.hash_one(1), random.hash_one(2), random.hash_one(3) | 1]))
    }

    fn with_seeds(limit: usize, seeds: Seeds) -> Self {
        Self {
            slots: AtomicPtr::new(ptr::null_mut()),
            seeds,
            limit: AtomicUsize::new(limit),
            count: AtomicUsize::new(0),
            known: Mutex::default(),
            overflow: AtomicPtr::new(ptr::null_mut()),
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

    /// The series of a label set, made when it is new.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as `label_set::hash`")]
    pub(crate) fn get(&self, shape: &A::Shape, labels: &[(&str, Value<'_>)]) -> &'static Series<A> {
        match label_set::hash(self.seeds, labels).and_then(|hash| self.find(hash, labels)) {
            Some(series) => series,
            None => self.get_slowly(shape, labels),
        }
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as `label_set::hash`")]
    fn find(&self, hash: u32, labels: &[impl Label]) -> Option<&'static Series<A>> {
        // SAFETY: tables are never freed, also those that have become too small.
        unsafe { self.slots.load(Ordering::Acquire).as_ref() }?.find(hash, labels)
    }

    /// A new label set, one with a value that has to be rendered, or one that names a key twice.
    #[cold]
    fn get_slowly(&self, shape: &A::Shape, labels: &[(&str, Value<'_>)]) -> &'static Series<A> {
        let full = self.count() >= self.limit();
        // Asked first and without the lock, so that a flood of new label sets costs no more than a look.
        if full && label_set::is_plain(labels) {
            return self.overflow(shape);
        }
        let labels = label_set::rendered(labels);
        let hash = label_set::hash(self.seeds, &labels).unwrap_or_default();
        self.find(hash, &labels).unwrap_or_else(|| self.insert(shape, hash, &labels))
    }

    fn insert(&self, shape: &A::Shape, hash: u32, labels: &[impl Label]) -> &'static Series<A> {
        let mut known = self.lock();
        // Somebody else may have made it meanwhile.
        if let Some(series) = self.find(hash, labels) {
            return series;
        }
        let count = self.count();
        if count >= self.limit() {
            drop(known);
            return self.overflow(shape);
        }
        let series = Self::leak(shape, hash, labels);
        self.slots_with_room(count, &known).insert(series);
        known.push(series);
        self.count.store(count + 1, Ordering::Relaxed);
        series
    }

    /// The table, made twice as large when three quarters are taken. The old one stays, as somebody may be looking into it; all the
    /// old ones together are as large as the new one.
    fn slots_with_room(&self, count: usize, known: &[&'static Series<A>]) -> &Slots<A> {
        // SAFETY: tables are never freed.
        let slots: Option<&Slots<A>> = unsafe { self.slots.load(Ordering::Acquire).as_ref() };
        match slots {
            Some(slots) if (count + 1) * 4 <= slots.0.len() * 3 => slots,
            _ => {
                let larger = Slots::new(slots.map_or(Self::FIRST_SLOTS, |slots| slots.0.len() * 2));
                let overflow = self.overflow.load(Ordering::Relaxed).cast_const();
                known.iter().filter(|series| !ptr::eq(**series, overflow)).for_each(|series| larger.insert(series));
                let larger: &'static Slots<A> = Box::leak(Box::new(larger));
                // Release: whoever sees the table sees what is in it.
                self.slots.store(ptr::from_ref(larger).cast_mut(), Ordering::Release);
                larger
            }
        }
    }

    /// The series of everything beyond the limit.
    fn overflow(&self, shape: &A::Shape) -> &'static Series<A> {
        self.overflowed.fetch_add(1, Ordering::Relaxed);
        // SAFETY: a series is never freed.
        if let Some(series) = unsafe { self.overflow.load(Ordering::Acquire).as_ref() } {
            return series;
        }
        let mut known = self.lock();
        // SAFETY: as above; asked again, under the lock, as somebody else may have made it meanwhile.
        if let Some(series) = unsafe { self.overflow.load(Ordering::Acquire).as_ref() } {
            return series;
        }
        let series = Self::leak(shape, 0, &[(OVERFLOW, Value::Bool(true))]);
        known.push(series);
        self.overflow.store(ptr::from_ref(series).cast_mut(), Ordering::Release);
        series
    }

    fn leak(shape: &A::Shape, hash: u32, labels: &[impl Label]) -> &'static Series<A> {
        Box::leak(Box::new(Series { labels: LabelSet::new(hash, labels), numbers: A::new(shape) }))
    }

    /// All series, in the order in which they came, the overflow's among them: one that is in the list stays at its place.
    pub(crate) fn all(&self) -> Vec<&'static Series<A>> {
        self.lock().clone()
    }

    /// Measurements that went to the overflow's series.
    pub(crate) fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    /// How many values each key has among the series, most first: who is to blame for an overflow.
    pub(crate) fn distinct_values(&self) -> Vec<(String, usize)> {
        let all = self.all();
        let overflow = self.overflow.load(Ordering::Relaxed).cast_const();
        let labels = all.iter().filter(|series| !ptr::eq(**series, overflow)).map(|series| &series.labels);
        label_set::distinct_values(labels)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<&'static Series<A>>> {
        self.known.lock()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::MAX_SERIES;
    use super::super::sum::{Sum, SumShape};
    use super::*;

    const SHAPE: SumShape = SumShape { monotonic: true };

    fn is_overflow(series: &Series<Sum>) -> bool {
        series.labels.iter().any(|(key, _)| key == OVERFLOW)
    }

    #[test]
    fn the_order_of_labels_does_not_matter_and_their_borders_do() {
        let map = SeriesMap::<Sum>::new(MAX_SERIES);
        let get = |labels: &[(&str, Value<'_>)]| map.get(&SHAPE, labels);
        let one = get(crate::labels!(a = "x", b = "y"));
        assert!(ptr::eq(one, get(crate::labels!(b = "y", a = "x"))));
        assert!(!ptr::eq(get(crate::labels!(a = "ab", b = "c")), get(crate::labels!(a = "a", b = "bc"))));
        assert!(!ptr::eq(get(crate::labels!(a = 1)), get(crate::labels!(a = "1"))));
        assert!(ptr::eq(get(crate::labels!(a = "1")), get(crate::labels!(a = %1))));
        assert!(ptr::eq(get(crate::labels!(a = "1")), get(crate::labels!(a = 7, a = "1"))));
        assert_eq!(map.all().len(), 5);
    }

    #[test]
    fn beyond_the_limit_new_label_sets_share_the_overflow_series_and_known_ones_are_still_found() {
        let map = SeriesMap::<Sum>::new(200);
        for n in 0..300 {
            map.get(&SHAPE, crate::labels!(n, zone = n % 3)).numbers.add_whole(1);
        }
        map.get(&SHAPE, crate::labels!(n = 7, zone = 1)).numbers.add_whole(1);
        map.get(&SHAPE, crate::labels!(n = %"new")).numbers.add_whole(1);
        let all = map.all();
        assert_eq!(all.len(), 201);
        let overflow = all.iter().find(|series| is_overflow(series)).unwrap();
        assert_eq!((overflow.numbers.get(), map.overflowed()), (101.0, 101));
        assert_eq!(all[7].numbers.get(), 2.0);
        assert_eq!(map.distinct_values(), [("n".to_owned(), 200), ("zone".to_owned(), 3)]);
    }

    #[test]
    fn threads_that_make_the_same_series_at_once_get_the_same_one() {
        let map = SeriesMap::<Sum>::new(MAX_SERIES);
        let sets = if cfg!(miri) { 20 } else { 1000 };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..sets {
                        map.get(&SHAPE, crate::labels!(n)).numbers.add_whole(1);
                    }
                });
            }
        });
        let all = map.all();
        assert_eq!(all.len(), sets as usize);
        assert!(all.iter().all(|series| series.numbers.get() == 4.0));
    }

    /// A value by its type and a text: how the types that have more values than one tell them apart.
    type Kind = (u8, String);

    fn value((kind, text): &Kind) -> Value<'_> {
        match kind {
            0 => Value::Str(text),
            1 => Value::Bytes(text.as_bytes()),
            2 => Value::Int(text.len() as i64),
            3 => Value::Double(text.len() as f64),
            4 => Value::Display(text),
            _ => Value::Empty,
        }
    }

    /// The same for equal values: what is shown is text.
    fn meaning((kind, text): &Kind) -> Kind {
        match kind {
            0 | 4 => (0, text.clone()),
            1 => (1, text.clone()),
            2 | 3 => (*kind, text.len().to_string()),
            _ => (*kind, String::new()),
        }
    }

    /// Keys and values of all the lengths that are read in different ways, and such as differ in one byte.
    fn label_sets() -> impl Strategy<Value = Vec<Vec<(String, Kind)>>> {
        let text = || prop_oneof!["[xy]{0,3}", "x{3,9}y?", "x{14,18}y{0,2}x?", "x{0,40}y?x{0,5}"];
        let set = proptest::collection::btree_map(
            prop_oneof!["[ab]{0,2}", "a{7,9}b?", "a{15,18}b?"],
            (0..6_u8, text()),
            0..5,
        );
        let shuffled = set.prop_flat_map(|set| Just(set.into_iter().collect::<Vec<_>>()).prop_shuffle());
        proptest::collection::vec(shuffled, 2..8)
    }

    proptest! {
        #[test]
        fn two_label_sets_are_one_series_if_and_only_if_they_are_equal_as_sets(sets in label_sets(), turn in 0..5_usize) {
            let map = SeriesMap::<Sum>::new(MAX_SERIES);
            let get = |set: &[(String, Kind)]| {
                let labels: Vec<(&str, Value<'_>)> = set.iter().map(|(key, kind)| (&**key, value(kind))).collect();
                map.get(&SHAPE, &labels)
            };
            let set_of = |set: &[(String, Kind)]| -> BTreeMap<String, Kind> {
                set.iter().map(|(key, kind)| (key.clone(), meaning(kind))).collect()
            };
            for one in &sets {
                let mut turned = one.clone();
                turned.rotate_left(turn % one.len().max(1));
                prop_assert!(ptr::eq(get(one), get(&turned)));
                for other in &sets {
                    prop_assert_eq!(ptr::eq(get(one), get(other)), set_of(one) == set_of(other));
                }
            }
        }
    }
}
