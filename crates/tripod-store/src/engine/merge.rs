//! Which parts are merged.
//!
//! Parts of one kind and day that arrived one after another, and are about as large as one another: eight become one eight times as
//! large, so that a row is rewritten about once for each factor of eight between a flush and [`max_part_bytes`]. What is
//! left of a day that is over becomes one part, when it is at least four.
//!
//! [`max_part_bytes`]: super::Options::max_part_bytes

use std::collections::BTreeMap;

use super::PartMeta;

/// So many parts of a size become one, and at most twice as many.
const FAN_IN: usize = 8;

/// Parts below this size are alike.
const SMALL: u64 = 256 << 10;

/// Fewer small parts than this stay as they are on a day that is over.
const LEFTOVERS: usize = 4;

/// The parts to merge next, of one signal's in order of arrival; none when all is well. Days before `today` are over.
pub(super) fn pick(parts: &[PartMeta], today: u64, max_bytes: u64) -> Option<Vec<u64>> {
    let mut groups: BTreeMap<(u64, &str), Vec<&PartMeta>> = BTreeMap::new();
    for part in parts {
        groups.entry((part.day, &part.kind)).or_default().push(part);
    }
    // Today's first: they are asked for most.
    let growing = groups.values().rev().find_map(|parts| alike(parts, max_bytes));
    let over = || groups.iter().filter(|((day, _), _)| *day < today).find_map(|(_, parts)| leftovers(parts, max_bytes));
    growing.or_else(over)
}

/// The tier of a size: each is eight times as large as the one before.
fn tier(bytes: u64) -> u32 {
    (bytes / SMALL).max(1).ilog(FAN_IN as u64)
}

/// Neighbours of a tier or below it, the lowest tier first.
fn alike(parts: &[&PartMeta], max_bytes: u64) -> Option<Vec<u64>> {
    let small = |part: &PartMeta| part.bytes < max_bytes;
    let tiers = parts.iter().filter(|part| small(part)).map(|part| tier(part.bytes)).max()?;
    (0..=tiers).find_map(|limit| {
        let runs = parts.split(|part| !small(part) || tier(part.bytes) > limit);
        let run = runs.max_by_key(|run| run.len())?;
        let run = within(run, max_bytes);
        let (sum, largest) = run.iter().fold((0, 0), |(sum, max), part| (sum + part.bytes, part.bytes.max(max)));
        // Fewer will do when they become as large as any may. A large one is not rewritten for the sake of small ones beside it.
        ((run.len() >= FAN_IN || sum >= max_bytes) && largest <= sum / 2).then(|| ids(run))
    })
}

/// Neighbours that are small for a day that is over.
fn leftovers(parts: &[&PartMeta], max_bytes: u64) -> Option<Vec<u64>> {
    let runs = parts.split(|part| part.bytes >= max_bytes / FAN_IN as u64);
    let run = within(runs.max_by_key(|run| run.len())?, max_bytes);
    (run.len() >= LEFTOVERS).then(|| ids(run))
}

/// The first parts of a run, as many as may be merged at once.
fn within<'a, 'b>(run: &'a [&'b PartMeta], max_bytes: u64) -> &'a [&'b PartMeta] {
    let mut bytes = 0;
    let fits = |part: &&&PartMeta| {
        bytes += part.bytes;
        bytes <= max_bytes.saturating_mul(2)
    };
    let count = run.iter().take(2 * FAN_IN).take_while(fits).count();
    &run[..count]
}

fn ids(parts: &[&PartMeta]) -> Vec<u64> {
    parts.iter().map(|part| part.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = 512 << 20;

    fn parts(sizes: &[u64]) -> Vec<PartMeta> {
        (1..).zip(sizes).map(|(id, &bytes)| part(id, 10, "", bytes)).collect()
    }

    fn part(id: u64, day: u64, kind: &str, bytes: u64) -> PartMeta {
        PartMeta {
            id,
            sequence: id,
            signal: "spans".to_owned(),
            kind: kind.to_owned(),
            day,
            level: 0,
            rows: 1,
            bytes,
            min_time: 0,
            max_time: 0,
        }
    }

    #[test]
    fn eight_of_a_size_are_merged_and_seven_are_not() {
        assert_eq!(pick(&parts(&[1 << 20; 8]), 10, MAX), Some((1..=8).collect()));
        assert_eq!(pick(&parts(&[1 << 20; 7]), 10, MAX), None);
    }

    #[test]
    fn only_neighbours_are_merged_and_a_large_part_between_them_parts_them() {
        let mut sizes = [1 << 20; 15];
        sizes[7] = 100 << 20;
        assert_eq!(pick(&parts(&sizes), 10, MAX), None, "seven on either side");
        let sizes = [&sizes[..], &[1 << 20]].concat();
        assert_eq!(pick(&parts(&sizes), 10, MAX), Some((9..=16).collect()));
    }

    #[test]
    fn days_and_kinds_are_never_mixed() {
        let parts: Vec<_> = (1..=14).map(|id| part(id, id % 2, ["a", "b"][id as usize / 8], 1 << 20)).collect();
        assert_eq!(pick(&parts, 0, MAX), None);
    }

    #[test]
    fn a_day_that_is_over_is_left_with_few_parts() {
        assert_eq!(pick(&parts(&[1 << 20; 4]), 11, MAX), Some((1..=4).collect()));
        assert_eq!(pick(&parts(&[1 << 20; 3]), 11, MAX), None);
        assert_eq!(pick(&parts(&[200 << 20; 2]), 11, MAX), None);
    }

    #[test]
    fn merging_ends_and_leaves_parts_that_are_large_enough_or_few() {
        let (mut all, mut next) = (parts(&[10 << 20; 500]), 501);
        let mut rewritten = 0;
        while let Some(ids) = pick(&all, 11, MAX) {
            assert!(ids.len() > 1);
            let at = all.iter().position(|part| part.id == ids[0]).unwrap();
            let merged: u64 = all.drain(at..at + ids.len()).map(|part| part.bytes).sum();
            all.insert(at, part(next, 10, "", merged));
            rewritten += merged;
            next += 1;
        }
        assert!(all.len() < 25, "{} parts are left", all.len());
        assert!(rewritten < 500 * (10 << 20) * 4, "each row was rewritten {} times", rewritten / (500 * (10 << 20)));
    }
}
