//! When an append is answered, on the command line: `sync`, `interval:200ms`, `none`.

use tripod_store::Durability;

use crate::duration;

/// Reads it.
pub(crate) fn parse(text: &str) -> Result<Durability, String> {
    match (text, text.strip_prefix("interval:")) {
        ("sync", _) => Ok(Durability::Sync),
        ("none", _) => Ok(Durability::None),
        (_, Some(interval)) => duration::parse(interval).map(Durability::Interval),
        _ => Err("expected sync, interval:TIME (like interval:200ms) or none".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_answer_comes_when_data_is_on_disk_or_before() {
        assert_eq!(parse("sync"), Ok(Durability::Sync));
        assert_eq!(parse("none"), Ok(Durability::None));
        assert_eq!(parse("interval:200ms"), Ok(Durability::Interval(Duration::from_millis(200))));
        for wrong in ["", "always", "interval", "interval:", "interval:0s", "200ms"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
