use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::pipeline::request::tests::{Decoded, any_batch, decoded};

/// The same on what was decoded.
fn keeps(filter: &Filter, record: &Decoded) -> bool {
    let rule = filter.rules.iter().find(|(records, _)| {
        records.signal.is_none_or(|signal| signal == record.signal)
            && records.conditions.iter().all(|condition| holds(condition, record))
    });
    rule.is_none_or(|(_, keep)| *keep)
}

fn holds(condition: &Condition, record: &Decoded) -> bool {
    match condition {
        Condition::Name(pattern) => pattern.matches(&record.name),
        Condition::Scope(pattern) => pattern.matches(&record.scope),
        Condition::Attribute(key, pattern) => record
            .attributes
            .iter()
            .any(|own| own.key == **key && pattern.as_ref().is_none_or(|pattern| pattern.matches(&text(&own.value)))),
        Condition::Body(pattern) => record.signal == Signal::Logs && pattern.matches(&text(&record.message)),
        Condition::Below(level) => record.signal == Signal::Logs && (1..*level as i32).contains(&record.severity),
        Condition::Failed => record.failed,
        Condition::ShorterThan(nanos) => record.signal == Signal::Traces && record.nanos < *nanos,
    }
}

fn text(value: &tripod_wire::otlp::AnyValue) -> String {
    use tripod_wire::otlp::AnyValue;
    match value {
        AnyValue::Array(_) | AnyValue::KvList(_) => String::new(),
        AnyValue::Empty => format!("{}", Value::Empty),
        other => other.to_string(),
    }
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let pattern = || "[ab*?1]{0,2}".prop_map(|pattern| Pattern::new(&pattern));
    let level = prop::sample::select(vec![Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Fatal]);
    let condition = prop_oneof![
        pattern().prop_map(Condition::Name),
        pattern().prop_map(Condition::Scope),
        ("[kl]", option::of(pattern())).prop_map(|(key, pattern)| Condition::Attribute(key.into(), pattern)),
        pattern().prop_map(Condition::Body),
        level.prop_map(Condition::Below),
        Just(Condition::Failed),
        (0..60_u64).prop_map(Condition::ShorterThan),
    ];
    let signal = prop::sample::select(vec![None, Some(Signal::Traces), Some(Signal::Metrics), Some(Signal::Logs)]);
    let records = (signal, vec(condition, 0..3)).prop_map(|(signal, conditions)| Records { signal, conditions });
    vec((records, any::<bool>()), 0..4).prop_map(|rules| Filter { rules })
}

proptest! {
    #[test]
    fn a_filter_keeps_what_it_would_keep_of_the_decoded_records(batch in any_batch(), filter in any_filter()) {
        let expected: Vec<_> = decoded(&batch).into_iter().filter(|record| keeps(&filter, record)).collect();
        let Some(kept) = filter.apply(&batch) else {
            prop_assert_eq!(decoded(&batch), expected);
            return Ok(());
        };
        prop_assert!(filter.is_about(batch.signal));
        prop_assert_eq!((kept.signal, kept.records), (batch.signal, expected.len() as u64));
        prop_assert_eq!(decoded(&kept), expected);
        prop_assert!(filter.apply(&kept).is_none(), "a second time changes nothing");
    }
}

#[test]
fn the_first_rule_that_fits_decides() {
    let filter = Filter::new().keep(Records::spans().name("a")).drop(Records::all());
    assert!(filter.is_about(Signal::Logs) && filter.is_about(Signal::Traces));
    let around = |signal| Around { signal, scope: "", metric: "a", attribute: 9 };
    assert!(filter.keeps(&View { around: &around(Signal::Traces), body: b"\x2a\x01a" }));
    assert!(!filter.keeps(&View { around: &around(Signal::Traces), body: b"\x2a\x01b" }));
    assert!(!filter.keeps(&View { around: &around(Signal::Metrics), body: b"" }));
}

#[test]
fn a_filter_is_asked_only_about_the_signals_that_it_can_leave_out() {
    let about = |filter: &Filter| [Signal::Traces, Signal::Metrics, Signal::Logs].map(|signal| filter.is_about(signal));
    assert_eq!(about(&Filter::new().keep(Records::all())), [false; 3]);
    assert_eq!(about(&Filter::new().drop(Records::all().below(Level::Warn))), [false, false, true]);
    assert_eq!(about(&Filter::new().drop(Records::all().name("*")).drop(Records::spans().failed())), [true; 3]);
    assert_eq!(about(&Filter::new().drop(Records::metrics().failed())), [false; 3]);
}
