//! Chunks in memory: the samples of one series, appended one by one, in few bytes and quick to read.
//!
//! The first sample is stored whole. A further one is a byte that says what follows, then the change of the step between times
//! (0, 1, 2, 4 or 8 bytes), then the value: nothing where it is the one before, one to four bytes of difference where it is a
//! whole number of units, tenths, hundredths or thousandths, else those bytes in which it differs from the one before. Whether
//! a difference gives exactly the value, bit by bit, is tried out when it is written, so every f64 comes back as it was.
//!
//! A counter takes 2 to 3 bytes a sample, a fraction with all its digits 8; a sample is written in about 10 ns and read in 4.

use crate::columns::Malformed;
use crate::columns::varint::{self, unzigzag, zigzag};

/// Bits of the NaN with which Prometheus marks that a series ended.
pub(crate) const STALE: u64 = 0x7ff0_0000_0000_0002;

/// Kinds of values; a byte is the times' kind times this, plus the value's.
const KINDS: u8 = 51;
const SAME: u8 = 0;
/// Differences of 1 to 4 bytes in units; then of 1 to 3 in tenths, hundredths, thousandths.
const UNITS: u8 = 1;
const DECIMALS: u8 = 5;
const STALE_MARK: u8 = 14;
/// Bytes that differ: which is the first, and how many there are.
const BYTES: u8 = 15;
const POWERS: [f64; 4] = [1.0, 10.0, 100.0, 1000.0];
/// Bytes of each kind of times.
const TIMES: [u8; 5] = [0, 1, 2, 4, 8];
/// After so many values in vain, differences are tried only now and then.
const TRIES: u8 = 8;

/// A chunk that is being written.
#[derive(Debug, Clone, Default)]
pub(crate) struct SmallChunk {
    bytes: Vec<u8>,
    count: u32,
    last: Last,
    /// The power of ten that fitted last, and for how many values none has.
    power: u8,
    misses: u8,
}

/// What the next sample is told by its difference to.
#[derive(Debug, Clone, Copy, Default)]
struct Last {
    time: i64,
    step: i64,
    value: f64,
}

impl SmallChunk {
    /// Adds a sample. Any time will do, but rising ones are small.
    pub(crate) fn push(&mut self, time: i64, value: f64) {
        if self.count == 0 {
            varint::put(zigzag(time), &mut self.bytes);
            self.bytes.extend_from_slice(&value.to_bits().to_le_bytes());
        } else {
            self.push_next(time, value);
            self.last.step = time.wrapping_sub(self.last.time);
        }
        self.count += 1;
        (self.last.time, self.last.value) = (time, value);
    }

    fn push_next(&mut self, time: i64, value: f64) {
        let change = zigzag(time.wrapping_sub(self.last.time).wrapping_sub(self.last.step));
        let times = match change {
            0 => 0,
            1..=0xff => 1,
            0x100..=0xffff => 2,
            0x1_0000..=0xffff_ffff => 3,
            _ => 4,
        };
        let (kind, payload, len) = self.value(value);
        self.bytes.push(times * KINDS + kind);
        self.bytes.extend_from_slice(&change.to_le_bytes()[..TIMES[times as usize] as usize]);
        self.bytes.extend_from_slice(&payload.to_le_bytes()[..len]);
    }

    /// The kind of a value, the bytes that follow, and how many these are.
    fn value(&mut self, value: f64) -> (u8, u64, usize) {
        let bits = value.to_bits();
        let changed = bits ^ self.last.value.to_bits();
        if changed == 0 {
            return (SAME, 0, 0);
        }
        if bits == STALE {
            return (STALE_MARK, 0, 0);
        }
        let first = changed.trailing_zeros() as u8 / 8;
        let len = 8 - changed.leading_zeros() as u8 / 8 - first;
        let plain = (BYTES + place(first, len), changed >> (8 * first), len as usize);
        if len == 1 { plain } else { self.difference(value).filter(|found| found.2 < plain.2).unwrap_or(plain) }
    }

