//! What Tripod itself has to say, on stderr: never a panic, never a wait.
//!
//! `eprintln!` panics when stderr is closed, and both it and `io::stderr` wait: for whoever else holds stderr, and for a reader that
//! does not read. A message that can't be written at once is left out.

use std::fmt;

/// Writes a line, if stderr takes it now.
pub(crate) fn say(message: fmt::Arguments<'_>) {
    let mut line = format!("tripod: {message}");
    let mut end = line.len().min(MAX_BYTES - 1);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.truncate(end);
    line.push('\n');
    write(line.as_bytes());
}

/// What a pipe that has room takes in one piece.
#[cfg(unix)]
const MAX_BYTES: usize = libc::PIPE_BUF;
#[cfg(not(unix))]
const MAX_BYTES: usize = 4096;

#[cfg(all(unix, not(miri)))]
fn write(line: &[u8]) {
    let mut stderr = libc::pollfd { fd: libc::STDERR_FILENO, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one `pollfd`, which lives until the call returns; no time to wait.
    let ready = unsafe { libc::poll(&raw mut stderr, 1, 0) };
    if ready == 1 && stderr.revents == libc::POLLOUT {
        // SAFETY: the buffer is the line's. What is not written is left out.
        let _ = unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
    }
}

#[cfg(not(all(unix, not(miri))))]
fn write(line: &[u8]) {
    use std::io::Write;
    let _ = std::io::stderr().write_all(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_any_length_and_letters_is_cut_where_a_letter_ends() {
        for prefix in 0..4 {
            say(format_args!("{:x>prefix$}{}", "", "ä€🦀".repeat(200)));
        }
    }
}
