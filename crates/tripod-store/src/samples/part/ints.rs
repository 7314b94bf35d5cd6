//! The whole numbers of a chunk: times, and values as units of a power of ten.
//!
//! Numbers are taken as they are, as differences to the one before, or as differences of those, whichever needs the fewest
//! bits; each then less the smallest and divided by what all have in common. What is left is packed: every number in as many
//! bits as most of them need, with the high bits of the few larger ones apart; or by pco, where that is smaller by a
//! sixteenth; pco comes near the entropy, plain bits are read some times faster.

use super::packing::{bits, pack_bits, pack_pco, unpack_bits, unpack_pco, width};
use crate::columns::Malformed;
use crate::columns::varint::{self, unzigzag, zigzag};

/// How numbers are packed: the low two bits of the first byte; the rest is how often differences are taken.
const CONSTANT: u8 = 0;
const BITS: u8 = 1;
const PCO: u8 = 2;
const PACKINGS: u8 = 4;

/// Numbers as they are, differences, differences of differences.
const ORDERS: usize = 3;
/// Fewer numbers than this are not worth pco's tables.
const PCO_FROM: usize = 192;

/// Encodes numbers; the decoder must be told how many they are.
pub(crate) fn encode(values: &[i64], out: &mut Vec<u8>) {
    let mut changes = values.to_vec();
    let mut best: Option<Plan> = None;
    for order in 0..ORDERS.min(values.len()) {
        if order > 0 {
            difference(&mut changes);
        }
        let plan = Plan::of(order, &changes);
        if best.as_ref().is_none_or(|best| plan.cost < best.cost) {
            best = Some(plan);
        }
    }
    // No number at all: nothing to write.
    let Some(plan) = best else { return };
    changes.clear();
    changes.extend_from_slice(values);
    let mut seeds = [0; ORDERS];
    for seed in &mut seeds[..plan.order] {
        *seed = changes[0];
        difference(&mut changes);
    }
    let offsets = plan.offsets(&changes);
    let packed = plan.pack(&offsets);
    out.push(packed.0 + plan.order as u8 * PACKINGS);
    seeds[..plan.order].iter().for_each(|seed| varint::put(zigzag(*seed), out));
    varint::put(zigzag(plan.smallest), out);
    if packed.0 != CONSTANT {
        varint::put(plan.common, out);
        out.extend_from_slice(&packed.1);
    }
}

/// Each number's difference to the one before; the first goes.
fn difference(values: &mut Vec<i64>) {
    for at in 1..values.len() {
        values[at - 1] = values[at].wrapping_sub(values[at - 1]);
    }
    values.pop();
}

/// How numbers of one order would be packed into bits.
struct Plan {
    order: usize,
    smallest: i64,
    /// The greatest common divisor of what they are above the smallest.
    common: u64,
    width: u32,
    /// Bits, roughly.
    cost: usize,
}

impl Plan {
    fn of(order: usize, values: &[i64]) -> Self {
        let smallest = values.iter().copied().min().unwrap_or_default();
        let mut common = 0;
        for value in values {
            common = divisor(common, value.wrapping_sub(smallest) as u64);
            if common == 1 {
                break;
            }
        }
        let mut lengths = [0usize; 65];
        let plain = common <= 1;
        for value in values {
            let offset = value.wrapping_sub(smallest) as u64;
            lengths[bits(if plain { offset } else { offset / common }) as usize] += 1;
        }
        let (width, cost) = width(&lengths, values.len());
        // A larger order has more in front, and is read more slowly.
        Self { order, smallest, common: common.max(1), width, cost: cost + 64 * order }
    }

    /// What is left to be packed.
    fn offsets(&self, values: &[i64]) -> Vec<u64> {
        let offsets = values.iter().map(|value| value.wrapping_sub(self.smallest) as u64);
        // A division takes many times longer than all else here.
        if self.common == 1 { offsets.collect() } else { offsets.map(|offset| offset / self.common).collect() }
    }

    fn pack(&self, offsets: &[u64]) -> (u8, Vec<u8>) {
        let largest = offsets.iter().copied().max().unwrap_or_default();
        if largest == 0 {
            return (CONSTANT, Vec::new());
        }
        let mut packed = Vec::with_capacity(self.cost / 8 + 16);
        pack_bits(offsets, self.width, &mut packed);
        if offsets.len() >= PCO_FROM
            && let Some(by_pco) = pack_pco(offsets, largest)
            && by_pco.len() < packed.len() - packed.len() / 16
        {
            return (PCO, by_pco);
        }
        (BITS, packed)
    }
}

