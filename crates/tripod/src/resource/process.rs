//! The process: its number, its program, whose it is. Not its arguments, which may hold secrets.

use super::{Found, Surroundings};

pub(super) fn detect(surroundings: &Surroundings<'_>, found: &mut Found) {
    found.add("process.pid", i64::from(std::process::id()));
    if let Ok(path) = std::env::current_exe() {
        found.add_some("process.executable.name", path.file_name().and_then(|name| name.to_str()));
        found.add_some("process.executable.path", path.to_str());
    }
    found.add_some("process.owner", owner(surroundings));
    found.add("process.runtime.name", "rust");
    found.add_some("process.runtime.version", env!("TRIPOD_RUSTC").split(' ').nth(1));
    found.add("process.runtime.description", env!("TRIPOD_RUSTC"));
}

/// The user's name; where it has none, its number.
fn owner(surroundings: &Surroundings<'_>) -> Option<String> {
    let status = surroundings.file("/proc/self/status")?;
    // Real, effective, saved, file system's: the effective one decides what the process may do.
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().nth(1)?;
    let users = surroundings.file("/etc/passwd").unwrap_or_default();
    let name_of = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1) == Some(uid)).then(|| name.to_owned())
    };
    users.lines().find_map(name_of).or_else(|| Some(uid.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::surroundings::fake::found;
    use super::*;

    #[test]
    fn a_process_tells_its_number_program_owner_and_compiler() {
        let files = [
            ("/proc/self/status", "Name:\tshop\nUid:\t0\t1001\t1001\t1001\n"),
            ("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\napp:x:1001:1001::/home/app:/bin/sh\n"),
        ];
        let all = found(detect, &files, &[]);
        assert!(all.contains(&format!("process.pid={}", std::process::id())), "{all:?}");
        assert!(all.contains(&"process.owner=app".to_owned()), "{all:?}");
        assert!(all.iter().any(|attribute| attribute.starts_with("process.runtime.description=rustc 1.")), "{all:?}");
        assert!(all.iter().any(|attribute| attribute.starts_with("process.runtime.version=1.")), "{all:?}");
        let nameless = found(detect, &files[..1], &[]);
        assert!(nameless.contains(&"process.owner=1001".to_owned()), "{nameless:?}");
    }
}
