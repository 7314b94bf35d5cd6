//! The machine: its name, its id (that of its installation), its processor.

use super::{Found, Surroundings};

pub(super) fn detect(surroundings: &Surroundings<'_>, found: &mut Found) {
    let name = surroundings.file("/proc/sys/kernel/hostname").or_else(|| surroundings.variable("HOSTNAME"));
    found.add_some("host.name", name);
    let id = surroundings.file("/etc/machine-id").or_else(|| surroundings.file("/var/lib/dbus/machine-id"));
    found.add_some("host.id", id);
    found.add("host.arch", arch(std::env::consts::ARCH));
}

/// Rust's names of processors as the semantic conventions have them.
fn arch(name: &str) -> &str {
    match name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::surroundings::fake::found;
    use super::*;

    #[test]
    fn a_host_has_the_kernels_name_and_its_installations_id() {
        let files = [("/proc/sys/kernel/hostname", "web-1\n"), ("/etc/machine-id", "0123456789abcdef\n")];
        let arch = format!("host.arch={}", arch(std::env::consts::ARCH));
        assert_eq!(
            found(detect, &files, &[("HOSTNAME", "other")]),
            [&arch, "host.id=0123456789abcdef", "host.name=web-1"]
        );
        assert_eq!(found(detect, &[], &[("HOSTNAME", "other")]), [&arch, "host.name=other"]);
    }
}
