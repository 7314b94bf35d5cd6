//! A PostgreSQL of a test's own: a cluster in a folder that goes away with it, on a port of loopback, as fast as one may be that need not
//! survive.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use super::{Running, free_address, wait_for};
use crate::setup;

/// Debian's and most others' user without rights: the server refuses to run as root.
const NOBODY: u32 = 65_534;

/// A PostgreSQL.
#[derive(Debug)]
pub struct Postgres {
    /// Its address, as sqlx takes it: `postgres://tripod@127.0.0.1:40123/postgres`.
    pub url: String,
    /// Its port.
    pub port: u16,
    process: Running,
    _data: tempfile::TempDir,
}

impl Postgres {
    /// Starts one and waits until it is ready; none, said, where it can't be had. `more` are further arguments: `-c`, `max_connections=5`.
    pub fn start(more: &[&str]) -> Option<Self> {
        let programs = setup::run("tests/postgres/setup.sh", &[])?;
        let programs = Path::new(&programs);
        let data = tempfile::tempdir().expect("a folder");
        if is_root() {
            chown(data.path(), Some(NOBODY), Some(NOBODY)).expect("root gives away what is its");
        }
        let cluster = data.path().join("cluster");
        let made = as_nobody(Command::new(programs.join("initdb")).arg("-D").arg(&cluster).args([
            "--auth=trust",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
            "--username=tripod",
        ]))
        .current_dir(data.path())
        .output()
        .expect("initdb starts");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));

        let port = free_address().port();
        let mut server = Command::new(programs.join("postgres"));
        server.arg("-D").arg(&cluster).args(["-h", "127.0.0.1", "-k", "", "-F"]).args(["-p", &port.to_string()]);
        let process = Running::start(as_nobody(&mut server).args(more).current_dir(data.path()));
        wait_for("PostgreSQL is ready", || {
            let said = std::fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
            said.lines().nth(7).filter(|state| state.trim() == "ready").map(|_| ())
        });
        Some(Self { url: format!("postgres://tripod@127.0.0.1:{port}/postgres"), port, process, _data: data })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // One that is killed leaves its shared memory behind.
        self.process.end(libc::SIGQUIT);
    }
}

fn is_root() -> bool {
    // SAFETY: asks only who runs.
    unsafe { libc::geteuid() == 0 }
}

fn as_nobody(command: &mut Command) -> &mut Command {
    if is_root() { command.uid(NOBODY).gid(NOBODY) } else { command }
}
