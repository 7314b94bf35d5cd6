//! The program that is killed.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::units;
use crate::arguments::Arguments;
use crate::data::Origin;

/// Appends from four threads, and says what was acknowledged, until it is killed.
pub fn run(arguments: &Arguments) {
    let dir: PathBuf = arguments.need("--dir");
    let origin = Origin { seed: arguments.need("--seed"), start: arguments.need("--start") };
    let limit = arguments.get("--limit");
    let (store, _) = units::open(&dir, limit);
    let next: [AtomicU64; 3] =
        [0, 1, 2].map(|signal| AtomicU64::new(arguments.need(["--first-0", "--first-1", "--first-2"][signal])));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    for (signal, next) in next.iter().enumerate() {
                        let unit = next.fetch_add(1, Ordering::Relaxed);
                        units::append(&store, origin, signal, unit).expect("the store takes it");
                        // In one write, so that no line is torn.
                        std::io::stdout()
                            .lock()
                            .write_all(format!("{signal} {unit}\n").as_bytes())
                            .expect("it is read");
                    }
                }
            });
        }
    });
}
