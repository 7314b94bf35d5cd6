//! The lane in loom, which runs each of these through every order in which the two threads can meet: `./test loom`.

use loom::thread;

use super::chunk::{Budget, CHUNK_BYTES, SharedBudget};
use super::lane::{Pushed, Reader, Tag, Writer, lane};
use crate::sync::model::atomic::Ordering;

const TAG: Tag = Tag { signal: 1, scope: 7 };

/// A chunk has room for one of these.
const BODY: usize = CHUNK_BYTES / 2;

fn push(writer: &mut Writer, number: u8, len: usize) -> bool {
    let write = |out: &mut [u8]| {
        out.fill(number);
        len
    };
    writer.push_with(TAG, len, write) != Pushed::Refused
}

/// Reads what there is; answers whether the lane goes on.
fn read(reader: &mut Reader, numbers: &mut Vec<u8>) -> bool {
    reader.drain(|record| {
        assert_eq!(record.tag, TAG);
        assert!(record.body.iter().all(|byte| *byte == record.body[0]), "a whole record");
        numbers.push(record.body[0]);
    })
}

fn used(budget: &SharedBudget) -> usize {
    budget.used.load(Ordering::Relaxed)
}

/// One thread writes records of a length and ends; the reader reads as often as given meanwhile, then to the end.
fn written_and_read(records: u8, len: usize, budget: usize, reads: usize) {
    let budget = Budget::new(budget);
    let (mut writer, mut reader) = lane(&budget);
    let writing = thread::spawn(move || (1..=records).filter(|number| push(&mut writer, *number, len)).collect());
    let (mut numbers, mut all) = (Vec::new(), None);
    for _ in 0..reads {
        let goes_on = read(&mut reader, &mut numbers);
        all = all.or((!goes_on).then_some(numbers.len()));
    }
    let accepted: Vec<u8> = writing.join().unwrap();
    assert!(!read(&mut reader, &mut numbers), "the writer is gone");
    assert_eq!(numbers, accepted, "what was accepted is read once, in order");
    assert!(all.is_none_or(|all| all == accepted.len()), "a lane that is over has nothing left");
    drop(reader);
    assert_eq!(used(&budget), 0, "all memory is given back");
}

#[test]
fn records_in_one_chunk_are_read_once_and_in_order() {
    loom::model(|| written_and_read(3, 1, CHUNK_BYTES, 2));
}

#[test]
fn records_over_chunks_that_are_recycled_are_read_once_and_in_order() {
    loom::model(|| written_and_read(3, BODY, 8 * CHUNK_BYTES, 2));
}

#[test]
fn several_chunks_that_wait_for_reuse_are_taken_one_by_one() {
    loom::model(|| written_and_read(5, BODY, 16 * CHUNK_BYTES, 1));
}

#[test]
fn a_budget_that_is_used_up_refuses_and_is_never_overdrawn() {
    loom::model(|| written_and_read(3, BODY, CHUNK_BYTES, 1));
}

#[test]
fn a_record_longer_than_a_chunk_gets_one_of_its_own() {
    loom::model(|| written_and_read(2, 2 * CHUNK_BYTES, 8 * CHUNK_BYTES, 1));
}

#[test]
fn whichever_end_goes_last_frees_what_is_left() {
    loom::model(|| {
        let budget = Budget::new(8 * CHUNK_BYTES);
        let (mut writer, mut reader) = lane(&budget);
        let writing = thread::spawn(move || {
            push(&mut writer, 1, BODY);
            push(&mut writer, 2, BODY);
        });
        let mut numbers = Vec::new();
        read(&mut reader, &mut numbers);
        drop(reader);
        writing.join().unwrap();
        assert_eq!(used(&budget), 0);
    });
}

#[test]
fn lanes_that_share_a_budget_stay_within_it() {
    loom::model(|| {
        let budget = Budget::new(CHUNK_BYTES);
        let threads = [1, 2].map(|number| {
            let (mut writer, mut reader) = lane(&budget);
            let budget = budget.clone();
            thread::spawn(move || {
                push(&mut writer, number, BODY);
                push(&mut writer, number, BODY);
                assert!(used(&budget) <= CHUNK_BYTES);
                let mut numbers = Vec::new();
                read(&mut reader, &mut numbers);
                assert!(numbers == [number] || numbers == [number; 2]);
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(used(&budget), 0);
    });
}
