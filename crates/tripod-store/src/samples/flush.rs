//! A memory table as parts: one for the samples of each day, one for its exemplars.
//!
//! Series are written in order of their labels, which the registry keeps; nothing is sorted but what came out of order. Beside
//! the table it takes the samples of one series, the labels of a few, and four bytes a series and day.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::memory::Memory;
use super::part::SeriesWriter;
use super::registry::Registry;
use super::{EXEMPLARS, ExemplarRows, SAMPLES, SeriesRows, day, nanos};
use crate::engine::PartSink;
use crate::{Exemplar, Metadata, NativeHistogram, StoreError};

/// Milliseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1000;
/// So many series have their labels looked up under one lock.
const STEP: usize = 256;

/// Writes a frozen memory table.
pub(super) fn write(registry: &Registry, memory: &Memory, parts: &mut PartSink<'_>) -> Result<(), StoreError> {
    let series = registry.sorted(&memory.present());
    let metadata = memory.metadata();
    let (samples, exemplars) = days(memory, &series);
    let last = samples.keys().next_back().copied();
    for (day, series) in &samples {
        // What is known of metric families stands in the newest part.
        let metadata = metadata.iter().filter(|_| Some(*day) == last);
        let mut writer = SeriesWriter::new(parts.create(SAMPLES, *day)?)?;
        write_samples(registry, memory, *day, series, &mut writer)?;
        let part = writer.finish(metadata.map(|(family, metadata)| (family.as_ref(), metadata.as_ref())))?;
        parts.finish(part)?;
    }
    for (day, series) in &exemplars {
        let mut writer = SeriesWriter::new(parts.create(EXEMPLARS, *day)?)?;
        write_exemplars(registry, memory, *day, series, &mut writer)?;
        let part = writer.finish([])?;
        parts.finish(part)?;
    }
    if samples.is_empty() && !metadata.is_empty() {
        write_metadata(&metadata, parts)?;
    }
    Ok(())
}

/// The series that have samples of each day, and those that have exemplars.
type Days = BTreeMap<u64, Vec<u32>>;

fn days(memory: &Memory, series: &[u32]) -> (Days, Days) {
    let (mut samples, mut exemplars) = (Days::new(), Days::new());
    fn add(days: &mut Days, time: i64, number: u32) {
        let list = days.entry(day(time)).or_default();
        if list.last() != Some(&number) {
            list.push(number);
        }
    }
    let mut floats = Vec::new();
    let one_day = memory.one_day();
    for number in series {
        floats.clear();
        match one_day {
            Some(day) if memory.has_floats(*number) => samples.entry(day).or_default().push(*number),
            Some(_) => {}
            None => memory.floats(*number, i64::MIN, i64::MAX, &mut floats),
        }
        floats.iter().for_each(|(time, _)| add(&mut samples, *time, *number));
        memory.extras(*number, |extras| {
            extras.histograms.iter().for_each(|(time, _)| add(&mut samples, *time, *number));
            extras.exemplars.iter().for_each(|exemplar| add(&mut exemplars, exemplar.time, *number));
        });
    }
    (samples, exemplars)
}

/// The first and last millisecond of a day, as [`day`] counts them.
fn bounds(of: u64) -> (i64, i64) {
    let start = i64::try_from(of).unwrap_or(i64::MAX).saturating_mul(DAY);
    let end = if of == day(i64::MAX) { i64::MAX } else { start.saturating_add(DAY - 1) };
    (if of == 0 { i64::MIN } else { start }, end)
}

fn write_samples(
    registry: &Registry,
    memory: &Memory,
    day: u64,
    series: &[u32],
    writer: &mut SeriesWriter<'_>,
) -> Result<(), StoreError> {
    let (start, end) = bounds(day);
    let mut floats = Vec::new();
    with_labels(registry, series, |number, labels| {
        floats.clear();
        memory.floats(number, start, end, &mut floats);
        let within = |list: &[(i64, Arc<NativeHistogram>)]| -> Vec<_> {
            list.iter().filter(|(time, _)| (start..=end).contains(time)).cloned().collect()
        };
        let histograms = memory.extras(number, |extras| within(&extras.histograms)).unwrap_or_default();
        writer.push(&SeriesRows { labels, floats: &floats, histograms: &histograms })
    })
}

fn write_exemplars(
    registry: &Registry,
    memory: &Memory,
    day: u64,
    series: &[u32],
    writer: &mut SeriesWriter<'_>,
) -> Result<(), StoreError> {
    let (start, end) = bounds(day);
    with_labels(registry, series, |number, labels| {
        let within = |list: &[Exemplar]| -> Vec<_> {
            list.iter().filter(|exemplar| (start..=end).contains(&exemplar.time)).cloned().collect()
        };
        let exemplars = memory.extras(number, |extras| within(&extras.exemplars)).unwrap_or_default();
        writer.push_exemplars(&ExemplarRows { labels, exemplars: &exemplars })
    })
}

/// A part with nothing but metadata, of today.
fn write_metadata(metadata: &BTreeMap<Arc<str>, Arc<Metadata>>, parts: &mut PartSink<'_>) -> Result<(), StoreError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    let writer = SeriesWriter::new(parts.create(SAMPLES, day(now))?)?;
    let mut part = writer.finish(metadata.iter().map(|(family, metadata)| (family.as_ref(), metadata.as_ref())))?;
    part.count(0, nanos(now), nanos(now));
    parts.finish(part)
}

/// Calls `each` with series and their labels. The registry is locked while some labels are copied, not while `each` runs.
fn with_labels(
    registry: &Registry,
    series: &[u32],
    mut each: impl FnMut(u32, &[(&str, &str)]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut text = String::new();
    // Where names and values end in the text, and where each series' pairs end among those.
    let (mut pairs, mut ends) = (Vec::new(), Vec::new());
    for step in series.chunks(STEP) {
        text.clear();
        pairs.clear();
        ends.clear();
        copy_labels(registry, step, &mut text, &mut pairs, &mut ends);
        let (mut labels, mut at, mut first) = (Vec::new(), 0, 0);
        for (number, end) in step.iter().zip(&ends) {
            labels.clear();
            for (name, value) in &pairs[first..*end] {
                labels.push((&text[at..*name], &text[*name..*value]));
                at = *value;
            }
            first = *end;
            each(*number, &labels)?;
        }
    }
    Ok(())
}

fn copy_labels(
    registry: &Registry,
    series: &[u32],
    text: &mut String,
    pairs: &mut Vec<(usize, usize)>,
    ends: &mut Vec<usize>,
) {
    let index = registry.index();
    let mut labels = Vec::new();
    for number in series {
        index.labels_of(*number, &mut labels);
        for (name, value) in &labels {
            text.push_str(name);
            let end = text.len();
            text.push_str(value);
            pairs.push((end, text.len()));
        }
        ends.push(pairs.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_lies_within_the_bounds_of_its_day() {
        for time in [i64::MIN, -1, 0, DAY - 1, DAY, 1_795_238_947_000, 18_446_744_073_709, i64::MAX] {
            let (start, end) = bounds(day(time));
            assert!((start..=end).contains(&time), "{time} from {start} to {end}");
            assert!(start == i64::MIN || day(start - 1) != day(time));
            assert!(end == i64::MAX || day(end + 1) != day(time));
        }
    }
}
