//! The process of one peer at one work: it does what the parent says, line by line, and answers each with a line.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::row::{Measure, Peer, Row, Work};
use crate::{alloc, sinks};

/// How long a segment takes where the row does not say how many calls it has.
const SEGMENT: Duration = Duration::from_micros(200);
/// How long a round is timed.
const ROUND: Duration = Duration::from_millis(20);

/// What a round gives.
#[derive(Default)]
pub struct Round {
    /// Nanoseconds a call (or bytes, of heap).
    pub figure: f64,
    /// The other of time and CPU.
    pub other: f64,
    pub segments: u64,
    /// Segments that were thrown away, because the kernel took the CPU away meanwhile.
    pub disturbed: u64,
}

/// What is known at the end.
#[derive(Default)]
pub struct Outcome {
    /// Allocations and bytes a call, of the calling thread; allocations a call of all threads.
    pub allocations: [f64; 3],
    pub created: u64,
    pub arrived: u64,
    pub lost: Option<u64>,
}

pub fn serve(row: &Row, peer: &Peer) {
    let mut out = std::io::stdout();
    let mut child = Child::start(row, (peer.set_up)());
    let delivers = child.warm_up();
    writeln!(out, "{delivers}").expect("the parent listens");
    for line in std::io::stdin().lock().lines() {
        let answer = match line.expect("the parent writes text").as_str() {
            "round" => {
                let Round { figure, other, segments, disturbed } = child.round();
                format!("{figure} {other} {segments} {disturbed}")
            }
            _ => {
                let Outcome { allocations: [own, bytes, all], created, arrived, lost } = child.end();
                format!("{own} {bytes} {all} {created} {arrived} {}", lost.map_or(-1, |lost| lost as i64))
            }
        };
        writeln!(out, "{answer}").expect("the parent listens");
    }
}

struct Child<'a> {
    row: &'a Row,
    work: Work,
    calls: u64,
    wanted: u64,
    created: u64,
    second: Option<Second>,
}

/// A segment's times.
#[derive(Clone, Copy, Default)]
struct Times {
    wall: Duration,
    cpu: Duration,
    disturbed: bool,
}

impl<'a> Child<'a> {
    fn start(row: &'a Row, work: Work) -> Self {
        let second = (row.threads == 2).then(|| Second::start(Arc::clone(&work.run)));
        if second.is_some() {
            pin_to_cpu(0);
        }
        Self { row, work, calls: row.calls.max(1), wanted: 1, created: 0, second }
    }

    /// Looks at what a single call delivers, finds out how many calls a segment has, and lets caches and pools fill.
    fn warm_up(&mut self) -> String {
        if self.row.measure == Measure::Heap {
            return String::new();
        }
        let work = &mut self.work;
        let delivers = sinks::look_at(|| {
            (work.prepare)(1);
            (work.run)(1);
            (work.flush)();
        });
        self.created += 1;
        let mut took = self.segment();
        if self.row.calls == 0 {
            while took.wall < SEGMENT / 2 {
                self.calls *= 2;
                took = self.segment();
            }
            self.calls = (self.calls as f64 * SEGMENT.as_secs_f64() / took.wall.as_secs_f64()).ceil() as u64;
        }
        let start = Instant::now();
        let mut fastest = Duration::MAX;
        while start.elapsed() < 2 * ROUND {
            fastest = fastest.min(self.segment().wall);
        }
        self.wanted = (ROUND.as_nanos() / fastest.as_nanos().max(1)).clamp(1, 60) as u64;
        delivers
    }

    fn round(&mut self) -> Round {
        if self.row.measure == Measure::Heap {
            let (run, calls) = (&self.work.run, self.calls);
            let live = alloc::count(|| run(calls), || {}).live_bytes;
            return Round { figure: live as f64 / calls as f64, segments: 1, ..Round::default() };
        }
        let arrived = self.arrived();
        let (mut wall, mut cpu) = (Duration::ZERO, Duration::ZERO);
        let (mut good, mut disturbed) = (0, 0);
        while good < self.wanted {
            let times = self.segment();
            // The CPU time of a segment is its own, whoever else had the CPU meanwhile.
            if times.disturbed && self.row.measure == Measure::Caller {
                disturbed += 1;
                // On a machine that is never quiet, a disturbed segment has to do.
                if disturbed < 20 * self.wanted {
                    continue;
                }
            }
            good += 1;
            wall += times.wall;
            cpu += times.cpu;
        }
        let calls = (good * self.calls * self.row.threads as u64) as f64;
        // Each thread's own time, so that two threads that do not disturb each other show what one shows.
        let per_call = |time: Duration| time.as_nanos() as f64 / calls;
        let (wall, cpu) = (per_call(wall), per_call(cpu) / self.share_that_arrived(calls, arrived));
        let (figure, other) = if self.row.measure == Measure::Cpu { (cpu, wall) } else { (wall, cpu) };
        let parts = self.row.parts as f64;
        Round { figure: figure / parts, other: other / parts, segments: good, disturbed }
    }

