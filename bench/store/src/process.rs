//! What a process takes: CPU, memory, disk; and how one is started on a core of its own.

use std::path::Path;
use std::process::Command;

/// CPU seconds of all threads of this process, user's and kernel's.
pub fn own_cpu() -> f64 {
    // SAFETY: `rusage` is plain numbers, for which zero is a value; the call fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// CPU seconds of another process, as far as it still runs.
#[cfg(feature = "peers")]
pub fn cpu_of(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in parentheses, may hold anything; behind it come the state and numbers.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    // SAFETY: asks for a constant.
    (ticks(11) + ticks(12)) / unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64
}

/// Memory of a process in bytes: resident now, and the most there was.
pub fn memory_of(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        value.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    (line("VmRSS:"), line("VmHWM:"))
}

/// Memory of this process.
pub fn own_memory() -> (u64, u64) {
    memory_of(std::process::id())
}

/// Bytes of all files below a folder, each counted once.
pub fn disk_bytes(dir: &Path) -> u64 {
    let mut bytes = 0;
    for_each_file(dir, &mut |path| bytes += path.metadata().map_or(0, |file| file.len()));
    bytes
}

/// Reads all files below a folder, so that they are in the page cache.
pub fn warm(dir: &Path) {
    for_each_file(dir, &mut |path| {
        if let Ok(mut file) = std::fs::File::open(path) {
            let _ = std::io::copy(&mut file, &mut std::io::sink());
        }
    });
}

pub fn for_each_file(dir: &Path, then: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => for_each_file(&path, then),
            Ok(kind) if kind.is_file() => then(&path),
            _ => {}
        }
    }
}

/// A command on one core, all of its threads.
pub fn on_core(core: usize, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.arg("-c").arg(core.to_string()).arg(program);
    command
}
