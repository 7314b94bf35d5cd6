//! Programs and packages of others, which scripts in this folder set up: each prints where it put what it was asked for, and ends with
//! status 3 where that can't be had.

use std::process::Command;

/// What a script prints; `None`, said, where what it sets up can't be had. In CI that is a failure.
///
/// # Panics
/// When the script fails.
pub fn run(script: &str, arguments: &[&str]) -> Option<String> {
    start(script, arguments, std::env::var_os("CI").is_some())
}

/// The same for what may be missing in CI as well: what is built of packages that come and go.
///
/// # Panics
/// When the script fails.
pub fn run_if_possible(script: &str) -> Option<String> {
    start(script, &[], false)
}

fn start(script: &str, arguments: &[&str], needed: bool) -> Option<String> {
    let ran = Command::new("bash").arg(crate::root().join(script)).args(arguments).output().expect("bash runs");
    let said = String::from_utf8_lossy(&ran.stderr);
    if ran.status.code() == Some(3) && !needed {
        println!("not tested: {said}");
        return None;
    }
    assert!(ran.status.success(), "{script}: {said}");
    Some(String::from_utf8(ran.stdout).expect("a path").trim().to_owned())
}
