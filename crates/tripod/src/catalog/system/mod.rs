//! The machine and the process: processor, memory, disks, threads, descriptors.
//!
//! A thread of its own looks every so often, once [`start`] was called (feature `system`); collecting metrics reads what it saw last.
//! In a container with limits of its own the machine is what the container may use: percents are of its processor quota, bytes of its
//! memory limit.
//!
//! What the catalogue has no name for has OpenTelemetry's: `process.cpu.time` and its like. Which of those there are depends on the
//! system; on Linux, all.

#[cfg(feature = "system")]
mod cgroup;
#[cfg(feature = "system")]
mod machine;
#[cfg(feature = "system")]
mod process;
#[cfg(feature = "system")]
mod sampler;

#[cfg(feature = "system")]
pub use sampler::{Sampling, start};

use super::set::metric_set;

metric_set! {
    /// The metrics of the machine and the process.
    #[cfg_attr(not(feature = "system"), allow(dead_code, reason = "the list is of use without the sampling"))]
    "system" {
        cpu_usage: Gauge = "system_cpu_usage_percent" [] "%" "Processor time in use, 100 for all that may be used";
        memory_usage: Gauge = "system_memory_usage_bytes" [] "By" "Memory in use, without what can be freed at once";
        memory_limit: Gauge = "system_memory_limit_bytes" [] "By" "Memory that may be used";
        disk_usage: Gauge = "system_disk_usage_bytes" [device, mountpoint] "By" "Space in use on disks";
        disk_size: Gauge = "system_disk_size_bytes" [device, mountpoint] "By" "Space on disks";
        process_cpu_time: Counter = "process.cpu.time" ["cpu.mode"] "s" "Total CPU seconds broken down by different CPU modes";
        process_cpu_utilization: Gauge = "process.cpu.utilization" ["cpu.mode"] "1"
            "Processor time the process used of late, as a share of what it may use";
        process_memory: UpDownCounter = "process.memory.usage" [] "By" "The amount of physical memory in use";
        process_virtual: UpDownCounter = "process.memory.virtual" [] "By" "The amount of committed virtual memory";
        process_threads: UpDownCounter = "process.thread.count" [] "{thread}" "Process threads count";
        process_descriptors: UpDownCounter = "process.unix.file_descriptor.count" [] "{file_descriptor}"
            "Number of unix file descriptors in use by the process";
        process_switches: Counter = "process.context_switches" ["process.context_switch.type"] "{context_switch}"
            "Number of times the process has been context switched";
        process_faults: Counter = "process.paging.faults" ["system.paging.fault.type"] "{fault}" "Number of page faults the process has made";
        process_uptime: Gauge = "process.uptime" [] "s" "The time the process has been running";
    }
}
