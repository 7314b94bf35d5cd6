//! Which parts are dropped: those past their age, and the oldest days while there is more than is to be kept.

use super::{Keep, PartMeta};

/// The parts of one signal that are past what is kept of it; `now` in nanoseconds since the Unix epoch.
pub(super) fn expired(parts: &[PartMeta], keep: Keep, now: u64) -> Vec<u64> {
    let horizon = keep.age.map(|age| now.saturating_sub(u64::try_from(age.as_nanos()).unwrap_or(u64::MAX)));
    let (old, mut kept): (Vec<&PartMeta>, Vec<&PartMeta>) =
        parts.iter().partition(|part| horizon.is_some_and(|horizon| part.max_time < horizon));
    let mut ids: Vec<u64> = old.iter().map(|part| part.id).collect();
    if let Some(limit) = keep.bytes {
        sort_by_age(&mut kept);
        let bytes = kept.iter().map(|part| part.bytes).sum::<u64>();
        ids.extend(oldest(&kept, bytes.saturating_sub(limit)).iter().map(|part| part.id));
    }
    ids
}

/// The oldest parts of any signal that together have at least `bytes`.
pub(super) fn oldest_of_all(parts: &[PartMeta], bytes: u64) -> Vec<u64> {
    let mut parts: Vec<&PartMeta> = parts.iter().collect();
    sort_by_age(&mut parts);
    oldest(&parts, bytes).iter().map(|part| part.id).collect()
}

/// The oldest day first, and of a day the part whose newest row is the oldest.
fn sort_by_age(parts: &mut [&PartMeta]) {
    parts.sort_by_key(|part| (part.day, part.max_time, part.id));
}

/// The first parts that together have at least `bytes`.
fn oldest<'a, 'b>(parts: &'a [&'b PartMeta], bytes: u64) -> &'a [&'b PartMeta] {
    let mut before = 0;
    let count = parts
        .iter()
        .take_while(|part| {
            let more = before < bytes;
            before += part.bytes;
            more
        })
        .count();
    &parts[..count]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn part(id: u64, day: u64, max_time: u64) -> PartMeta {
        PartMeta {
            id,
            sequence: id,
            signal: "spans".to_owned(),
            kind: String::new(),
            day,
            level: 0,
            rows: 1,
            bytes: 100,
            min_time: 0,
            max_time,
        }
    }

    #[test]
    fn a_part_goes_when_its_newest_row_is_too_old() {
        let parts = [part(1, 0, 10), part(2, 0, 20)];
        let keep = |nanos| Keep { age: Some(Duration::from_nanos(nanos)), bytes: None };
        assert_eq!(expired(&parts, keep(10), 30), [1]);
        assert_eq!(expired(&parts, keep(9), 30), [1, 2]);
        assert_eq!(expired(&parts, keep(100), 30), [0; 0]);
        assert_eq!(expired(&parts, Keep::default(), u64::MAX), [0; 0]);
    }

    #[test]
    fn beyond_the_bytes_the_oldest_day_goes_first_however_late_it_came() {
        let parts = [part(1, 5, 50), part(2, 6, 60), part(3, 4, 40), part(4, 5, 51)];
        let keep = |bytes| Keep { age: None, bytes: Some(bytes) };
        assert_eq!(expired(&parts, keep(400), 99), [0; 0]);
        assert_eq!(expired(&parts, keep(399), 99), [3]);
        assert_eq!(expired(&parts, keep(200), 99), [3, 1]);
        assert_eq!(expired(&parts, keep(0), 99), [3, 1, 4, 2]);
        assert_eq!(oldest_of_all(&parts, 101), [3, 1]);
    }
}
