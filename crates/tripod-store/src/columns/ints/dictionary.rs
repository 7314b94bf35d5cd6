//! Numbers of which there are few different ones, wherever they lie: status codes, sizes that repeat, ids of users.

/// One in so many may be different; more are hardly ever smaller as a dictionary.
const ONE_IN: usize = 8;

/// As many may always be.
const LEAST: usize = 16;

/// Different numbers, ascending, and for each value which of them it is.
pub(super) struct Dictionary {
    pub(super) values: Vec<u64>,
    pub(super) codes: Vec<u64>,
}

impl Dictionary {
    /// Nothing where too many are different; that is soon found out.
    pub(super) fn of(values: &[u64]) -> Option<Self> {
        let most = (values.len() / ONE_IN).max(LEAST);
        let mut distinct: Vec<u64> = Vec::new();
        // Open addressing, never more than half full: a place in `distinct`, plus one.
        let mut slots = vec![0u32; (most * 2).next_power_of_two()];
        let shift = 64 - slots.len().trailing_zeros();
        let mut codes = Vec::with_capacity(values.len());
        for value in values {
            let mut slot = (value.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> shift) as usize;
            while slots[slot] != 0 && distinct[slots[slot] as usize - 1] != *value {
                slot = (slot + 1) & (slots.len() - 1);
            }
            if slots[slot] == 0 {
                if distinct.len() == most {
                    return None;
                }
                distinct.push(*value);
                slots[slot] = distinct.len() as u32;
            }
            codes.push(u64::from(slots[slot] - 1));
        }
        let mut order: Vec<u32> = (0..distinct.len() as u32).collect();
        order.sort_unstable_by_key(|at| distinct[*at as usize]);
        let mut ranks = vec![0; order.len()];
        order.iter().enumerate().for_each(|(rank, at)| ranks[*at as usize] = rank as u64);
        codes.iter_mut().for_each(|code| *code = ranks[*code as usize]);
        distinct.sort_unstable();
        Some(Self { values: distinct, codes })
    }
}
