//! The lock of a spool's folder: the system's lock of a file, so that it ends with the process.
//!
//! Such a lock belongs to the open file, which a forked child inherits: a child that lives longer than its parent would keep the folder of
//! the dead from everyone. So the child puts `/dev/null` in that file's place, with system calls that are allowed there.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

const LOCK: &str = "lock";

/// A folder that is ours for as long as this lives.
#[derive(Debug)]
pub(super) struct Lock {
    /// There until it is dropped.
    file: Option<File>,
}

impl Lock {
    /// `None` when another process has it.
    pub(super) fn take(folder: &Path) -> io::Result<Option<Self>> {
        if !folder.is_dir() {
            return Ok(None);
        }
        held::change(|held| {
            let file = File::options().create(true).truncate(false).write(true).open(folder.join(LOCK))?;
            match file.try_lock() {
                Ok(()) => {
                    held.add(&file);
                    Ok(Some(Self { file: Some(file) }))
                }
                Err(TryLockError::WouldBlock) => Ok(None),
                Err(TryLockError::Error(error)) => Err(error),
            }
        })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            held::change(|held| {
                held.remove(&file);
                drop(file);
            });
        }
    }
}

#[cfg(all(unix, not(miri), not(loom)))]
pub(crate) use held::after_fork;

/// What a forked child has to let go of.
#[cfg(unix)]
mod held {
    use std::fs::File;
    use std::os::fd::{AsRawFd, RawFd};

    use crate::sync::Mutex;

    /// Locked files that are open. No fork happens between opening or closing one and saying so here.
    static HELD: Mutex<Held> = Mutex::new(Held(Vec::new()));

    pub(super) struct Held(Vec<RawFd>);

    impl Held {
        pub(super) fn add(&mut self, file: &File) {
            self.0.push(file.as_raw_fd());
        }

        pub(super) fn remove(&mut self, file: &File) {
            self.0.retain(|held| *held != file.as_raw_fd());
        }
    }

    pub(super) fn change<R>(work: impl FnOnce(&mut Held) -> R) -> R {
        work(&mut HELD.lock())
    }

    /// Called in the child. Replaced rather than closed: whoever has inherited a [`super::Lock`] may still drop it.
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
    use std::fs::File;

    pub(super) struct Held;

    impl Held {
        pub(super) fn add(&mut self, _: &File) {}

        pub(super) fn remove(&mut self, _: &File) {}
    }

    pub(super) fn change<R>(work: impl FnOnce(&mut Held) -> R) -> R {
        work(&mut Held)
    }
}
