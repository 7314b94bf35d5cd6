//! A place in the code that writes log records: where it is, and how many it may write a second.
//!
//! The macros make one static a call. While neither a limit nor the location is asked for, it costs two looks at flags.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::time::SystemTime;

use super::{Level, Origin, write};
use crate::{Value, engine};

/// Records that each place may write a second; 0: as many as it likes.
static LIMIT: AtomicU32 = AtomicU32::new(0);
/// Whether records say where they were written.
static LOCATION: AtomicBool = AtomicBool::new(false);

/// No scope was looked up yet.
const UNKNOWN: u16 = u16::MAX;

/// Makes these the settings of all places.
pub(crate) fn configure(limit: u32, location: bool) {
    LIMIT.store(limit, Ordering::Relaxed);
    LOCATION.store(location, Ordering::Relaxed);
}

/// One place.
#[derive(Debug)]
pub struct CallSite {
    target: &'static str,
    event: &'static str,
    module: &'static str,
    file: &'static str,
    line: u32,
    /// The target's number.
    scope: AtomicU16,
    /// The current second in the upper half, the records written in it in the lower.
    window: AtomicU64,
    suppressed: AtomicU64,
}

impl CallSite {
    /// A place with an empty target writes under no scope, one with an empty event's name no event.
    pub const fn new(
        target: &'static str,
        event: &'static str,
        module: &'static str,
        file: &'static str,
        line: u32,
    ) -> Self {
        let scope = AtomicU16::new(if target.is_empty() { 0 } else { UNKNOWN });
        let (window, suppressed) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { target, event, module, file, line, scope, window, suppressed }
    }

    /// Whether it may write one more record now; if not, that is counted.
    #[inline]
    pub fn admits(&self) -> bool {
        match LIMIT.load(Ordering::Relaxed) {
            0 => true,
            limit => self.admits_within(limit, seconds()),
        }
    }

    #[cold]
    fn admits_within(&self, limit: u32, now: u32) -> bool {
        let count = |window: u64| {
            let written = if (window >> 32) as u32 == now { window as u32 } else { 0 };
            (written < limit).then(|| u64::from(now) << 32 | u64::from(written + 1))
        };
        // Relaxed: the numbers guard no other memory.
        let admitted = self.window.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count).is_ok();
        if !admitted {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// Writes a record.
    pub fn write(&self, level: Level, message: fmt::Arguments<'_>, attributes: &[(&str, Value<'_>)]) {
        let mut extra = [("", Value::Empty); 4];
        let mut count = 0;
        let mut add = |key, value| {
            extra[count] = (key, value);
            count += 1;
        };
        if LOCATION.load(Ordering::Relaxed) {
            add("code.file.path", Value::Str(self.file));
            add("code.line.number", Value::Int(i64::from(self.line)));
            add("code.namespace", Value::Str(self.module));
        }
        if self.suppressed.load(Ordering::Relaxed) != 0 {
            let suppressed = self.suppressed.swap(0, Ordering::Relaxed);
            add("log.suppressed", Value::Int(i64::try_from(suppressed).unwrap_or(i64::MAX)));
        }
        let origin = Origin { scope: self.scope(), event_name: self.event, extra: &extra[..count] };
        write(origin, level, message, attributes);
    }

    fn scope(&self) -> u16 {
        match self.scope.load(Ordering::Relaxed) {
            UNKNOWN => {
                let scope = engine::scope_id(self.target);
                self.scope.store(scope, Ordering::Relaxed);
                scope
            }
            known => known,
        }
    }
}

fn seconds() -> u32 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_records_a_second_are_admitted_and_the_others_counted() {
        let site = CallSite::new("", "", "", "", 0);
        let admitted = |second: u32| (0..5).filter(|_| site.admits_within(3, second)).count();
        assert_eq!((admitted(100), admitted(100), admitted(101), admitted(0)), (3, 0, 3, 3));
        assert_eq!(site.suppressed.load(Ordering::Relaxed), 2 + 5 + 2 + 2);
    }
}
