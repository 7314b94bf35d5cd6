//! How many values a key has, roughly: HyperLogLog (Flajolet and others) with 256 registers, so within 7% two times of three.

use crate::columns::Malformed;

/// Bytes of a sketch.
pub(super) const LEN: usize = 256;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sketch([u8; LEN]);

impl Sketch {
    pub(super) fn new() -> Self {
        Self([0; LEN])
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        bytes.try_into().map(Self).map_err(|_| Malformed("a sketch is of another length"))
    }

    pub(super) fn as_bytes(&self) -> &[u8; LEN] {
        &self.0
    }

    /// Adds a value, given as the hash of its pair.
    pub(super) fn add(&mut self, hash: u64) {
        let register = &mut self.0[(hash >> 56) as usize];
        *register = (*register).max((hash << 8 | 0x80).leading_zeros() as u8 + 1);
    }

    /// Adds all values of another one.
    pub(super) fn union(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine = theirs.max(*mine));
    }

    /// How many values there are.
    pub(super) fn estimate(&self) -> u64 {
        const COUNT: f64 = LEN as f64;
        let sum: f64 = self.0.iter().map(|register| (-f64::from((*register).min(64))).exp2()).sum();
        let raw = 0.7213 / (1.0 + 1.079 / COUNT) * COUNT * COUNT / sum;
        let empty = self.0.iter().map(|register| u32::from(*register == 0)).sum::<u32>();
        // Few values: how many registers are still empty says it better.
        if raw <= 2.5 * COUNT && empty > 0 {
            (COUNT * (COUNT / f64::from(empty)).ln()).round() as u64
        } else {
            raw.round() as u64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::hash;
    use super::*;

    #[test]
    fn an_estimate_is_near_the_number() {
        for count in [0u32, 1, 10, 300, 5_000, 200_000] {
            let (mut even, mut odd) = (Sketch::new(), Sketch::new());
            for value in 0..count {
                let half = if value % 2 == 0 { &mut even } else { &mut odd };
                half.add(hash::pair("user.id", &format!("user-{value}")));
            }
            even.union(&odd);
            let estimate = even.estimate() as f64;
            assert!((estimate - f64::from(count)).abs() <= f64::from(count) * 0.2, "{estimate} for {count}");
        }
    }
}
