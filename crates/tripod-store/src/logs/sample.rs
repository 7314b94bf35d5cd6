//! Which blocks a summary looks at where there are more than it may: every so many-th in the order of time, so that all of the window
//! is there, and the same ones each time.

use super::units::Unit;
use crate::Looked;

/// The numbers of the units to look at, in the order of time, and of how many rows they are.
pub(crate) fn sample(units: &[Unit<'_>], rows: u64) -> (Vec<usize>, Looked) {
    let of = units.iter().map(|unit| unit.len() as u64).sum::<u64>();
    let mut order: Vec<usize> = (0..units.len()).collect();
    order.sort_by_key(|at| (units[*at].known.min_time, units[*at].known.max_time));
    let taken = spread(order.iter().map(|at| units[*at].len() as u64), of, rows);
    let taken: Vec<usize> = order.into_iter().zip(taken).filter(|(_, taken)| *taken).map(|(at, _)| at).collect();
    let scanned = taken.iter().map(|at| units[*at].len() as u64).sum();
    (taken, Looked { records: 0, scanned, of })
}

/// For each of some lengths whether it is taken, so that about `rows` of all are, evenly. One is taken at least.
fn spread(lengths: impl Iterator<Item = u64>, of: u64, rows: u64) -> Vec<bool> {
    let (mut seen, mut taken) = (0u128, 0u128);
    lengths
        .map(|len| {
            let is_due = of <= rows || taken * u128::from(of) <= seen * u128::from(rows);
            seen += u128::from(len);
            taken += if is_due { u128::from(len) } else { 0 };
            is_due
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_taken_evenly_up_to_the_rows_allowed() {
        let taken = |lengths: &[u64], rows| spread(lengths.iter().copied(), lengths.iter().sum(), rows);
        assert_eq!(taken(&[10; 4], 40), [true; 4]);
        assert_eq!(taken(&[10; 6], 20), [true, false, false, true, false, false]);
        assert_eq!(taken(&[10; 3], 1), [true, false, false]);
        let uneven = taken(&[1, 1000, 1, 1, 1000, 1], 1002);
        assert!(uneven[0] && uneven.iter().filter(|taken| **taken).count() < 5, "{uneven:?}");
        assert_eq!(taken(&[], 5), [false; 0]);
    }
}
