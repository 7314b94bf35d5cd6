//! Native histograms of a chunk, bit by bit.
//!
//! What seldom changes (schema, reset hint, zero threshold, which buckets there are, the bounds of custom ones) is told once for all
//! histograms that have it.
//! Counts and sums are columns of values. Buckets are differences to the same bucket of the histogram before, one histogram
//! behind the other, as long as all are whole numbers: most of a cumulative histogram's buckets did not change.

use std::sync::Arc;

use super::{ints, values};
use crate::columns::Malformed;
use crate::columns::varint::{self, unzigzag, zigzag};
use crate::{NativeHistogram, ResetHint};

/// The most buckets that the histograms of one chunk have together.
const MAX_BUCKETS: u64 = 1 << 24;
/// A chunk is ended when its histograms have so many buckets.
pub(super) const BUCKETS: usize = 1 << 17;

const WHOLE: u8 = 0;
const FLOATS: u8 = 1;

/// A reset hint stands above the schema's 32 bits: without one it is what parts had before there were hints.
const HINT: u32 = 32;

/// What histograms have in common.
#[derive(Debug, Clone, PartialEq)]
struct Layout {
    schema: i32,
    hint: ResetHint,
    zero_threshold: u64,
    /// Index of the first bucket, and how many there are.
    positive: (i32, usize),
    negative: (i32, usize),
    /// Bits of the bounds of custom buckets.
    bounds: Vec<u64>,
}

