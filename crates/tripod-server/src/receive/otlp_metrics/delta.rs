//! Delta temporality: what senders report since their last report, summed up to what Prometheus expects.
//!
//! The sums live in memory and continue, after a restart or when one was forgotten, from the newest sample in the store. Memory is
//! bounded: beyond [`MAX_SUMS`] the half that was reported longest ago is forgotten.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tripod_store::{Labels, SeriesStore, StoreError};
use tripod_wire::prometheus::series::{Explicit, HistogramSeries, NativeHistogram};

use super::Fault;

/// Running sums in memory; a histogram counts as one.
const MAX_SUMS: usize = 100_000;

type Table = HashMap<Labels, Sum>;

/// The running sums of all series that come as deltas.
#[derive(Debug, Default)]
pub(super) struct Deltas(Mutex<Table>);

/// A running sum.
#[derive(Debug, Clone)]
struct Sum {
    /// Of the newest report in it, nanoseconds since the Unix epoch.
    time: u64,
    total: Total,
}

#[derive(Debug, Clone)]
enum Total {
    Number(f64),
    Explicit(Explicit),
    Native(NativeHistogram),
}

/// The sums, locked; what is added shows only after [`Sums::commit`].
#[derive(Debug)]
pub(super) struct Sums<'a> {
    table: MutexGuard<'a, Table>,
    pending: Table,
}

impl Deltas {
    pub(super) fn open(&self) -> Sums<'_> {
        Sums { table: self.0.lock().unwrap_or_else(PoisonError::into_inner), pending: Table::new() }
    }
}

impl Sums<'_> {
    /// Makes what was added the sums to continue from.
    pub(super) fn commit(mut self) {
        self.table.extend(self.pending);
        if self.table.len() > MAX_SUMS {
            let mut times: Vec<u64> = self.table.values().map(|sum| sum.time).collect();
            let middle = times.len() / 2;
            let (_, median, _) = times.select_nth_unstable(middle);
            let median = *median;
            self.table.retain(|_, sum| sum.time >= median);
        }
        if self.table.len() > MAX_SUMS {
            // All of one time.
            self.table.clear();
        }
    }

    /// Adds to a number; the new total.
    pub(super) fn number(
        &mut self,
        store: &(impl SeriesStore + ?Sized),
        labels: &Labels,
        time: u64,
        delta: f64,
    ) -> Result<f64, Fault> {
        let known = match self.known(labels) {
            Some(sum) => Some(sum),
            None => {
                last(store, labels).map_err(Fault::Sink)?.map(|(time, value)| Sum { time, total: Total::Number(value) })
            }
        };
        let total = match in_order(known, time)? {
            Some(Total::Number(total)) => total + delta,
            _ => delta,
        };
        self.put(labels, time, Total::Number(total));
        Ok(total)
    }

    /// Adds to a histogram; the new totals. With other bounds it begins anew.
    pub(super) fn explicit(
        &mut self,
        store: &(impl SeriesStore + ?Sized),
        names: &HistogramSeries<Labels>,
        time: u64,
        delta: Explicit,
    ) -> Result<Explicit, Fault> {
        let known = match self.known(&names.count) {
            Some(sum) => Some(sum),
            None => continue_from(store, names, &delta.bounds).map_err(Fault::Sink)?,
        };
        let total = match in_order(known, time)? {
            Some(Total::Explicit(mut total)) if total.bounds == delta.bounds => {
                total.add(&delta);
                total
            }
            _ => delta,
        };
        self.put(&names.count, time, Total::Explicit(total.clone()));
        Ok(total)
    }

    /// Adds to a native histogram; the new totals. After a restart it begins anew.
    pub(super) fn native(
        &mut self,
        labels: &Labels,
        time: u64,
        delta: NativeHistogram,
    ) -> Result<NativeHistogram, Fault> {
        let total = match in_order(self.known(labels), time)? {
            Some(Total::Native(total)) => total.plus(&delta)?,
            _ => delta,
        };
        self.put(labels, time, Total::Native(total.clone()));
        Ok(total)
    }

    fn known(&self, labels: &Labels) -> Option<Sum> {
        self.pending.get(labels).or_else(|| self.table.get(labels)).cloned()
    }

    fn put(&mut self, labels: &Labels, time: u64, total: Total) {
        self.pending.insert(labels.clone(), Sum { time, total });
    }
}

/// The total to add to, if there is one and it is not newer.
fn in_order(known: Option<Sum>, time: u64) -> Result<Option<Total>, Fault> {
    match known {
        Some(sum) if sum.time >= time => {
            Err("a delta is not newer than the one before: it came out of order, or twice".to_owned().into())
        }
        known => Ok(known.map(|sum| sum.total)),
    }
}

/// The newest sample of a series, its time in nanoseconds; none where the series has ended.
fn last(store: &(impl SeriesStore + ?Sized), labels: &Labels) -> Result<Option<(u64, f64)>, StoreError> {
    // The store has milliseconds: the delta behind the sample may be from any nanosecond of it.
    let nanos = |millis: i64| u64::try_from(millis).unwrap_or(0).saturating_mul(1_000_000).saturating_add(999_999);
    let newest = store.last(labels)?.map(|(time, value)| (nanos(time), value));
    Ok(newest.filter(|(_, value)| !value.is_nan()))
}

/// A histogram's totals as they are in the store; none when a series of it is missing.
fn continue_from(
    store: &(impl SeriesStore + ?Sized),
    names: &HistogramSeries<Labels>,
    bounds: &[f64],
) -> Result<Option<Sum>, StoreError> {
    let Some((time, count)) = last(store, &names.count)? else { return Ok(None) };
    let (mut buckets, mut below) = (Vec::with_capacity(names.buckets.len()), 0);
    for labels in &names.buckets {
        let Some((_, cumulated)) = last(store, labels)? else { return Ok(None) };
        let cumulated = cumulated as u64;
        buckets.push(cumulated.saturating_sub(below));
        below = cumulated;
    }
    let sum = last(store, &names.sum)?.map(|(_, sum)| sum);
    let total = Explicit { bounds: bounds.to_vec(), buckets, sum, count: count as u64 };
    Ok(Some(Sum { time, total: Total::Explicit(total) }))
}
