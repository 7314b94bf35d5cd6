//! What metrics have to say on stderr: once for each matter, and never with a panic.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};

/// Matters that are remembered; what comes on top is not said, so that a flood of names is neither kept nor printed.
const MAX_MATTERS: usize = 1000;

/// Says a line.
pub(crate) fn say(what: fmt::Arguments<'_>) {
    // Not `eprintln!`, which panics when stderr is closed; at once, so that lines stay whole.
    let _ = io::stderr().write_all(format!("tripod: {what}\n").as_bytes());
}

/// Says an error the first time.
pub(crate) fn say_once(what: &dyn fmt::Display) {
    static SAID: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let line = what.to_string();
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    let said = said.get_or_insert_default();
    if said.len() < MAX_MATTERS && said.insert(line.clone()) {
        say(format_args!("{line}"));
    }
}
