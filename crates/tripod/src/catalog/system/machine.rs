//! One look at the machine, or at what a container may use of it.

use std::collections::BTreeMap;
use std::thread::available_parallelism;
use std::time::Instant;

use sysinfo::{CpuRefreshKind, DiskRefreshKind, Disks, System};

use super::Metrics;
use super::cgroup::Cgroups;
use super::process::Process;
use crate::labels;
use crate::metrics::BatchObserver;
use crate::sync::fork;

/// Disks that are reported, at most: by the order of their devices' names.
const MAX_DISKS: usize = 64;

/// What is kept from one look to the next.
pub(super) struct Machine {
    system: Option<System>,
    disks: Option<Disks>,
    cgroups: Cgroups,
    before: Option<Before>,
}

/// What a share of processor time is counted from.
struct Before {
    at: Instant,
    /// Seconds that the container had used.
    container: Option<f64>,
    /// Seconds that the process had used: in the program, in the kernel.
    process: Option<(f64, f64)>,
}

/// What was seen.
pub(super) struct Sample {
    pub(super) at: Instant,
    /// [`fork::count`] then: a child is another process.
    pub(super) forks: u32,
    cpu_percent: Option<f64>,
    /// In use, and the limit.
    memory: Option<(u64, u64)>,
    disks: Vec<Disk>,
    process: Process,
    /// Shares of processor time: in the program, in the kernel.
    process_utilization: Option<(f64, f64)>,
}

struct Disk {
    device: String,
    mountpoint: String,
    used: u64,
    size: u64,
}

impl Machine {
    /// Shares of processor time are known from the second look on.
    pub(super) fn new() -> Self {
        Self { system: System::new().ok(), disks: Disks::new().ok(), cgroups: Cgroups::default(), before: None }
    }

    pub(super) fn look(&mut self) -> Sample {
        let at = Instant::now();
        let container = self.cgroups.cpu();
        let process = self.system.as_mut().map(Process::look).unwrap_or_default();
        let processors = available_parallelism().map_or(1.0, |number| number.get() as f64);
        let quota = container.map_or(processors, |cpu| cpu.quota.min(processors));
        let now = Before {
            at,
            container: container.map(|cpu| cpu.used),
            process: process.usage.map(|usage| (usage.user, usage.system)),
        };
        let of_container =
            now.container.map(|used| Some(100.0 * now.share(self.before.as_ref()?, |one| one.container, used, quota)?));
        let process_utilization = now.process.and_then(|(user, system)| {
            let before = self.before.as_ref()?;
            let user = now.share(before, |one| Some(one.process?.0), user, quota)?;
            Some((user, now.share(before, |one| Some(one.process?.1), system, quota)?))
        });
        let is_first = self.before.replace(now).is_none();
        let of_machine = self.cpu_of_machine().filter(|_| !is_first);
        Sample {
            at,
            forks: fork::count(),
            cpu_percent: of_container.unwrap_or(of_machine),
            memory: self.memory(),
            disks: self.disks(),
            process,
            process_utilization,
        }
    }

    fn cpu_of_machine(&mut self) -> Option<f64> {
        let system = self.system.as_mut()?;
        system.refresh_cpu_specifics(CpuRefreshKind::nothing().with_usage());
        Some(f64::from(system.global_cpu_usage()))
    }

    fn memory(&mut self) -> Option<(u64, u64)> {
        let machine = self.system.as_mut().map(|system| {
            system.refresh_memory();
            (system.used_memory(), system.total_memory())
        });
        let container = self.cgroups.memory().map(|memory| (memory.used, memory.limit));
        // A limit above what the machine has is none.
        container.into_iter().chain(machine).min_by_key(|(_, limit)| *limit)
    }

    /// A device is reported once, wherever else it is mounted besides.
    fn disks(&mut self) -> Vec<Disk> {
        let Some(disks) = &mut self.disks else { return Vec::new() };
        disks.refresh_specifics(true, DiskRefreshKind::nothing().with_storage());
        let mut devices = BTreeMap::new();
        for disk in disks.iter().filter(|disk| disk.total_space() > 0) {
            let device = disk.name().to_string_lossy().into_owned();
            let mountpoint = disk.mount_point().to_string_lossy().into_owned();
            let size = disk.total_space();
            let used = size.saturating_sub(disk.available_space());
            let shorter = |known: &Disk| (known.mountpoint.len(), &known.mountpoint) <= (mountpoint.len(), &mountpoint);
            if !devices.get(&device).is_some_and(shorter) {
                devices.insert(device.clone(), Disk { device, mountpoint, used, size });
            }
        }
        devices.into_values().take(MAX_DISKS).collect()
    }
}

impl Before {
    /// What part of `quota` processors was used since `before`; none where the numbers began anew.
    fn share(&self, before: &Self, number: impl Fn(&Self) -> Option<f64>, now: f64, quota: f64) -> Option<f64> {
        let (used, took) = (now - number(before)?, (self.at - before.at).as_secs_f64());
        (used >= 0.0 && took > 0.0).then(|| used / took / quota)
    }
}

