//! Descriptors that a forked child lets go of: what belongs to the open file, a lock or a socket, would outlive the parent in it.
//!
//! The child puts `/dev/null` in their place, with system calls that are allowed there.

#[cfg(unix)]
mod held {
    use std::os::fd::{AsRawFd, RawFd};

    use crate::sync::Mutex;

    /// Descriptors that are open. No fork happens between opening or closing one and saying so here.
    static HELD: Mutex<Held> = Mutex::new(Held(Vec::new()));

    pub(crate) struct Held(Vec<RawFd>);

    impl Held {
        pub(crate) fn add(&mut self, file: &impl AsRawFd) {
            self.0.push(file.as_raw_fd());
        }

        pub(crate) fn remove(&mut self, file: &impl AsRawFd) {
            self.0.retain(|held| *held != file.as_raw_fd());
        }
    }

    pub(crate) fn change<R>(work: impl FnOnce(&mut Held) -> R) -> R {
        work(&mut HELD.lock())
    }

    /// Called in the child. Replaced rather than closed: whoever has inherited the owner may still drop it.
    #[cfg(all(not(miri), not(loom)))]
    pub(crate) fn after_fork() {
        let Some(mut held) = HELD.try_lock() else { return };
        if held.0.is_empty() {
            return;
        }
        // SAFETY: system calls on descriptors of ours; the path ends with a zero.
        unsafe {
            let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
            for fd in held.0.drain(..).filter(|_| null >= 0) {
                if libc::dup2(null, fd) == fd {
                    libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
                }
            }
            libc::close(null);
        }
    }
}

/// Where there is no fork, nothing has to be let go of.
#[cfg(not(unix))]
mod held {
    pub(crate) struct Held;

    impl Held {
        pub(crate) fn add<T>(&mut self, _: &T) {}

        pub(crate) fn remove<T>(&mut self, _: &T) {}
    }

    pub(crate) fn change<R>(work: impl FnOnce(&mut Held) -> R) -> R {
        work(&mut Held)
    }
}

#[cfg(all(unix, not(miri), not(loom)))]
pub(crate) use held::after_fork;
pub(crate) use held::change;