    fn difference(&mut self, value: f64) -> Option<(u8, u64, usize)> {
        self.misses = self.misses.wrapping_add(1);
        if self.misses > TRIES && !self.misses.is_multiple_of(TRIES) {
            return None;
        }
        for at in 0..POWERS.len() as u8 {
            let power = (self.power + at) % POWERS.len() as u8;
            let scaled = value * POWERS[power as usize];
            // Beyond this a float has no thousandths, and a difference could leave what is exact.
            if !(-4e15..4e15).contains(&scaled) {
                continue;
            }
            let difference = zigzag(whole(scaled).wrapping_sub(whole(self.last.value * POWERS[power as usize])));
            if apply(self.last.value, power, difference).to_bits() != value.to_bits() {
                continue;
            }
            self.power = power;
            self.misses = 0;
            let len = bytes_of(difference);
            let most = if power == 0 { 4 } else { 3 };
            let kind = if power == 0 { UNITS } else { DECIMALS + (power - 1) * 3 };
            return (len <= most).then_some((kind + len as u8 - 1, difference, len));
        }
        None
    }

    /// How many samples are in it.
    pub(crate) fn len(&self) -> u32 {
        self.count
    }

    /// The last sample.
    pub(crate) fn last(&self) -> Option<(i64, f64)> {
        (self.count > 0).then_some((self.last.time, self.last.value))
    }

    /// What [`iter`] reads.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, when nothing is added any more.
    #[cfg(test)]
    pub(crate) fn into_bytes(mut self) -> Box<[u8]> {
        self.bytes.shrink_to_fit();
        self.bytes.into_boxed_slice()
    }

    /// Bytes in memory, on the heap.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity()
    }
}

/// Samples as the bytes of a chunk.
#[cfg(test)]
pub(crate) fn encode(samples: &[(i64, f64)]) -> Box<[u8]> {
    let mut chunk = SmallChunk { bytes: Vec::with_capacity(16 + samples.len() * 3), ..SmallChunk::default() };
    samples.iter().for_each(|(time, value)| chunk.push(*time, *value));
    chunk.into_bytes()
}

/// The samples of a chunk in the order in which they were pushed. Bytes that are no chunk give an error, then nothing.
pub(crate) fn iter(bytes: &[u8]) -> SmallIter<'_> {
    SmallIter { rest: bytes, last: None }
}

/// What [`iter`] gives.
#[derive(Debug, Clone)]
pub(crate) struct SmallIter<'a> {
    rest: &'a [u8],
    last: Option<Last>,
}

impl Iterator for SmallIter<'_> {
    type Item = Result<(i64, f64), Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let next = match self.last {
            None => self.first(),
            Some(last) => self.after(last),
        };
        if next.is_none() {
            self.rest = &[];
        }
        self.last = next;
        Some(next.map(|next| (next.time, next.value)).ok_or(Malformed("a chunk of samples is cut off")))
    }
}

impl SmallIter<'_> {
    fn first(&mut self) -> Option<Last> {
        let time = unzigzag(varint::take(&mut self.rest).ok()?);
        Some(Last { time, step: 0, value: f64::from_bits(self.take(8)?) })
    }

    #[inline]
    fn after(&mut self, last: Last) -> Option<Last> {
        let (tag, rest) = self.rest.split_first()?;
        self.rest = rest;
        let shape = SHAPES[*tag as usize];
        let change = self.take(shape.times as usize)?;
        let payload = self.take(shape.len as usize)?;
        let value = match shape.what {
            What::Differs => f64::from_bits(last.value.to_bits() ^ (payload << shape.of)),
            What::Difference => apply(last.value, shape.of, payload),
            What::Stale => f64::from_bits(STALE),
            What::Nothing => return None,
        };
        let step = last.step.wrapping_add(unzigzag(change));
        Some(Last { time: last.time.wrapping_add(step), step, value })
    }

    #[inline]
    fn take(&mut self, len: usize) -> Option<u64> {
        let number = match self.rest.first_chunk::<8>() {
            Some(word) if len < 8 => u64::from_le_bytes(*word) & ((1 << (8 * len)) - 1),
            Some(word) => u64::from_le_bytes(*word),
            None => {
                let mut word = [0; 8];
                word[..len].copy_from_slice(self.rest.get(..len)?);
                u64::from_le_bytes(word)
            }
        };
        self.rest = &self.rest[len..];
        Some(number)
    }
}

/// What a tag says.
#[derive(Clone, Copy)]
struct Shape {
    times: u8,
    what: What,
    len: u8,
    /// The first bit that differs, or the power of ten.
    of: u8,
}

#[derive(Clone, Copy)]
enum What {
    Differs,
    Difference,
    Stale,
    /// A tag that nothing has.
    Nothing,
}

