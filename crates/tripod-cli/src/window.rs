//! Which time a search is about: so long back from now, or from a time until another.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use tripod_server::parse_time;

use crate::duration;
use crate::outcome::Failure;
use crate::render::units;

/// What `--since` is where nobody says it.
const DEFAULT: Duration = Duration::from_secs(3600);

/// From when until when.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Time")]
pub(crate) struct WindowArgs {
    /// How far back from now, or from --end
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration::parse, conflicts_with = "start")]
    since: Duration,
    /// From when on: 2026-11-21T05:00:00Z, or a number since the Unix epoch
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    start: Option<u64>,
    /// Until when [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    end: Option<u64>,
}

/// A time from and a time to, nanoseconds since the Unix epoch; both belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// Now, nanoseconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

impl WindowArgs {
    /// The window as it is now.
    pub(crate) fn window(&self) -> Result<Window, Failure> {
        let end = self.end.unwrap_or_else(now);
        let since = u64::try_from(self.since.as_nanos()).unwrap_or(u64::MAX);
        let start = self.start.unwrap_or_else(|| end.saturating_sub(since));
        if end < start {
            return Err(Failure::Usage("--end must not be before --start".to_owned()));
        }
        Ok(Window { start, end })
    }

    /// Whether nothing was said but how far back.
    pub(crate) fn is_default(&self) -> bool {
        self.start.is_none() && self.end.is_none() && self.since == DEFAULT
    }

    /// Whether it ends at some time.
    pub(crate) fn has_end(&self) -> bool {
        self.end.is_some()
    }

    /// The window in words, behind "there is nothing".
    pub(crate) fn described(&self) -> String {
        match (self.start, self.end) {
            (None, None) => {
                let since = u64::try_from(self.since.as_nanos()).unwrap_or(u64::MAX);
                format!("in the last {}; --since looks further back", units::duration(since))
            }
            _ => "in that time".to_owned(),
        }
    }
}
