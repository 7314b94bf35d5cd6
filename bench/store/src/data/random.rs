//! Random numbers that depend on nothing but what they are drawn for.

use fastrand::Rng;

/// A generator of its own for the `number`th thing of a kind.
pub(super) fn of(seed: u64, number: u64) -> Rng {
    Rng::with_seed(mix(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

/// The finalizer of `SplitMix64`: neighbours share nothing.
pub(super) fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

/// Log-normal around a median: as durations of requests are.
pub(super) fn log_normal(rng: &mut Rng, median: f64, sigma: f64) -> f64 {
    // The sum of a few uniform numbers is near enough to a normal one, and cheap.
    let normal = (0..4).map(|_| rng.f64()).sum::<f64>() - 2.0;
    median * (normal * 1.732 * sigma).exp()
}

/// Appends a number in sixteen hexadecimal digits.
pub(super) fn hex(out: &mut Vec<u8>, number: u64) {
    out.extend((0..16).rev().map(|digit| b"0123456789abcdef"[(number >> (digit * 4) & 15) as usize]));
}

/// Appends a number in decimal.
pub(super) fn decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
