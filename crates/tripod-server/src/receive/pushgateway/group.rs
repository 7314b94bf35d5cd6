//! What was pushed under one set of grouping labels.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tripod_store::{Labels, Metadata, MetricKind, Samples, SeriesWrite};
use tripod_wire::WireError;
use tripod_wire::prometheus::exposition::{self, Entry, Histograms, Series, Value};

use crate::scrape::kind_of;

/// When a group was pushed last, and when a push of it failed last; nobody may push these.
const TIMES: [&str; 2] = ["push_time_seconds", "push_failure_time_seconds"];
const SUFFIXES: [&str; 5] = ["_bucket", "_sum", "_count", "_total", "_created"];

/// Metrics by their families' names.
pub(super) type Families = BTreeMap<String, Family>;

/// Series that belong together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Family {
    pub(super) metadata: Metadata,
    pub(super) series: BTreeMap<Labels, f64>,
}

/// What was pushed; times are milliseconds since the Unix epoch, 0 when it never was so.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Group {
    pub(super) families: Families,
    pub(super) pushed: i64,
    pub(super) failed: i64,
}

impl Group {
    /// How many series there are.
    pub(super) fn len(&self) -> usize {
        self.families.values().map(|family| family.series.len()).sum()
    }

    /// Its series.
    pub(super) fn labels(&self) -> BTreeSet<Labels> {
        self.families.values().flat_map(|family| family.series.keys().cloned()).collect()
    }

    /// Takes a push over: in place of all that was there, or of the families of the same names.
    pub(super) fn take(&mut self, families: Families, replace: bool) {
        if replace {
            self.families = families;
        } else {
            self.families.extend(families);
        }
    }

    /// All of it as samples of this time.
    pub(super) fn writes(&self, key: &Labels, time: i64) -> Vec<SeriesWrite> {
        let mut writes = self.times(key, time);
        for (name, family) in &self.families {
            let metadata = (Arc::from(name.as_str()), Arc::new(family.metadata.clone()));
            let from = writes.len();
            writes.extend(family.series.iter().map(|(labels, value)| sample(labels.clone(), time, *value)));
            if let Some(first) = writes.get_mut(from) {
                first.metadata = Some(metadata);
            }
        }
        writes
    }

    /// The samples that say when it was pushed.
    pub(super) fn times(&self, key: &Labels, time: i64) -> Vec<SeriesWrite> {
        let of = |(name, millis): (&str, i64)| {
            let labels = Labels::new(key.iter().chain([("__name__", name)]));
            sample(labels, time, millis as f64 / 1000.0)
        };
        TIMES.into_iter().zip([self.pushed, self.failed]).map(of).collect()
    }
}

/// A sample of a series.
pub(super) fn sample(labels: Labels, time: i64, value: f64) -> SeriesWrite {
    let samples = Samples { floats: vec![(time, value)], ..Samples::default() };
    SeriesWrite { labels, samples, exemplars: Vec::new(), metadata: None }
}

/// Why a push is not taken.
struct Fault(String);

impl From<WireError> for Fault {
    fn from(error: WireError) -> Self {
        Self(error.to_string())
    }
}

/// Reads what is pushed under these labels, which win over those of the series.
pub(super) fn parse(key: &Labels, protobuf: bool, bytes: &[u8]) -> Result<Families, String> {
    let (mut families, mut current) = (Families::new(), String::new());
    let take = |entry: Entry<'_>| -> Result<(), Fault> {
        match entry {
            Entry::Kind { family, kind } => {
                current = family.into_owned();
                families.entry(current.clone()).or_default().metadata.kind = kind_of(kind);
            }
            Entry::Help { family, help } => {
                families.entry(family.into_owned()).or_default().metadata.help = help.into_owned();
            }
            Entry::Unit { family, unit } => {
                unit.clone_into(&mut families.entry(family.into_owned()).or_default().metadata.unit);
            }
            Entry::Series(series) => add(&mut families, &current, key, &series).map_err(Fault)?,
        }
        Ok(())
    };
    let read =
        if protobuf { exposition::protobuf(bytes, Histograms::default(), take) } else { exposition::text(bytes, take) };
    read.map_err(|Fault(reason)| reason)?;
    families.retain(|_, family| !family.series.is_empty());
    Ok(families)
}

fn add(families: &mut Families, current: &str, key: &Labels, series: &Series<'_>) -> Result<(), String> {
    let own = series.labels().map_err(|error| error.to_string())?;
    let name = own.first().map_or("", |(_, value)| value.as_ref()).to_owned();
    if series.time.is_some() {
        return Err(format!("pushed metrics must not have timestamps, and {name:?} has one"));
    }
    if TIMES.contains(&name.as_str()) {
        return Err(format!("{name:?} says when a push came, and can't be pushed"));
    }
    let Value::Float(value) = series.value else { return Ok(()) };
    let pairs = key.iter().chain(own.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
    let labels = Labels::new(pairs);
    let belongs = name == current || name.strip_prefix(current).is_some_and(|suffix| SUFFIXES.contains(&suffix));
    let family = if belongs { current } else { &name };
    if families.entry(family.to_owned()).or_default().series.insert(labels, value).is_some() {
        return Err(format!("{name:?} is there twice with the same labels"));
    }
    Ok(())
}

/// Refuses what other groups have in another way.
pub(super) fn check(groups: &BTreeMap<Labels, Group>, key: &Labels, families: &Families) -> Result<(), String> {
    for (_, other) in groups.iter().filter(|(other, _)| *other != key) {
        for (name, family) in families {
            let Some(known) = other.families.get(name) else { continue };
            let (kind, was) = (family.metadata.kind, known.metadata.kind);
            if kind != was && kind != MetricKind::Unknown && was != MetricKind::Unknown {
                let (kind, was) = (kind.as_str(), was.as_str());
                return Err(format!("{name:?} is a {kind} here and a {was} in another group"));
            }
            if let Some(labels) = family.series.keys().find(|labels| known.series.contains_key(*labels)) {
                return Err(format!("{:?} has the same labels in another group", labels.name()));
            }
        }
    }
    Ok(())
}
