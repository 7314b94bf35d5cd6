//! Cells in loom: every order in which threads record, end and are read in; one of them has cells of its own. `./test loom`.

use std::cell::Cell;

use super::Global;

std::thread_local! {
    /// Of the model that this thread runs: loom runs all threads of a model in one.
    static GLOBAL: Cell<Option<&'static Global>> = const { Cell::new(None) };
}

pub(super) fn global() -> &'static Global {
    GLOBAL.get().expect("a model has begun")
}

/// Begins a model, where so many threads may have cells of their own.
#[cfg(test)]
pub(in crate::metrics) fn begin(threads: usize) {
    GLOBAL.set(Some(Box::leak(Box::new(Global::new(threads)))));
}

/// A thread of a model: its cells are given back at the end.
#[cfg(test)]
pub(in crate::metrics) fn spawn(work: impl FnOnce() + 'static) -> loom::thread::JoinHandle<()> {
    loom::thread::spawn(|| {
        work();
        super::give_back();
    })
}

#[cfg(test)]
mod tests {
    use super::super::{CellReader, Cells, Join, LateCells};
    use super::{begin, spawn};

    fn read(cells: Cells) -> u64 {
        CellReader::new().bits(cells, 0, Join::Whole)
    }

    /// Threads that each record these numbers and end, while a reader reads twice.
    fn counted(limit: usize, threads: &[&'static [u64]]) {
        begin(limit);
        let cells = Cells::new(&[Join::Whole]);
        let all: u64 = threads.iter().flat_map(|numbers| numbers.iter()).sum();
        let record = |numbers: &'static [u64]| {
            spawn(move || numbers.iter().for_each(|number| cells.record(0, Join::Whole, *number)))
        };
        let threads: Vec<_> = threads.iter().map(|numbers| record(numbers)).collect();
        let first = read(cells);
        let second = read(cells);
        assert!(first <= second && second <= all, "{first}, then {second} of {all}");
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(read(cells), all, "nothing is lost, nothing counted twice");
    }

    #[test]
    fn a_reader_sees_each_number_once_while_its_thread_records_and_ends() {
        loom::model(|| counted(1, &[&[1, 10]]));
    }

    #[test]
    fn a_thread_beyond_the_limit_and_one_that_ends_add_into_the_base_at_once() {
        loom::model(|| counted(1, &[&[1], &[100]]));
    }

    #[test]
    fn threads_without_cells_of_their_own_lose_nothing() {
        loom::model(|| counted(0, &[&[1], &[10]]));
    }

    #[test]
    fn a_table_passes_from_a_thread_that_ended_to_the_next_as_zeros() {
        loom::model(|| {
            begin(1);
            let cells = Cells::new(&[Join::Whole, Join::Greatest]);
            let record = move |bits| {
                cells.record(0, Join::Whole, 1);
                cells.record(1, Join::Greatest, bits);
            };
            let first = spawn(move || record(7));
            spawn(move || record(5)).join().unwrap();
            first.join().unwrap();
            let reader = CellReader::new();
            assert_eq!((reader.bits(cells, 0, Join::Whole), reader.bits(cells, 1, Join::Greatest)), (2, 7));
        });
    }

    #[test]
    fn cells_that_two_threads_make_at_once_are_the_same() {
        loom::model(|| {
            begin(0);
            let late: &'static LateCells = Box::leak(Box::default());
            let record = |number| {
                move || {
                    // The first record of a thread takes the lock, which would order all that follows.
                    Cells::NONE.record(0, Join::Whole, 1);
                    late.get_or_make(&[Join::Greatest]).record(0, Join::Greatest, number);
                }
            };
            let threads = [spawn(record(3)), spawn(record(9))];
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            let cells = late.get().unwrap();
            assert_eq!(CellReader::new().bits(cells, 0, Join::Greatest), 9, "joined as it was asked for");
        });
    }
}
