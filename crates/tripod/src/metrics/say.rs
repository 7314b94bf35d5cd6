//! What metrics have to say on stderr: once for each matter, and never with a panic.

use std::collections::HashSet;
use std::fmt;

pub(crate) use crate::say::say;
use crate::sync::Mutex;

/// Matters that are remembered; what comes on top is not said, so that a flood of names is neither kept nor printed.
const MAX_MATTERS: usize = 1000;

/// Says an error the first time.
pub(crate) fn say_once(what: &dyn fmt::Display) {
    static SAID: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let line = what.to_string();
    let mut said = SAID.lock();
    let said = said.get_or_insert_default();
    if said.len() < MAX_MATTERS && said.insert(line.clone()) {
        say(format_args!("{line}"));
    }
}
