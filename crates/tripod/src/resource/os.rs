//! The operating system, as `/etc/os-release` describes it.

use super::{Found, Surroundings};

pub(super) fn detect(surroundings: &Surroundings<'_>, found: &mut Found) {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        "dragonfly" => "dragonflybsd",
        other => other,
    };
    found.add("os.type", os);
    let release =
        surroundings.file("/etc/os-release").or_else(|| surroundings.file("/usr/lib/os-release")).unwrap_or_default();
    let field = |name: &str| {
        let value = |line: &str| Some(line.strip_prefix(name)?.strip_prefix('=')?.trim_matches(['"', '\'']).to_owned());
        release.lines().find_map(value)
    };
    found.add_some("os.name", field("NAME"));
    found.add_some("os.version", field("VERSION_ID"));
    found.add_some("os.description", field("PRETTY_NAME"));
    found.add_some("os.build_id", field("BUILD_ID"));
}

#[cfg(test)]
mod tests {
    use super::super::surroundings::fake::found;
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn os_release_names_the_distribution() {
        let release =
            "PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID='13'\nID=debian\n";
        let expected = [
            "os.description=Debian GNU/Linux 13 (trixie)",
            "os.name=Debian GNU/Linux",
            "os.type=linux",
            "os.version=13",
        ];
        assert_eq!(found(detect, &[("/etc/os-release", release)], &[]), expected);
        assert_eq!(found(detect, &[("/usr/lib/os-release", release)], &[]), expected);
        assert_eq!(found(detect, &[], &[]), ["os.type=linux"]);
    }
}
