//! What a container may use: the limits of its control groups, versions 1 and 2, and how much of them is used.
//!
//! A limit of any group above holds too, so all are looked at, and the tightest counts, with what its group uses. Without limits, or
//! where there are no control groups, there is nothing to say.

use std::fs;
use std::path::{Path, PathBuf};

/// Where control groups are found.
#[derive(Clone, Debug)]
pub(super) struct Cgroups {
    /// `/sys/fs/cgroup`.
    root: PathBuf,
    /// `/proc/self/cgroup`: in which groups the process is.
    own: PathBuf,
}

/// A group's memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) limit: u64,
    /// Without the pages of files that can be dropped at once.
    pub(super) used: u64,
}

/// A group's processor time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cpu {
    /// How many processors it may keep busy.
    pub(super) quota: f64,
    /// Seconds used since the group exists.
    pub(super) used: f64,
}

impl Default for Cgroups {
    fn default() -> Self {
        Self { root: "/sys/fs/cgroup".into(), own: "/proc/self/cgroup".into() }
    }
}

impl Cgroups {
    pub(super) fn memory(&self) -> Option<Memory> {
        self.groups("memory").filter_map(|group| group.memory()).min_by_key(|memory| memory.limit)
    }

    pub(super) fn cpu(&self) -> Option<Cpu> {
        self.groups("cpu").filter_map(|group| group.cpu(self)).min_by(|a, b| a.quota.total_cmp(&b.quota))
    }

    /// The group that has a controller, and all above it.
    fn groups(&self, controller: &str) -> impl Iterator<Item = Group> {
        let own = fs::read_to_string(&self.own).unwrap_or_default();
        let first = own.lines().find_map(|line| self.group(line, controller));
        let above = |group: &Group| group.parent();
        std::iter::successors(first, above).filter(|group| group.folder().is_dir())
    }

    /// The group of a line `4:cpu,cpuacct:/docker/1f3` or, in version 2, `0::/user.slice`, if it has the controller.
    fn group(&self, line: &str, controller: &str) -> Option<Group> {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let path = PathBuf::from(path.trim_start_matches('/'));
        if controllers.is_empty() {
            let is_whole = self.root.join("cgroup.controllers").is_file();
            return is_whole.then(|| Group { is_v2: true, base: self.root.clone(), path });
        }
        controllers.split(',').any(|one| one == controller).then(|| {
            let together = self.root.join(controllers);
            let base = if together.is_dir() { together } else { self.root.join(controller) };
            Group { is_v2: false, base, path }
        })
    }
}

/// One group.
#[derive(Clone, Debug)]
struct Group {
    is_v2: bool,
    /// Where its hierarchy is mounted.
    base: PathBuf,
    path: PathBuf,
}

impl Group {
    fn folder(&self) -> PathBuf {
        self.base.join(&self.path)
    }

    fn parent(&self) -> Option<Self> {
        let path = self.path.parent()?.to_owned();
        Some(Self { path, ..self.clone() })
    }

    fn memory(&self) -> Option<Memory> {
        let folder = self.folder();
        let [limit, used, file_pages] = if self.is_v2 {
            ["memory.max", "memory.current", "inactive_file"]
        } else {
            ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"]
        };
        let limit = number(&folder.join(limit))?;
        let file_pages = keyed(&folder.join("memory.stat"), file_pages).unwrap_or(0);
        // In version 1 no limit is a number that no machine has.
        (limit < 1 << 60).then_some(Memory { limit, used: number(&folder.join(used))?.saturating_sub(file_pages) })
    }

    fn cpu(&self, all: &Cgroups) -> Option<Cpu> {
        let folder = self.folder();
        let (quota, used) = if self.is_v2 {
            let max = fs::read_to_string(folder.join("cpu.max")).ok()?;
            let (quota, period) = max.trim().split_once(' ')?;
            let used = keyed(&folder.join("cpu.stat"), "usage_usec")?;
            (quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?, used as f64 / 1e6)
        } else {
            let quota = number(&folder.join("cpu.cfs_quota_us"))?;
            let period = number(&folder.join("cpu.cfs_period_us"))?;
            let account = all.groups("cpuacct").find(|group| group.path == self.path)?;
            (quota as f64 / period as f64, number(&account.folder().join("cpuacct.usage"))? as f64 / 1e9)
        };
        (quota > 0.0 && quota.is_finite()).then_some(Cpu { quota, used })
    }
}

