//! Directives: which spans and events are recorded, as `RUST_LOG` says it: `info,my_crate=debug,hyper=off`.

use tracing_core::metadata::LevelFilter;
use tracing_core::{Level, Metadata};

/// Directives, the most specific first.
#[derive(Clone, Debug)]
pub(super) struct Directives(Vec<Directive>);

#[derive(Clone, Debug)]
struct Directive {
    /// What a target begins with; empty for all.
    target: Box<str>,
    level: LevelFilter,
}

pub(super) const ALLOWED: &str =
    "must be levels (off, error, warn, info, debug, trace), alone or after target=, separated by commas";

impl Default for Directives {
    fn default() -> Self {
        Self(vec![Directive { target: "".into(), level: LevelFilter::TRACE }])
    }
}

impl Directives {
    /// Reads directives; `None` when one can't be understood. A target alone has all levels, a level alone is for every target.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let directives = text.split(',').map(str::trim).filter(|directive| !directive.is_empty());
        let mut all = directives.map(Directive::parse).collect::<Option<Vec<_>>>()?;
        // Stable: of two for one target the last counts, as it is looked at first.
        all.reverse();
        all.sort_by_key(|directive| std::cmp::Reverse(directive.target.len()));
        Some(Self(all))
    }

    /// The least grave level of a target; off when no directive is about it.
    fn level(&self, target: &str) -> LevelFilter {
        let directive = self.0.iter().find(|directive| target.starts_with(&*directive.target));
        directive.map_or(LevelFilter::OFF, |directive| directive.level)
    }

    pub(super) fn allow(&self, metadata: &Metadata<'_>) -> bool {
        self.level(metadata.target()) >= *metadata.level()
    }

    /// The least grave level that any target has.
    pub(super) fn max_level(&self) -> LevelFilter {
        self.0.iter().map(|directive| directive.level).max().unwrap_or(LevelFilter::OFF)
    }
}

impl Directive {
    fn parse(text: &str) -> Option<Self> {
        let (target, level) = match text.split_once('=') {
            Some((target, level)) => (target.trim(), level_of(level.trim())?),
            None => level_of(text).map_or((text, LevelFilter::TRACE), |level| ("", level)),
        };
        let is_target = |c: char| c.is_alphanumeric() || "_:-./".contains(c);
        target.chars().all(is_target).then(|| Self { target: target.into(), level })
    }
}

fn level_of(name: &str) -> Option<LevelFilter> {
    let named = [
        ("off", LevelFilter::OFF),
        ("error", Level::ERROR.into()),
        ("warn", Level::WARN.into()),
        ("info", Level::INFO.into()),
        ("debug", Level::DEBUG.into()),
        ("trace", Level::TRACE.into()),
    ];
    named.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, level)| level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_directive_counts() {
        let directives = Directives::parse("info, my_crate=debug,my_crate::db=off,quiet=error ,loud").unwrap();
        let levels = [
            ("other", LevelFilter::INFO),
            ("my_crate::api", LevelFilter::DEBUG),
            ("my_crate::db::pool", LevelFilter::OFF),
            ("quiet", LevelFilter::ERROR),
            ("loud", LevelFilter::TRACE),
        ];
        for (target, level) in levels {
            assert_eq!(directives.level(target), level, "{target}");
        }
        assert_eq!(directives.max_level(), LevelFilter::TRACE);
        assert_eq!(Directives::parse("a=info").unwrap().level("b"), LevelFilter::OFF);
        assert_eq!(Directives::parse("warn,debug").unwrap().level("x"), LevelFilter::DEBUG);
    }

    #[test]
    fn what_can_not_be_understood_is_none() {
        for wrong in ["a=loud", "a=b=c", "[span]=info", "a[b{c=1}]=info"] {
            assert!(Directives::parse(wrong).is_none(), "{wrong}");
        }
    }
}
