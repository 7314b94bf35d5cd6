//! Forks of a test's process.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::PATIENCE;

/// Forks; the child does its work and ends without further ado.
pub fn fork(work: impl FnOnce()) -> i32 {
    // SAFETY: what the child does with locks, sockets, threads and memory is what is tested here.
    match unsafe { libc::fork() } {
        -1 => panic!("no fork: {}", std::io::Error::last_os_error()),
        0 => {
            let done = catch_unwind(AssertUnwindSafe(work));
            // SAFETY: nothing of the test's harness is to run in the child.
            unsafe { libc::_exit(i32::from(done.is_err())) }
        }
        child => child,
    }
}

/// Waits for a child that has done its work.
pub fn join(child: i32) {
    let start = Instant::now();
    let mut status = 0;
    // SAFETY: `status` is an `int` that lives until the call returns.
    while unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == 0 {
        if start.elapsed() > PATIENCE {
            // SAFETY: the child is ours.
            unsafe { libc::kill(child, libc::SIGKILL) };
            panic!("the child hangs");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(status, 0, "the child has done its work");
}
