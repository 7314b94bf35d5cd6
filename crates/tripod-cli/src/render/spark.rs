//! A row of numbers as a row of blocks.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One block a number, the lowest for zero or the least, the highest for the largest; where there is none, a space. More numbers than
/// columns are brought together, the largest of those that share a column counting, so that no spike is lost.
pub(crate) fn spark(values: &[Option<f64>], columns: usize) -> String {
    let values = squeezed(values, columns);
    let known = || values.iter().flatten().copied();
    let (least, most) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
    // What is far from zero shows how it changes, all else how far from zero it is.
    let floor = if least > 0.0 && least > most / 2.0 && least < most { least } else { least.min(0.0) };
    let block = |value: &Option<f64>| match value {
        None => ' ',
        Some(value) if most > floor => {
            let share = (value / 2.0 - floor / 2.0) / (most / 2.0 - floor / 2.0);
            BLOCKS[((share * 7.0).round() as usize).min(7)]
        }
        Some(_) => BLOCKS[0],
    };
    values.iter().map(block).collect()
}

/// At most so many numbers: the largest of each group of neighbours. What is no number is none.
fn squeezed(values: &[Option<f64>], columns: usize) -> Vec<Option<f64>> {
    let count = values.len().min(columns);
    let group = |at: usize| &values[at * values.len() / count..(at + 1) * values.len() / count];
    let largest = |group: &[Option<f64>]| group.iter().flatten().copied().filter(|v| v.is_finite()).reduce(f64::max);
    (0..count).map(|at| largest(group(at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> String {
        spark(&values.iter().copied().map(Some).collect::<Vec<_>>(), 20)
    }

    #[test]
    fn numbers_become_blocks() {
        assert_eq!(of(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), "▁▂▃▄▅▆▇█");
        assert_eq!(of(&[5.0, 5.0]), "██");
        assert_eq!(of(&[0.0, 0.0]), "▁▁");
        assert_eq!(of(&[100.0, 101.0, 107.0]), "▁▂█");
        assert_eq!(of(&[-7.0, 0.0]), "▁█");
        assert_eq!(of(&[f64::NAN, 1.0, f64::INFINITY]), " █ ");
        assert_eq!(of(&[f64::MAX, f64::MIN]), "█▁");
        assert_eq!(spark(&[Some(0.0), None, Some(7.0)], 20), "▁ █");
        assert_eq!(spark(&[], 20), "");
        assert_eq!(spark(&[Some(1.0)], 0), "");
    }

    #[test]
    fn no_spike_is_lost() {
        let mut values = vec![Some(0.0); 1000];
        values[517] = Some(9.0);
        let drawn = spark(&values, 20);
        assert_eq!((drawn.chars().count(), drawn.matches('█').count()), (20, 1));
    }
}