fn divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Decodes `count` numbers, in place of what is in `out`. The caller bounds the count.
pub(crate) fn decode(mut bytes: &[u8], count: usize, out: &mut Vec<u64>) -> Result<(), Malformed> {
    out.clear();
    let Some((head, rest)) = bytes.split_first() else {
        return if count == 0 { Ok(()) } else { Err(Malformed("a chunk without numbers")) };
    };
    let (packing, order) = (head % PACKINGS, usize::from(head / PACKINGS));
    if order >= ORDERS || order > count {
        return Err(Malformed("numbers of a chunk in no known encoding"));
    }
    bytes = rest;
    let mut seed = [0u64; ORDERS];
    for seed in &mut seed[..order] {
        *seed = unzigzag(varint::take(&mut bytes)?) as u64;
    }
    let smallest = unzigzag(varint::take(&mut bytes)?) as u64;
    out.resize(count, 0);
    let offsets = &mut out[order..];
    if packing == CONSTANT {
        offsets.fill(smallest);
    } else {
        let common = varint::take(&mut bytes)?;
        match packing {
            BITS => unpack_bits(bytes, offsets)?,
            PCO => unpack_pco(bytes, offsets)?,
            _ => return Err(Malformed("numbers of a chunk in no known encoding")),
        }
        if common == 1 {
            offsets.iter_mut().for_each(|offset| *offset = offset.wrapping_add(smallest));
        } else {
            offsets.iter_mut().for_each(|offset| *offset = offset.wrapping_mul(common).wrapping_add(smallest));
        }
    }
    // The innermost differences first: each order's first value stands in front of what it adds up to.
    for order in (0..order).rev() {
        let mut sum = seed[order];
        out[order] = sum;
        for value in &mut out[order + 1..] {
            sum = sum.wrapping_add(*value);
            *value = sum;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn there_and_back(values: &[i64]) -> Vec<i64> {
        let mut bytes = Vec::new();
        encode(values, &mut bytes);
        let mut out = Vec::new();
        decode(&bytes, values.len(), &mut out).unwrap();
        out.into_iter().map(|value| value as i64).collect()
    }

    fn size(values: impl IntoIterator<Item = i64>) -> usize {
        let mut bytes = Vec::new();
        encode(&values.into_iter().collect::<Vec<_>>(), &mut bytes);
        bytes.len()
    }

    #[test]
    fn what_is_regular_takes_a_few_bytes() {
        assert!(size(std::iter::repeat_n(7, 1000)) <= 2);
        assert!(size((0..1000).map(|at| 1_700_000_000_000 + at * 15_000)) <= 12);
        assert!(size((0..1000).map(|at| at * at)) <= 8);
    }

    #[test]
    fn multiples_are_divided_and_a_few_large_ones_stand_apart() {
        assert!(size((0..1000).map(|at| at * 7 % 13 * 4096)) < 1000 * 4 / 8 + 32);
        assert!(size((0..1000).map(|at| if at % 100 == 7 { 1 << 50 } else { at * 7 % 13 })) < 1000 * 4 / 8 + 150);
    }

    fn values() -> impl Strategy<Value = Vec<i64>> {
        prop_oneof![
            prop::collection::vec(any::<i64>(), 0..400),
            prop::collection::vec(-100i64..100, 0..600),
            (any::<i64>(), prop::collection::vec(0i64..5000, 0..400)).prop_map(|(first, steps)| {
                steps
                    .iter()
                    .scan(first, |sum, step| {
                        *sum = sum.wrapping_add(*step * 10);
                        Some(*sum)
                    })
                    .collect()
            }),
            (prop::collection::vec((0i64..9, any::<i64>()), 0..400)).prop_map(|values| {
                values.into_iter().map(|(small, large)| if large % 30 == 0 { large } else { small }).collect()
            }),
        ]
    }

    proptest! {
        #[test]
        fn numbers_come_back(values in values()) {
            prop_assert_eq!(there_and_back(&values), values);
        }

        #[test]
        fn any_bytes_are_decoded_without_a_panic(
            head in 0u8..16, bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0usize..500,
        ) {
            let bytes: Vec<u8> = std::iter::once(head).chain(bytes).collect();
            let _ = decode(&bytes, count, &mut Vec::new());
        }

        #[test]
        fn a_byte_that_changed_gives_numbers_or_an_error(values in values(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
            let mut bytes = Vec::new();
            encode(&values, &mut bytes);
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = to;
            }
            let _ = decode(&bytes, values.len(), &mut Vec::new());
        }
    }
}
