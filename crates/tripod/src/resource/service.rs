//! The service: which instance of it this is. Its name is the user's to give.

use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Found, Surroundings};
use crate::sync::fork;

pub(super) fn detect(_: &Surroundings<'_>, found: &mut Found) {
    found.add("service.instance.id", instance_id());
}

/// A random id (UUID version 4) of this process; a forked child has another than its parent.
fn instance_id() -> String {
    static SEEDS: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
    let half = |seed: &AtomicU64| {
        // Never zero, which stands for none. Whoever comes second takes the first one's.
        let fresh = RandomState::new().hash_one(0) | 1;
        let seed =
            seed.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed).map_or_else(|seed| seed, |_| fresh);
        let mut hasher = DefaultHasher::new();
        (seed, std::process::id(), fork::count(), fork::forked_at()).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    let id = (half(&SEEDS[0]) << 64 | half(&SEEDS[1])) & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{id:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
