use proptest::prelude::*;

use super::*;
use crate::pipeline::Signal;
use crate::pipeline::request::tests::{any_batch, decoded};

proptest! {
    #[test]
    fn the_parts_of_a_batch_hold_all_of_it_in_its_order_and_are_as_small_as_they_must_be(
        batch in any_batch(),
        max in 1..10_usize,
    ) {
        let Some(parts) = divide(&batch, max) else {
            prop_assert!(batch.records <= max as u64);
            return Ok(());
        };
        prop_assert_eq!(parts.len() as u64, batch.records.div_ceil(max as u64));
        prop_assert!(parts.iter().all(|part| part.records <= max as u64 && part.signal == batch.signal));
        prop_assert!(parts.iter().all(|part| part.records == decoded(part).len() as u64));
        let together: Vec<_> = parts.iter().flat_map(|part| decoded(part)).collect();
        prop_assert_eq!(together, decoded(&batch));
    }

    #[test]
    fn joined_batches_hold_the_records_of_all(first in any_batch(), second in any_batch()) {
        if first.signal != second.signal {
            return Ok(());
        }
        let records = first.records + second.records;
        let expected: Vec<_> = decoded(&first).into_iter().chain(decoded(&second)).collect();
        let joined = join(vec![Arc::new(first), Arc::new(second)]).unwrap();
        prop_assert_eq!((joined.records, decoded(&joined)), (records, expected));
    }
}

#[test]
fn what_suits_an_output_is_shared_and_not_copied() {
    let batch = Arc::new(Batch { signal: Signal::Traces, records: 3, body: b"not even a request".to_vec() });
    let shape = Shape::new(&OutputOptions { max_batch: [Some(3); 3], ..OutputOptions::default() });
    let (kept, filtered) = shape.filter(Arc::clone(&batch));
    let parts = shape.divide(kept);
    assert!(filtered == 0 && parts.len() == 1 && Arc::ptr_eq(&parts[0], &batch));
}

#[test]
fn what_is_one_record_or_no_request_has_no_halves() {
    for (records, body) in [(1, Vec::new()), (7, vec![0xff; 40])] {
        assert!(halve(&Batch { signal: Signal::Logs, records, body }).is_none());
    }
}
