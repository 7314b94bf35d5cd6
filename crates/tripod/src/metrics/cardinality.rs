//! Who fills the memory: how many label sets each instrument has, and which label makes them so many.
//!
//! Recording counts no more than what overflows; the rest is counted here, when somebody asks, or by the collector when there is an
//! overflow to be said.

use crate::sync::Mutex;
use std::time::{Duration, Instant};

use super::core::lock;
use super::say::say;
use super::{MAX_SERIES, registry};

/// The line on stderr comes at most this often.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// The label sets of one instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cardinality {
    /// The instrument's name, as its code has it.
    pub instrument: String,
    /// Label sets kept apart.
    pub series: usize,
    /// How many there may be.
    pub limit: usize,
    /// Measurements counted in the overflow series, `otel.metric.overflow=true`, as the limit was reached.
    pub overflowed: u64,
    /// Measurements with a label that the instrument does not declare, which was left out.
    pub undeclared: u64,
    /// How many values each label has, most first: the first is to blame for an overflow.
    pub labels: Vec<(String, usize)>,
}

/// The label sets of all instruments, those that overflow first, then those with the most.
///
/// ```
/// let logins = tripod::counter("logins_total").max_series(100).build();
/// for user in 0..150 {
///     logins.inc(tripod::labels!(user, method = "password"));
/// }
/// let worst = &tripod::metrics::cardinality()[0];
/// assert_eq!((worst.instrument.as_str(), worst.series, worst.overflowed), ("logins_total", 100, 50));
/// assert_eq!(worst.labels[0], ("user".to_owned(), 100));
/// ```
pub fn cardinality() -> Vec<Cardinality> {
    let mut all: Vec<Cardinality> = registry::all().iter().map(|instrument| instrument.cardinality()).collect();
    let rank = |of: &Cardinality| (of.overflowed > 0, of.series);
    all.sort_by(|a, b| rank(b).cmp(&rank(a)).then_with(|| a.instrument.cmp(&b.instrument)));
    all
}

/// Says which instrument overflows by which label, if one did since this was last said. Called when metrics are collected.
pub(crate) fn say_overflows() {
    static LAST: Mutex<Option<(Instant, u64)>> = Mutex::new(None);
    let total: u64 = registry::all().iter().map(|instrument| instrument.overflowed()).sum();
    let mut last = lock(&LAST);
    let said = last.map_or(0, |(_, total)| total);
    if total == said || last.is_some_and(|(at, _)| at.elapsed() < SAY_EVERY) {
        return;
    }
    *last = Some((Instant::now(), total));
    drop(last);
    let overflowing: Vec<_> = cardinality().into_iter().filter(|instrument| instrument.overflowed > 0).collect();
    say(format_args!("{}", line(&overflowing)));
}

fn line(overflowing: &[Cardinality]) -> String {
    let Some(worst) = overflowing.first() else { return String::new() };
    let Cardinality { instrument, limit, overflowed, .. } = worst;
    let blame = worst.labels.first().map_or_else(String::new, |(key, values)| {
        format!("; the label {key} has {values} values: leave it out by a view, View::instrument({instrument:?}).drop_labels([{key:?}])")
    });
    let others = overflowing.len() - 1;
    let others = if others > 0 { format!("; {others} more metrics overflow too") } else { String::new() };
    let default = if *limit == MAX_SERIES { " (the default)" } else { "" };
    format!(
        "the metric {instrument} has more than its {limit}{default} label sets: {overflowed} measurements are counted \
         together as otel.metric.overflow{blame}{others}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overflowing(instrument: &str) -> Cardinality {
        let labels = vec![("user".to_owned(), 9), ("method".to_owned(), 2)];
        Cardinality { instrument: instrument.to_owned(), series: 10, limit: 10, overflowed: 5, undeclared: 0, labels }
    }

    #[test]
    fn the_line_names_the_metric_the_label_and_what_to_do() {
        let line = line(&[overflowing("logins_total"), overflowing("b")]);
        for part in
            ["logins_total", "its 10 label sets", "the label user has 9 values", "drop_labels([\"user\"])", "1 more"]
        {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
}
