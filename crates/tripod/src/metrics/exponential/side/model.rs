//! A side of an exponential histogram in loom: windows that threads make and leave while others count. `./test loom`.

use super::{Limits, Side};
use crate::metrics::cells::CellReader;
use crate::metrics::cells::model::{begin, spawn};

const LIMITS: Limits = Limits { size: 2, max_scale: 0 };

fn total(side: &Side) -> u64 {
    side.read(&CellReader::new()).map_or(0, |(_, buckets)| buckets.counts.iter().sum())
}

/// Each thread records its magnitudes, while a reader reads.
fn recorded(threads: &[&'static [f64]], scale: i32) {
    begin(0);
    let side: &'static Side = Box::leak(Box::default());
    let all = threads.iter().map(|magnitudes| magnitudes.len()).sum::<usize>() as u64;
    let record = |magnitudes: &'static [f64]| {
        spawn(move || magnitudes.iter().for_each(|magnitude| side.record(LIMITS, *magnitude)))
    };
    let threads: Vec<_> = threads.iter().map(|magnitudes| record(magnitudes)).collect();
    assert!(total(side) <= all);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(total(side), all, "nothing is lost, nothing counted twice");
    assert_eq!(side.read(&CellReader::new()).unwrap().0, scale);
}

#[test]
fn threads_that_bring_the_first_value_at_once_share_a_window() {
    loom::model(|| recorded(&[&[1.5], &[1.5]], 0));
}

#[test]
fn a_window_grows_by_two_threads_at_once() {
    loom::model(|| recorded(&[&[1.5, 3.0], &[3.0]], 0));
}

#[test]
fn a_coarser_window_takes_over_while_another_thread_counts_in_the_finer_one() {
    loom::model(|| recorded(&[&[1.5], &[20.0]], -2));
}
