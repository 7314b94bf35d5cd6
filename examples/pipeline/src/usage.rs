//! What the process uses of the machine, as Linux tells it; elsewhere nothing is told.

use std::time::Instant;

use tripod::catalog::pipeline::Pipeline;

/// Clock ticks a second in `/proc`: the same on every Linux.
const TICKS: f64 = 100.0;
const PAGE: u64 = 4096;

/// The processor time used when it was last asked.
#[derive(Default)]
pub(crate) struct Usage {
    last: Option<(Instant, f64)>,
}

impl Usage {
    /// Tells what is used now.
    pub(crate) fn tell(&mut self, pipeline: &Pipeline) {
        if let Some(bytes) = memory() {
            pipeline.memory_usage(bytes);
        }
        let Some(used) = processor() else { return };
        let now = Instant::now();
        if let Some((then, before)) = self.last.replace((now, used)) {
            let all = std::thread::available_parallelism().map_or(1, usize::from) as f64;
            pipeline.cpu_usage(100.0 * (used - before) / (now - then).as_secs_f64() / all);
        }
    }
}

/// Bytes that are resident.
fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(text.split_whitespace().nth(1)?.parse::<u64>().ok()? * PAGE)
}

/// Seconds of processor time so far, by the program and by the system for it.
fn processor() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // After the name, which may hold anything but a closing bracket at its end.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS)
}
