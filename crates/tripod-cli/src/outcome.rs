//! How commands that look at data end: what they print, and with which code.

use std::io::{self, ErrorKind};
use std::process::ExitCode;

use crate::client::ClientError;
use crate::render::text::plain;

/// There was nothing to show.
pub(crate) const NOTHING: u8 = 1;
/// The command was called wrongly.
pub(crate) const USAGE: u8 = 2;
/// The server can't be reached, or can't answer.
pub(crate) const NO_ANSWER: u8 = 3;

/// What a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// What was asked for.
    Something,
    /// Nothing, which is an answer.
    Nothing,
}

impl Found {
    /// Something if there is any.
    pub(crate) fn any(count: usize) -> Self {
        if count == 0 { Self::Nothing } else { Self::Something }
    }
}

/// Why a command ends early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The server.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What was asked for makes no sense; the text says why, line by line.
    #[error("{0}")]
    Usage(String),
    /// What the server said can't be read.
    #[error("the server's answer can't be read: {0}")]
    Answer(String),
    /// What is read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// The code of a command, after it has said why.
pub(crate) fn end(result: Result<Found, Failure>) -> ExitCode {
    let failure = match result {
        Ok(Found::Something) => return ExitCode::SUCCESS,
        Ok(Found::Nothing) => return ExitCode::from(NOTHING),
        // Who reads what we write has read enough.
        Err(Failure::Io(error)) if error.kind() == ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
        Err(failure) => failure,
    };
    // Lines are ours; what stands in them may be a server's.
    for (at, line) in failure.to_string().lines().enumerate() {
        let first = if at == 0 { "tripod: error: " } else { "" };
        eprintln!("{first}{}", plain(line));
    }
    match failure {
        Failure::Client(ClientError::Settings(_) | ClientError::Refused { .. }) | Failure::Usage(_) => USAGE.into(),
        Failure::Io(_) => USAGE.into(),
        Failure::Client(_) | Failure::Answer(_) => NO_ANSWER.into(),
    }
}
