//! What is kept of a signal, on the command line: `spans=7d`, `logs=30d,10GiB`, `samples=50GiB`.

use tripod_store::{Keep, Retention};

use crate::{bytes, duration};

/// What is kept of one signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeepSignal {
    signal: Signal,
    keep: Keep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    Spans,
    Logs,
    Samples,
}

/// Reads a signal, and an age or a size or both: what ends with `B` is a size.
pub(crate) fn parse(text: &str) -> Result<KeepSignal, String> {
    let (signal, limits) =
        text.split_once('=').ok_or("expected a signal and what is kept of it, like spans=7d,10GiB")?;
    let signal = match signal {
        "spans" => Signal::Spans,
        "logs" => Signal::Logs,
        "samples" => Signal::Samples,
        _ => return Err(format!("{signal:?} is not one of spans, logs, samples")),
    };
    let mut keep = Keep::default();
    for limit in limits.split(',') {
        let again = if limit.ends_with(['B', 'b']) {
            keep.bytes.replace(bytes::parse(limit)?).is_some()
        } else {
            let age = duration::parse(limit)
                .map_err(|_| format!("{limit:?} is neither an age like 7d nor a size like 10GiB"))?;
            keep.age.replace(age).is_some()
        };
        if again {
            return Err(format!("{limits:?} has two limits of a kind: give an age, a size, or one of each"));
        }
    }
    Ok(KeepSignal { signal, keep })
}

/// All of them together; of two for the same signal, the later one counts.
pub(crate) fn retention(all: &[KeepSignal]) -> Retention {
    let mut retention = Retention::default();
    for KeepSignal { signal, keep } in all {
        *match signal {
            Signal::Spans => &mut retention.spans,
            Signal::Logs => &mut retention.logs,
            Signal::Samples => &mut retention.samples,
        } = *keep;
    }
    retention
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn an_age_a_size_or_both_are_kept_of_a_signal() {
        let all = ["spans=7d", "logs=10GiB,36h", "samples=1GB", "spans=1d"].map(|text| parse(text).unwrap());
        let expected = Retention {
            spans: Keep { age: Some(DAY), bytes: None },
            logs: Keep { age: Some(DAY * 3 / 2), bytes: Some(10 << 30) },
            samples: Keep { age: None, bytes: Some(1_000_000_000) },
        };
        assert_eq!(retention(&all), expected);
    }

    #[test]
    fn what_is_neither_says_what_is_allowed() {
        let faults = [
            ("7d", "spans=7d,10GiB"),
            ("metrics=7d", "spans, logs, samples"),
            ("spans=", "neither an age"),
            ("spans=7", "neither an age"),
            ("spans=10G", "neither an age"),
            ("spans=xGiB", "not a size"),
            ("spans=7d,8d", "two limits"),
        ];
        for (text, fault) in faults {
            let said = parse(text).unwrap_err();
            assert!(said.contains(fault), "{text}: {said}");
        }
    }
}