impl Sample {
    pub(super) fn report(&self, batch: &BatchObserver<'_>) {
        let metrics = Metrics::get();
        if let Some(percent) = self.cpu_percent {
            batch.observe(&metrics.cpu_usage, percent, &[]);
        }
        if let Some((used, limit)) = self.memory {
            batch.observe(&metrics.memory_usage, used as f64, &[]);
            batch.observe(&metrics.memory_limit, limit as f64, &[]);
        }
        for Disk { device, mountpoint, used, size } in &self.disks {
            batch.observe(&metrics.disk_usage, *used as f64, labels!(device, mountpoint));
            batch.observe(&metrics.disk_size, *size as f64, labels!(device, mountpoint));
        }
        self.report_process(metrics, batch);
    }

    fn report_process(&self, metrics: &Metrics, batch: &BatchObserver<'_>) {
        if let Some(usage) = self.process.usage {
            batch.observe(&metrics.process_cpu_time, usage.user, labels!(cpu.mode = "user"));
            batch.observe(&metrics.process_cpu_time, usage.system, labels!(cpu.mode = "system"));
            for (kind, switches) in
                [("voluntary", usage.voluntary_switches), ("involuntary", usage.involuntary_switches)]
            {
                batch.observe(&metrics.process_switches, switches as f64, labels!(process.context_switch.type = kind));
            }
            for (kind, faults) in [("minor", usage.minor_faults), ("major", usage.major_faults)] {
                batch.observe(&metrics.process_faults, faults as f64, labels!(system.paging.fault.type = kind));
            }
        }
        if let Some((user, system)) = self.process_utilization {
            batch.observe(&metrics.process_cpu_utilization, user, labels!(cpu.mode = "user"));
            batch.observe(&metrics.process_cpu_utilization, system, labels!(cpu.mode = "system"));
        }
        let sums = [
            (&metrics.process_memory, self.process.memory),
            (&metrics.process_virtual, self.process.virtual_memory),
            (&metrics.process_threads, self.process.threads),
            (&metrics.process_descriptors, self.process.descriptors),
        ];
        for (instrument, number) in sums {
            if let Some(number) = number {
                batch.observe(instrument, number as f64, &[]);
            }
        }
        if let Some(uptime) = self.process.uptime {
            batch.observe(&metrics.process_uptime, uptime, &[]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::cgroup::tests::fake;
    use super::*;

    #[test]
    fn a_share_is_of_what_may_be_used_in_the_time_between() {
        let begin = Instant::now();
        let at = |seconds, container| Before { at: begin + Duration::from_secs(seconds), container, process: None };
        let (before, now) = (at(0, Some(10.0)), at(10, Some(14.0)));
        assert_eq!(now.share(&before, |one| one.container, 14.0, 0.5), Some(0.8));
        assert_eq!(now.share(&before, |one| one.container, 2.0, 0.5), None, "another group's numbers");
        assert_eq!(now.share(&at(0, None), |one| one.container, 14.0, 0.5), None);
        assert_eq!(now.share(&now, |one| one.container, 14.0, 0.5), None, "no time has passed");
    }

    #[test]
    fn in_a_container_the_machine_is_what_the_container_may_use() {
        let (folder, cgroups) = fake(
            "0::/\n",
            &[
                ("fs/cgroup.controllers", "cpu memory\n"),
                ("fs/memory.max", "67108864\n"),
                ("fs/memory.current", "50000000\n"),
                ("fs/cpu.max", "50000 100000\n"),
                ("fs/cpu.stat", "usage_usec 1000000\n"),
            ],
        );
        let mut machine = Machine { cgroups, ..Machine::new() };
        let first = machine.look();
        assert_eq!(first.memory, Some((50_000_000, 67_108_864)));
        assert_eq!(first.cpu_percent, None);
        std::thread::sleep(Duration::from_millis(50));
        std::fs::write(folder.path().join("fs/cpu.stat"), "usage_usec 1010000\n").unwrap();
        let second = machine.look();
        let took = (second.at - first.at).as_secs_f64();
        let expected = 100.0 * 0.01 / took / 0.5;
        assert!((second.cpu_percent.unwrap() - expected).abs() < 1e-6);
    }

    #[test]
    fn a_limit_above_what_the_machine_has_is_none() {
        let files = [
            ("fs/cgroup.controllers", "memory\n"),
            ("fs/memory.max", "1000000000000000\n"),
            ("fs/memory.current", "5\n"),
        ];
        let (_folder, cgroups) = fake("0::/\n", &files);
        let mut machine = Machine { cgroups, ..Machine::new() };
        let (used, limit) = machine.look().memory.unwrap();
        assert!(used > 5 && limit < 1_000_000_000_000_000);
    }

    #[test]
    fn the_machine_is_seen() {
        let mut machine = Machine::new();
        assert!(machine.look().cpu_percent.is_none(), "a share needs two looks");
        std::thread::sleep(Duration::from_millis(250));
        let sample = machine.look();
        let (used, limit) = sample.memory.unwrap();
        assert!(used > 0 && used <= limit);
        assert!(sample.cpu_percent.unwrap() >= 0.0);
        let (user, system) = sample.process_utilization.unwrap();
        assert!((0.0..=1.5).contains(&(user + system)));
    }
}