impl Layout {
    fn of(histogram: &NativeHistogram) -> Self {
        Self {
            schema: histogram.schema,
            hint: histogram.reset_hint,
            zero_threshold: histogram.zero_threshold.to_bits(),
            positive: (histogram.positive.0, histogram.positive.1.len()),
            negative: (histogram.negative.0, histogram.negative.1.len()),
            bounds: match histogram.schema {
                NativeHistogram::CUSTOM_BUCKETS => {
                    histogram.custom_values.iter().map(|bound| bound.to_bits()).collect()
                }
                _ => Vec::new(),
            },
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        varint::put(zigzag(self.schema.into()) | (self.hint as u64) << HINT, out);
        out.extend_from_slice(&self.zero_threshold.to_le_bytes());
        for (first, len) in [self.positive, self.negative] {
            varint::put(zigzag(first.into()), out);
            varint::put(len as u64, out);
        }
        if self.schema == NativeHistogram::CUSTOM_BUCKETS {
            varint::put(self.bounds.len() as u64, out);
            self.bounds.iter().for_each(|bound| out.extend_from_slice(&bound.to_le_bytes()));
        }
    }

    fn take(bytes: &mut &[u8]) -> Result<Self, Malformed> {
        let first = varint::take(bytes)?;
        let (schema, hint) = (unzigzag(first & u64::from(u32::MAX)) as i32, (first >> HINT) as usize);
        let hint = *ResetHint::ALL.get(hint).ok_or(Malformed("a histogram with an unknown reset hint"))?;
        let (zero_threshold, rest) = bytes.split_first_chunk().ok_or(Malformed("a histogram is cut off"))?;
        *bytes = rest;
        let zero_threshold = u64::from_le_bytes(*zero_threshold);
        let mut side = || Ok((unzigzag(varint::take(bytes)?) as i32, varint::take(bytes)? as usize));
        let (positive, negative) = (side()?, side()?);
        let bounds = if schema == NativeHistogram::CUSTOM_BUCKETS { take_bounds(bytes)? } else { Vec::new() };
        Ok(Self { schema, hint, zero_threshold, positive, negative, bounds })
    }
}

fn take_bounds(bytes: &mut &[u8]) -> Result<Vec<u64>, Malformed> {
    let len = usize::try_from(varint::take(bytes)?).unwrap_or(usize::MAX).saturating_mul(8);
    let (bounds, rest) = bytes.split_at_checked(len).ok_or(Malformed("a histogram is cut off"))?;
    *bytes = rest;
    Ok(bounds.as_chunks().0.iter().map(|bound| u64::from_le_bytes(*bound)).collect())
}

/// Buckets of a histogram.
pub(super) fn buckets(histogram: &NativeHistogram) -> usize {
    histogram.positive.1.len() + histogram.negative.1.len()
}

/// Encodes histograms; the decoder must be told how many they are.
pub(super) fn encode(histograms: &[(i64, Arc<NativeHistogram>)], out: &mut Vec<u8>) {
    let runs: Vec<_> = histograms.chunk_by(|(_, a), (_, b)| Layout::of(a) == Layout::of(b)).collect();
    varint::put(runs.len() as u64, out);
    for run in runs {
        varint::put(run.len() as u64, out);
        Layout::of(&run[0].1).put(out);
    }
    let mut column = |of: fn(&NativeHistogram) -> f64| {
        let values: Vec<f64> = histograms.iter().map(|(_, histogram)| of(histogram)).collect();
        let mut bytes = Vec::new();
        values::encode(&values, &mut bytes);
        varint::put(bytes.len() as u64, out);
        out.extend_from_slice(&bytes);
    };
    column(|histogram| histogram.zero_count);
    column(|histogram| histogram.count);
    column(|histogram| histogram.sum);
    if let Some(changes) = changes(histograms) {
        out.push(WHOLE);
        ints::encode(&changes, out);
    } else {
        out.push(FLOATS);
        let each = |(_, histogram): &(i64, Arc<NativeHistogram>)| {
            [histogram.positive.1.clone(), histogram.negative.1.clone()].concat()
        };
        values::encode(&histograms.iter().flat_map(each).collect::<Vec<f64>>(), out);
    }
}

/// Differences to the same bucket of the histogram before; none where a bucket is no whole number.
fn changes(histograms: &[(i64, Arc<NativeHistogram>)]) -> Option<Vec<i64>> {
    let mut changes = Vec::new();
    let mut before = &NativeHistogram::default();
    for (_, histogram) in histograms {
        let sides = [(&before.positive, &histogram.positive), (&before.negative, &histogram.negative)];
        for (before_side, (first, side)) in sides {
            for (at, bucket) in side.iter().enumerate() {
                let near = same_bucket(before, histogram.schema, before_side, i64::from(*first) + at as i64);
                changes.push(values::scale(*bucket, 0)? - values::scale(near, 0)?);
            }
        }
        before = histogram;
    }
    Some(changes)
}

/// What the histogram before has in a bucket: nothing where its buckets are others.
fn same_bucket(before: &NativeHistogram, schema: i32, side: &(i32, Vec<f64>), index: i64) -> f64 {
    if before.schema != schema {
        return 0.0;
    }
    let at = usize::try_from(index - i64::from(side.0)).ok();
    at.and_then(|at| side.1.get(at)).copied().unwrap_or_default()
}

/// Decodes `count` histograms. The caller bounds the count.
pub(super) fn decode(mut bytes: &[u8], count: usize) -> Result<Vec<Arc<NativeHistogram>>, Malformed> {
    const COUNT: Malformed = Malformed("a chunk of another number of histograms");
    let bytes = &mut bytes;
    let mut layouts = Vec::new();
    let (mut histograms, mut buckets) = (0u64, 0u64);
    for _ in 0..varint::take(bytes)? {
        let len = varint::take(bytes)?;
        let layout = Layout::take(bytes)?;
        histograms = histograms.saturating_add(len);
        let each = (layout.positive.1 as u64).saturating_add(layout.negative.1 as u64);
        buckets = buckets.saturating_add(len.saturating_mul(each));
        if histograms > count as u64 || buckets > MAX_BUCKETS {
            return Err(COUNT);
        }
        layouts.push((layout, len));
    }
    if histograms != count as u64 {
        return Err(COUNT);
    }
    let zero_counts = column(bytes, count)?;
    let counts = column(bytes, count)?;
    let sums = column(bytes, count)?;
    let (tag, rest) = bytes.split_first().ok_or(Malformed("a histogram is cut off"))?;
    let mut numbers = Vec::new();
    let mut floats = Vec::new();
    match *tag {
        WHOLE => ints::decode(rest, buckets as usize, &mut numbers)?,
        FLOATS => values::decode(rest, buckets as usize, &mut values::Scratch::default(), &mut floats)?,
        _ => return Err(Malformed("buckets in no known encoding")),
    }
    let mut next = 0;
    let mut decoded: Vec<Arc<NativeHistogram>> = Vec::with_capacity(count);
    let shared: Vec<(Layout, Arc<[f64]>, u64)> = layouts
        .into_iter()
        .map(|(layout, len)| {
            let bounds = layout.bounds.iter().map(|bound| f64::from_bits(*bound)).collect();
            (layout, bounds, len)
        })
        .collect();
    for (layout, bounds, _) in shared.iter().flat_map(|run| std::iter::repeat_n(run, run.2 as usize)) {
        let at = decoded.len();
        let before = decoded.last().map(Arc::as_ref);
        let mut side = |(first, len): (i32, usize), of: fn(&NativeHistogram) -> &(i32, Vec<f64>)| {
            let range = next..next + len;
            next += len;
            if *tag == FLOATS {
                return (first, floats[range].to_vec());
            }
            let near = |at: usize| {
                before
                    .map_or(0.0, |before| same_bucket(before, layout.schema, of(before), i64::from(first) + at as i64))
            };
            let bucket = |(at, change): (usize, &u64)| (near(at) as i64).wrapping_add(*change as i64) as f64;
            (first, numbers[range].iter().enumerate().map(bucket).collect())
        };
        let positive = side(layout.positive, |histogram| &histogram.positive);
        let negative = side(layout.negative, |histogram| &histogram.negative);
        decoded.push(Arc::new(NativeHistogram {
            schema: layout.schema,
            zero_threshold: f64::from_bits(layout.zero_threshold),
            zero_count: zero_counts[at],
            count: counts[at],
            sum: sums[at],
            positive,
            negative,
            custom_values: Arc::clone(bounds),
            reset_hint: layout.hint,
        }));
    }
    Ok(decoded)
}

fn column(bytes: &mut &[u8], count: usize) -> Result<Vec<f64>, Malformed> {
    let len = varint::take(bytes)? as usize;
    let (column, rest) = bytes.split_at_checked(len).ok_or(Malformed("a histogram is cut off"))?;
    *bytes = rest;
    let mut out = Vec::new();
    values::decode(column, count, &mut values::Scratch::default(), &mut out)?;
    Ok(out)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Schema and hint, plain numbers, index and buckets of both sides, and bounds.
    pub(in super::super) type Bits = ((i32, ResetHint), Vec<u64>, i32, Vec<u64>, i32, Vec<u64>, Vec<u64>);

    /// All of a histogram, bit by bit.
    pub(in super::super) fn bits(histogram: &NativeHistogram) -> Bits {
        let all = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect();
        let plain = [histogram.zero_threshold, histogram.zero_count, histogram.count, histogram.sum];
        let ((first, positive), (second, negative)) = (&histogram.positive, &histogram.negative);
        let (what, bounds) = ((histogram.schema, histogram.reset_hint), all(&histogram.custom_values));
        (what, all(&plain), *first, all(positive), *second, all(negative), bounds)
    }

    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![8 => (0i64..1000).prop_map(|value| value as f64), 1 => any::<u64>().prop_map(f64::from_bits)]
    }