/// A file's number; `None` where it says `max` or -1.
fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The number behind a key, in a file of lines `key number`.
fn keyed(file: &Path, key: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A folder with files, as the kernel would show them.
    pub(in super::super) fn fake(own: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, Cgroups) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files.iter().chain(&[("own", own)]) {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let cgroups = Cgroups { root: folder.path().join("fs"), own: folder.path().join("own") };
        (folder, cgroups)
    }

    #[test]
    fn a_container_of_version_2_has_its_limits() {
        let (_folder, cgroups) = fake(
            "0::/\n",
            &[
                ("fs/cgroup.controllers", "cpu memory\n"),
                ("fs/memory.max", "536870912\n"),
                ("fs/memory.current", "300000000\n"),
                ("fs/memory.stat", "anon 100\ninactive_file 50000000\nactive_file 7\n"),
                ("fs/cpu.max", "150000 100000\n"),
                ("fs/cpu.stat", "usage_usec 2500000\nuser_usec 1\n"),
            ],
        );
        assert_eq!(cgroups.memory(), Some(Memory { limit: 536_870_912, used: 250_000_000 }));
        assert_eq!(cgroups.cpu(), Some(Cpu { quota: 1.5, used: 2.5 }));
    }

    #[test]
    fn the_tightest_limit_of_all_groups_above_holds() {
        let (_folder, cgroups) = fake(
            "0::/pod/container\n",
            &[
                ("fs/cgroup.controllers", "cpu memory\n"),
                ("fs/pod/memory.max", "1000\n"),
                ("fs/pod/memory.current", "900\n"),
                ("fs/pod/container/memory.max", "max\n"),
                ("fs/pod/container/memory.current", "400\n"),
                ("fs/pod/cpu.max", "max 100000\n"),
                ("fs/pod/cpu.stat", "usage_usec 9000000\n"),
                ("fs/pod/container/cpu.max", "50000 100000\n"),
                ("fs/pod/container/cpu.stat", "usage_usec 1000000\n"),
            ],
        );
        assert_eq!(cgroups.memory(), Some(Memory { limit: 1000, used: 900 }));
        assert_eq!(cgroups.cpu(), Some(Cpu { quota: 0.5, used: 1.0 }));
    }

    #[test]
    fn a_container_of_version_1_has_its_limits_though_it_sees_the_hosts_paths() {
        let (_folder, cgroups) = fake(
            "5:memory:/docker/1f3\n4:cpu,cpuacct:/docker/1f3\n1:name=systemd:/\n",
            &[
                ("fs/memory/memory.limit_in_bytes", "268435456\n"),
                ("fs/memory/memory.usage_in_bytes", "100000000\n"),
                ("fs/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 25000000\n"),
                ("fs/cpu,cpuacct/cpu.cfs_quota_us", "200000\n"),
                ("fs/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
                ("fs/cpu,cpuacct/cpuacct.usage", "7000000000\n"),
            ],
        );
        assert_eq!(cgroups.memory(), Some(Memory { limit: 268_435_456, used: 75_000_000 }));
        assert_eq!(cgroups.cpu(), Some(Cpu { quota: 2.0, used: 7.0 }));
    }

    #[test]
    fn without_limits_there_is_nothing_to_say() {
        let (_folder, two) = fake(
            "0::/user.slice\n",
            &[
                ("fs/cgroup.controllers", "cpu memory\n"),
                ("fs/user.slice/memory.max", "max\n"),
                ("fs/user.slice/memory.current", "5\n"),
                ("fs/user.slice/cpu.max", "max 100000\n"),
                ("fs/user.slice/cpu.stat", "usage_usec 5\n"),
            ],
        );
        assert_eq!((two.memory(), two.cpu()), (None, None));
        let (_folder, one) = fake(
            "5:memory:/\n4:cpu:/\n3:cpuacct:/\n",
            &[
                ("fs/memory/memory.limit_in_bytes", "9223372036854771712\n"),
                ("fs/memory/memory.usage_in_bytes", "5\n"),
                ("fs/cpu/cpu.cfs_quota_us", "-1\n"),
                ("fs/cpu/cpu.cfs_period_us", "100000\n"),
                ("fs/cpuacct/cpuacct.usage", "5\n"),
            ],
        );
        assert_eq!((one.memory(), one.cpu()), (None, None));
        let nowhere = Cgroups { root: "/does/not/exist".into(), own: "/does/not/exist".into() };
        assert_eq!((nowhere.memory(), nowhere.cpu()), (None, None));
    }
}