    fn arrived(&self) -> u64 {
        self.work.records.map_or(0, |(kind, _)| sinks::arrived(kind))
    }

    /// Of a row that measures CPU time: what is dropped costs little, and must not count as done.
    fn share_that_arrived(&self, calls: f64, before: u64) -> f64 {
        match self.work.records {
            Some((_, per_call)) if self.row.measure == Measure::Cpu => {
                (self.arrived() - before) as f64 / (calls * per_call as f64)
            }
            _ => 1.0,
        }
    }

    fn segment(&mut self) -> Times {
        let calls = self.calls;
        self.created += calls * self.row.threads as u64;
        (self.work.prepare)(calls);
        let cpu = process_cpu();
        let (wall, disturbed) = match &self.second {
            Some(second) => second.together(&*self.work.run, calls),
            None => {
                let stint = Stint::of(&*self.work.run, calls);
                (stint.end - stint.start, stint.disturbed)
            }
        };
        (self.work.flush)();
        Times { wall, cpu: process_cpu() - cpu, disturbed }
    }

    fn end(&mut self) -> Outcome {
        let mut allocations = [0.0; 3];
        if self.row.measure != Measure::Heap {
            let (work, calls) = (&mut self.work, self.calls);
            (work.prepare)(calls);
            let counted = alloc::count(|| (work.run)(calls), || (work.flush)());
            self.created += calls;
            allocations = [counted.own, counted.own_bytes, counted.all]
                .map(|number| number as f64 / (calls * self.row.parts) as f64);
        }
        let (arrived, per_call) = match (&self.work.total, self.work.records) {
            (Some(total), _) => (total(), 1),
            (None, Some((_, per_call))) => (self.arrived(), per_call),
            (None, None) => (0, 0),
        };
        let lost = self.work.lost.as_ref().map(|lost| lost());
        Outcome { allocations, created: self.created * per_call, arrived, lost }
    }
}

/// One thread's run of a segment.
struct Stint {
    start: Instant,
    end: Instant,
    /// The kernel took the CPU away meanwhile.
    disturbed: bool,
}

impl Stint {
    fn of(run: &dyn Fn(u64), calls: u64) -> Self {
        let switches = involuntary_switches();
        let start = Instant::now();
        run(calls);
        let end = Instant::now();
        Self { start, end, disturbed: involuntary_switches() != switches }
    }
}

/// The second thread of a row on two.
struct Second {
    calls: Sender<u64>,
    stints: Receiver<Stint>,
    /// Threads that are at the start.
    ready: Arc<AtomicU32>,
}

impl Second {
    fn start(run: Arc<dyn Fn(u64) + Send + Sync>) -> Self {
        let (calls, asked) = channel();
        let (answer, stints) = channel();
        let ready = Arc::new(AtomicU32::new(0));
        let at_start = Arc::clone(&ready);
        std::thread::spawn(move || {
            pin_to_cpu(1);
            for calls in asked {
                meet(&at_start);
                if answer.send(Stint::of(&*run, calls)).is_err() {
                    return;
                }
            }
        });
        Self { calls, stints, ready }
    }

    /// Runs on both threads at once; the sum of what each took, and whether they were disturbed or ran apart.
    fn together(&self, run: &dyn Fn(u64), calls: u64) -> (Duration, bool) {
        self.ready.store(0, Ordering::SeqCst);
        self.calls.send(calls).expect("the second thread lives");
        meet(&self.ready);
        let own = Stint::of(run, calls);
        let other = self.stints.recv().expect("the second thread lives");
        // Who ends first is the lock's choice, but they start together.
        let apart = own.start.max(other.start) - own.start.min(other.start);
        let (own_time, other_time) = (own.end - own.start, other.end - other.start);
        let disturbed = own.disturbed || other.disturbed || apart > own_time.min(other_time) / 10;
        (own_time + other_time, disturbed)
    }
}

/// Waits, without sleeping, until both threads are here.
fn meet(ready: &AtomicU32) {
    ready.fetch_add(1, Ordering::SeqCst);
    while ready.load(Ordering::SeqCst) < 2 {
        std::hint::spin_loop();
    }
}

/// Keeps the calling thread on one CPU.
pub fn pin_to_cpu(cpu: usize) {
    // SAFETY: a `cpu_set_t` is bits, for which all zeros is a value; the pointer is to a whole one.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}

/// How often the kernel took the CPU away from the calling thread.
fn involuntary_switches() -> i64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to a whole `rusage`, for which all zeros is a value.
    unsafe {
        libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr());
        usage.assume_init().ru_nivcsw
    }
}

/// CPU time of all threads of this process.
pub fn process_cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a whole `timespec`.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
