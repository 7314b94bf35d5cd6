//! Numbers of a fixed number of bits each, one behind the other, the lowest bit first.

/// The lowest `width` bits.
pub(crate) fn mask(width: u32) -> u64 {
    if width >= 64 { u64::MAX } else { (1 << width) - 1 }
}

/// Writes numbers behind what is in a buffer.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    waiting: u64,
    count: u32,
}

impl<'a> Writer<'a> {
    /// A writer that begins at a whole byte.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, waiting: 0, count: 0 }
    }

    /// Writes a number that has no more than `width` bits; at most 64.
    pub(crate) fn put(&mut self, number: u64, width: u32) {
        debug_assert!(number <= mask(width));
        self.waiting |= number.wrapping_shl(self.count);
        let free = 64 - self.count;
        if width < free {
            self.count += width;
            return;
        }
        self.out.extend_from_slice(&self.waiting.to_le_bytes());
        self.waiting = if free == 64 { 0 } else { number >> free };
        self.count = width - free;
    }

    /// Fills the last byte.
    pub(crate) fn finish(self) {
        let bytes = self.count.div_ceil(8) as usize;
        self.out.extend_from_slice(&self.waiting.to_le_bytes()[..bytes]);
    }
}

/// The number of `width` (at most 57) bits at bit `at`; what is behind the end is 0.
pub(crate) fn get(bytes: &[u8], at: usize, width: u32) -> u64 {
    let rest = bytes.get(at / 8..).unwrap_or_default();
    let word = match rest.first_chunk::<8>() {
        Some(word) => u64::from_le_bytes(*word),
        None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    word >> (at % 8) & mask(width)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(numbers in proptest::collection::vec((any::<u64>(), 0u32..=57), 0..200)) {
            let mut bytes = vec![1, 2];
            let mut writer = Writer::new(&mut bytes);
            numbers.iter().for_each(|(number, width)| writer.put(number & mask(*width), *width));
            writer.finish();
            let bits: u32 = numbers.iter().map(|(_, width)| width).sum();
            prop_assert_eq!(bytes.len(), 2 + bits.div_ceil(8) as usize);
            let mut at = 0;
            for (number, width) in numbers {
                prop_assert_eq!(get(&bytes[2..], at, width), number & mask(width));
                at += width as usize;
            }
        }
    }
}