    fn side() -> impl Strategy<Value = (i32, Vec<f64>)> {
        prop_oneof![
            (-5i32..5, prop::collection::vec((0i64..100).prop_map(|value| value as f64), 0..12)),
            (any::<i32>(), prop::collection::vec(number(), 0..5)),
        ]
    }

    pub(in super::super) fn histogram() -> impl Strategy<Value = NativeHistogram> {
        let plain = (number(), number(), number(), number());
        let kind = prop_oneof![
            3 => (-4i32..9).prop_map(|schema| (schema, Vec::new())),
            1 => prop::collection::vec(number(), 0..5).prop_map(|bounds| (NativeHistogram::CUSTOM_BUCKETS, bounds)),
        ];
        let hint = prop_oneof![4 => Just(0), 1 => 1..4usize];
        (kind, hint, plain, side(), side()).prop_map(|((schema, bounds), hint, plain, positive, negative)| {
            NativeHistogram {
                schema,
                zero_threshold: plain.0,
                zero_count: plain.1,
                count: plain.2,
                sum: plain.3,
                positive,
                negative,
                custom_values: bounds.into(),
                reset_hint: ResetHint::ALL[hint],
            }
        })
    }

    fn timed(histograms: Vec<NativeHistogram>) -> Vec<(i64, Arc<NativeHistogram>)> {
        histograms.into_iter().map(|histogram| (0, Arc::new(histogram))).collect()
    }

    #[test]
    fn a_histogram_of_160_buckets_that_grows_slowly_takes_few_bytes() {
        let mut histogram =
            NativeHistogram { schema: 3, positive: (-20, vec![0.0; 160]), ..NativeHistogram::default() };
        let mut histograms = Vec::new();
        for at in 0..200 {
            for measured in 0..20 {
                histogram.positive.1[(at * 7 + measured * measured) % 160] += 1.0;
            }
            histogram.count += 20.0;
            histograms.push(histogram.clone());
        }
        let mut bytes = Vec::new();
        encode(&timed(histograms), &mut bytes);
        assert!(bytes.len() < 200 * 30, "{} bytes", bytes.len());
    }

    #[test]
    fn what_parts_had_before_there_were_hints_and_custom_buckets_is_written_as_it_was() {
        let histogram = NativeHistogram {
            schema: -2,
            zero_threshold: 0.5,
            zero_count: 1.0,
            count: 6.0,
            sum: 9.0,
            positive: (-1, vec![2.0, 3.0]),
            ..NativeHistogram::default()
        };
        let mut bytes = Vec::new();
        encode(&timed(vec![histogram]), &mut bytes);
        // One run of one: schema, threshold, two buckets from -1 on, none of the other side.
        let layout = [&[1, 1, 3][..], &0.5f64.to_le_bytes(), &[1, 2, 0, 0]].concat();
        assert_eq!(bytes[..layout.len()], layout);
    }

    proptest! {
        #[test]
        fn histograms_come_back_bit_by_bit(histograms in prop::collection::vec(histogram(), 0..20)) {
            let histograms = timed(histograms);
            let mut bytes = Vec::new();
            encode(&histograms, &mut bytes);
            let back = decode(&bytes, histograms.len()).unwrap();
            let expected: Vec<_> = histograms.iter().map(|(_, histogram)| bits(histogram)).collect();
            prop_assert_eq!(back.iter().map(|histogram| bits(histogram)).collect::<Vec<_>>(), expected);
        }

        #[test]
        fn any_bytes_are_decoded_without_a_panic(
            histograms in prop::collection::vec(histogram(), 1..5), at in any::<prop::sample::Index>(), to in any::<u8>(),
        ) {
            let histograms = timed(histograms);
            let mut bytes = Vec::new();
            encode(&histograms, &mut bytes);
            let at = at.index(bytes.len());
            bytes[at] = to;
            let _ = decode(&bytes, histograms.len());
            let _ = decode(&bytes[..at], histograms.len());
        }
    }
}
