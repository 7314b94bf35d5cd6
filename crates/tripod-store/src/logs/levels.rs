//! How many rows of a block have each level, so that most blocks are counted, or passed over, without being read.

use std::ops::RangeInclusive;

use tripod_wire::otlp::logs::SeverityNumber;

use crate::columns::varint;

/// None, the six levels, and numbers that are no level.
const CLASSES: usize = 8;
const ODD: usize = CLASSES - 1;

/// Rows by level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Levels([u32; CLASSES]);

impl Levels {
    /// Counts rows.
    pub(crate) fn of(severities: &[i32]) -> Self {
        let mut levels = Self::default();
        severities.iter().for_each(|number| levels.0[class(*number)] += 1);
        levels
    }

    /// Appends what [`Self::decode`] reads.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        self.0.iter().for_each(|count| varint::put(u64::from(*count), out));
    }

    /// `None` where the bytes are something else.
    pub(crate) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut levels = Self::default();
        for count in &mut levels.0 {
            *count = varint::take(&mut bytes).ok()? as u32;
        }
        bytes.is_empty().then_some(levels)
    }

    /// Whether some row may be so grave.
    pub(crate) fn may_have(&self, wanted: &RangeInclusive<SeverityNumber>) -> bool {
        let in_range = |(class, count): (usize, &u32)| {
            *count > 0 && (class == ODD || (least(class) <= wanted.end().0 && most(class) >= wanted.start().0))
        };
        self.0.iter().enumerate().any(in_range)
    }

    /// The rows that are so grave by the name of their level; `None` where their numbers have to be looked at.
    pub(crate) fn within(
        &self,
        wanted: Option<&RangeInclusive<SeverityNumber>>,
    ) -> Option<impl Iterator<Item = (&'static str, u32)>> {
        let is_in = |class: usize| {
            let Some(wanted) = wanted else { return Some(true) };
            let (start, end) = (wanted.start().0, wanted.end().0);
            if self.0[class] == 0 {
                Some(false)
            } else if class == ODD {
                None
            } else if start <= least(class) && most(class) <= end {
                Some(true)
            } else {
                (end < least(class) || most(class) < start).then_some(false)
            }
        };
        let classes: Option<Vec<bool>> = (0..CLASSES).map(is_in).collect();
        let counts = self.0;
        Some((0..CLASSES).zip(classes?).filter(|(_, is_in)| *is_in).map(move |(class, _)| (name(class), counts[class])))
    }
}

fn class(number: i32) -> usize {
    match number {
        0 => 0,
        1..=24 => (number as usize).div_ceil(4),
        _ => ODD,
    }
}

fn least(class: usize) -> i32 {
    if class == 0 { 0 } else { class as i32 * 4 - 3 }
}

fn most(class: usize) -> i32 {
    class as i32 * 4
}

fn name(class: usize) -> &'static str {
    SeverityNumber(if class == ODD { 0 } else { most(class) }).level()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_by_level_are_those_of_the_numbers(
            numbers in prop::collection::vec(prop_oneof![0..26i32, any::<i32>()], 0..50), start in -1..30i32, len in 0..30i32,
        ) {
            let levels = Levels::of(&numbers);
            let mut bytes = Vec::new();
            levels.encode(&mut bytes);
            prop_assert_eq!(Levels::decode(&bytes), Some(levels));
            let wanted = SeverityNumber(start)..=SeverityNumber(start + len);
            let within: Vec<i32> = numbers.iter().copied().filter(|n| wanted.contains(&SeverityNumber(*n))).collect();
            prop_assert!(within.is_empty() || levels.may_have(&wanted));
            if let Some(counts) = levels.within(Some(&wanted)) {
                for (level, count) in counts {
                    let of_level = |n: &&i32| SeverityNumber(**n).level() == level;
                    prop_assert_eq!(within.iter().filter(of_level).count(), count as usize, "{}", level);
                }
            }
            let all: u32 = levels.within(None).unwrap().map(|(_, count)| count).sum();
            prop_assert_eq!(all as usize, numbers.len());
        }
    }
}