const SHAPES: [Shape; 256] = {
    let mut shapes = [Shape { times: 0, what: What::Nothing, len: 0, of: 0 }; 256];
    let mut tag = 0;
    while tag < shapes.len() - 1 {
        let (times, kind) = (TIMES[tag / KINDS as usize], (tag % KINDS as usize) as u8);
        shapes[tag] = match kind {
            SAME => Shape { times, what: What::Differs, len: 0, of: 0 },
            UNITS..DECIMALS => Shape { times, what: What::Difference, len: kind - UNITS + 1, of: 0 },
            DECIMALS..STALE_MARK => {
                let at = kind - DECIMALS;
                Shape { times, what: What::Difference, len: at % 3 + 1, of: at / 3 + 1 }
            }
            STALE_MARK => Shape { times, what: What::Stale, len: 0, of: 0 },
            _ => {
                let (mut first, mut at) = (0, kind - BYTES);
                while at >= 8 - first {
                    at -= 8 - first;
                    first += 1;
                }
                Shape { times, what: What::Differs, len: at + 1, of: first * 8 }
            }
        };
        tag += 1;
    }
    shapes
};

/// The place of (first byte, number of bytes) among all that there are: 8 begin at byte 0, 7 at byte 1 and so on.
fn place(first: u8, len: u8) -> u8 {
    first * 8 - first * first.saturating_sub(1) / 2 + len - 1
}

/// Bytes of a number, one at least.
fn bytes_of(number: u64) -> usize {
    (8 - number.leading_zeros() as usize / 8).max(1)
}

/// The nearest whole number. Adding 1.5 * 2^52 leaves no bits behind the point.
#[inline]
fn whole(value: f64) -> i64 {
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    ((value + SHIFT) - SHIFT) as i64
}

/// A value by its difference, in units of a power of ten, to the one before.
#[inline]
fn apply(last: f64, power: u8, difference: u64) -> f64 {
    let ten = POWERS[power as usize];
    whole(last * ten).wrapping_add(unzigzag(difference)) as f64 / ten
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bits(samples: &[(i64, f64)]) -> Vec<(i64, u64)> {
        samples.iter().map(|(time, value)| (*time, value.to_bits())).collect()
    }

    fn decode(bytes: &[u8]) -> Vec<(i64, f64)> {
        iter(bytes).collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn each_combination_of_bytes_that_differ_has_a_place_of_its_own() {
        let mut places: Vec<u8> = (0..8).flat_map(|first| (1..=8 - first).map(move |len| place(first, len))).collect();
        places.sort_unstable();
        assert_eq!(places, (0..KINDS - BYTES).collect::<Vec<_>>());
    }

    #[test]
    fn a_counter_takes_two_bytes_and_a_value_that_stays_one() {
        let counter: Vec<_> = (0..1000).map(|at| (at * 15_000, (1_000_000 + at * 17) as f64)).collect();
        assert!(encode(&counter).len() < 2 * counter.len() + 16);
        let constant: Vec<_> = (0..1000).map(|at| (at * 15_000, 0.1)).collect();
        assert!(encode(&constant).len() < constant.len() + 16);
        let tenths: Vec<_> = (0..1000).map(|at| (at * 15_000, (200 + at * 7 % 31) as f64 / 10.0)).collect();
        assert!(encode(&tenths).len() < 2 * tenths.len() + 32);
    }

    #[test]
    fn nans_infinities_and_the_negative_zero_come_back() {
        let special = [0.0, -0.0, f64::NAN, f64::from_bits(STALE), f64::INFINITY, f64::NEG_INFINITY, 5.0, -0.0, 1e300];
        let special: Vec<_> = special.iter().chain(special.iter().rev()).map(|value| (0, *value)).collect();
        assert_eq!(bits(&decode(&encode(&special))), bits(&special));
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<u64>().prop_map(f64::from_bits),
            any::<i64>().prop_map(|value| value as f64),
            (-100_000_000i64..100_000_000, 0i32..6).prop_map(|(value, power)| value as f64 / 10f64.powi(power)),
            (0i64..100).prop_map(|value| value as f64),
            Just(f64::from_bits(STALE)),
        ]
    }

    proptest! {
        #[test]
        fn what_was_pushed_comes_back(samples in prop::collection::vec((prop_oneof![any::<i64>(), 0i64..100_000], value()), 0..300)) {
            prop_assert_eq!(bits(&decode(&encode(&samples))), bits(&samples));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(iter(&bytes).count() <= bytes.len() + 1);
        }
    }
}
