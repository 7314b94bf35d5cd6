//! The process, as the system sees it.

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// What the system says of the process; what it does not say is left out.
#[derive(Debug, Default)]
pub(super) struct Process {
    pub(super) usage: Option<Usage>,
    /// In bytes.
    pub(super) memory: Option<u64>,
    pub(super) virtual_memory: Option<u64>,
    pub(super) threads: Option<u64>,
    pub(super) descriptors: Option<u64>,
    /// Seconds since it began.
    pub(super) uptime: Option<f64>,
}

/// What the process has used since it began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Seconds of processor time in the program.
    pub(super) user: f64,
    /// Seconds in the kernel.
    pub(super) system: f64,
    pub(super) voluntary_switches: u64,
    pub(super) involuntary_switches: u64,
    pub(super) minor_faults: u64,
    pub(super) major_faults: u64,
}

impl Process {
    pub(super) fn look(system: &mut System) -> Self {
        let pid = Pid::from_u32(std::process::id());
        let what = ProcessRefreshKind::nothing().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
        let known = system.process(pid);
        Self {
            usage: usage(),
            memory: known.map(sysinfo::Process::memory),
            virtual_memory: known.map(sysinfo::Process::virtual_memory),
            threads: threads(),
            descriptors: descriptors(known),
            uptime: known.and_then(|known| since_epoch(known.start_time())),
        }
    }
}

/// Seconds since a second of the Unix epoch.
fn since_epoch(second: u64) -> Option<f64> {
    let begin = std::time::UNIX_EPOCH + std::time::Duration::from_secs(second);
    begin.elapsed().ok().map(|since| since.as_secs_f64())
}

#[cfg(unix)]
fn usage() -> Option<Usage> {
    // SAFETY: numbers, for all of which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: writes into the struct that it is given.
    if unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) } != 0 {
        return None;
    }
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let count = |count: libc::c_long| u64::try_from(count).unwrap_or(0);
    Some(Usage {
        user: seconds(usage.ru_utime),
        system: seconds(usage.ru_stime),
        voluntary_switches: count(usage.ru_nvcsw),
        involuntary_switches: count(usage.ru_nivcsw),
        minor_faults: count(usage.ru_minflt),
        major_faults: count(usage.ru_majflt),
    })
}

#[cfg(not(unix))]
fn usage() -> Option<Usage> {
    None
}

#[cfg(target_os = "linux")]
fn threads() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("Threads:")?.trim().parse().ok())
}

#[cfg(not(target_os = "linux"))]
fn threads() -> Option<u64> {
    None
}

#[cfg(target_os = "linux")]
fn descriptors(_: Option<&sysinfo::Process>) -> Option<u64> {
    // Since Linux 6.2 the folder's size says how many there are; before, it is 0.
    match std::fs::metadata("/proc/self/fd").ok()?.len() {
        // The one that reads the folder counts itself.
        0 => Some((std::fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1)),
        known => Some(known),
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
fn descriptors(process: Option<&sysinfo::Process>) -> Option<u64> {
    process?.open_files().map(|files| files as u64)
}

#[cfg(not(unix))]
fn descriptors(_: Option<&sysinfo::Process>) -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn threads_and_descriptors_are_counted() {
        let file = std::fs::File::open("/proc/self/status").unwrap();
        assert!(descriptors(None).unwrap() >= 4, "the standard ones and this");
        assert!(threads().unwrap() >= 1);
        drop(file);
    }

    #[test]
    fn the_process_uses_memory_and_has_begun() {
        let process = Process::look(&mut System::new().unwrap());
        assert!(process.memory.unwrap() > 1 << 20);
        assert!(process.virtual_memory.unwrap() >= process.memory.unwrap());
        assert!(process.uptime.unwrap() < 3600.0);
        let usage = process.usage.unwrap();
        assert!(usage.user + usage.system > 0.0 && usage.minor_faults > 0);
    }
}
