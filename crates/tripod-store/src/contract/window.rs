//! A span of time, closed at both ends.

/// From `start` to `end`, both inclusive, in nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first nanosecond.
    pub start: u64,
    /// The last nanosecond.
    pub end: u64,
}

impl Window {
    /// All of time.
    pub const ALL: Self = Self { start: 0, end: u64::MAX };

    /// Whether `time` lies within.
    pub fn contains(self, time: u64) -> bool {
        (self.start..=self.end).contains(&time)
    }
}
