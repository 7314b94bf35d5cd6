//! Takes peers in turn, round by round, so that what disturbs the machine disturbs them alike; counts allocations.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counts what the thread that measures, and every other, allocates.
pub struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: hands every call on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// One peer doing one work: `run(n)` does it n times.
pub struct Peer {
    pub name: &'static str,
    pub run: Box<dyn FnMut(u64)>,
    /// Between rounds, untimed: flush, so that no queue overflows.
    pub between: Box<dyn FnMut()>,
}

impl Peer {
    pub fn new(name: &'static str, run: impl FnMut(u64) + 'static) -> Self {
        Self { name, run: Box::new(run), between: Box::new(|| {}) }
    }

    pub fn between(mut self, between: impl FnMut() + 'static) -> Self {
        self.between = Box::new(between);
        self
    }
}

struct Figures {
    name: &'static str,
    nanos: Vec<f64>,
    allocations: f64,
}

/// Measures peers at the same work and prints a table; the first is Tripod.
pub fn compare(work: &str, per_round: u64, mut peers: Vec<Peer>) {
    const ROUNDS: usize = 15;
    let segments = if per_round >= 100_000 { 1 } else { 200 };
    let mut all: Vec<Figures> =
        peers.iter().map(|peer| Figures { name: peer.name, nanos: Vec::new(), allocations: 0.0 }).collect();
    for round in 0..=ROUNDS {
        for (peer, figures) in peers.iter_mut().zip(&mut all) {
            let mut time = Duration::ZERO;
            let mut allocations = 0;
            for _ in 0..segments {
                let before = ALLOCATIONS.load(Ordering::Relaxed);
                let start = Instant::now();
                (peer.run)(per_round);
                time += start.elapsed();
                allocations += ALLOCATIONS.load(Ordering::Relaxed) - before;
                (peer.between)();
            }
            // The first round warms up.
            if round > 0 {
                let calls = (per_round * segments) as f64;
                figures.nanos.push(time.as_nanos() as f64 / calls);
                figures.allocations = allocations as f64 / calls;
            }
        }
    }
    print(work, &mut all);
}

fn print(work: &str, all: &mut [Figures]) {
    for figures in all.iter_mut() {
        figures.nanos.sort_by(f64::total_cmp);
    }
    let median = |figures: &Figures| figures.nanos[figures.nanos.len() / 2];
    let best_peer = all[1..].iter().map(median).fold(f64::INFINITY, f64::min);
    println!("\n{work}");
    println!("  {:<34} {:>10} {:>10} {:>10} {:>12}", "", "median ns", "min ns", "allocs", "× best peer");
    for figures in all.iter() {
        let median = median(figures);
        let ratio = if best_peer.is_finite() { format!("{:.2}", median / best_peer) } else { "-".to_owned() };
        let (name, min, allocations) = (figures.name, figures.nanos[0], figures.allocations);
        println!("  {name:<34} {median:>10.2} {min:>10.2} {allocations:>10.3} {ratio:>12}");
    }
}
