//! A slot of exemplars in loom: `./test loom`.

use loom::thread;

use super::{Exemplars, Kept};

/// A measurement all parts of which are given by its number.
fn offer(exemplars: &Exemplars, round: u32, number: u32) {
    if let Some(slot) = exemplars.slot(1, 0).filter(|slot| slot.is_due(round)) {
        let time_unix_nano = u64::from(round * 100 + number);
        slot.keep(Kept { round, value: f64::from(number), time_unix_nano, ..Kept::default() });
    }
}

/// The numbers of what is kept in this round: none, or one that is whole.
fn kept(exemplars: &Exemplars, round: u32) -> Vec<u64> {
    let whole = |(at, kept): (usize, Kept)| {
        assert_eq!((at, kept.round), (0, round));
        assert_eq!(kept.time_unix_nano, u64::from(round) * 100 + kept.value as u64, "a whole exemplar");
        kept.value as u64
    };
    exemplars.kept(&(round..round + 1)).map(whole).collect()
}

fn exemplars() -> &'static Exemplars {
    Box::leak(Box::default())
}

#[test]
fn of_threads_that_offer_at_once_one_is_kept_and_readers_see_it_whole() {
    loom::model(|| {
        let exemplars = exemplars();
        let threads = [1, 2].map(|number| thread::spawn(move || offer(exemplars, 1, number)));
        assert!(kept(exemplars, 1).len() <= 1);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        offer(exemplars, 1, 3);
        let kept = kept(exemplars, 1);
        assert!(matches!(kept[..], [1..=3]), "{kept:?}");
    });
}

#[test]
fn a_slot_is_filled_again_in_the_next_round_and_whoever_is_late_does_not_undo_it() {
    loom::model(|| {
        let exemplars = exemplars();
        offer(exemplars, 1, 1);
        let late = thread::spawn(move || offer(exemplars, 1, 2));
        let next = thread::spawn(move || offer(exemplars, 2, 3));
        assert!(kept(exemplars, 1).iter().all(|number| *number == 1));
        late.join().unwrap();
        next.join().unwrap();
        offer(exemplars, 2, 4);
        assert!(matches!(kept(exemplars, 2)[..], [3 | 4]));
    });
}
