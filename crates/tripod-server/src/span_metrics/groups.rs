//! All spans by service, operation, kind and status.

use std::collections::HashMap;
use std::sync::Arc;

use tripod_store::{Exemplar, Labels};

use super::histogram::{BUCKETS, Example, Examples, Histogram};
use super::seen::SeenGroup;
use super::series::{Due, Of, SeriesLabels};
use super::{Moment, Written, series};

/// A bucket gets an exemplar at most so often, in milliseconds: they are kept as long as samples, and take more room.
const EXEMPLAR_INTERVAL: i64 = 30_000;

/// What identifies a group: the service's length, service, name, kind and status.
type Key = Box<[u8]>;

/// Groups, at most so many and one for all others.
#[derive(Debug)]
pub(super) struct Groups {
    named: HashMap<Key, Group, foldhash::fast::RandomState>,
    overflow: Option<Group>,
    limit: usize,
    /// Where keys are written.
    key: Vec<u8>,
}

#[derive(Debug)]
struct Group {
    labels: Arc<SeriesLabels>,
    durations: Histogram,
    examples: Examples,
    /// When each bucket got its last exemplar.
    shown: [i64; BUCKETS],
    written: Written,
}

impl Group {
    fn new(labels: Arc<SeriesLabels>) -> Self {
        Self {
            labels,
            durations: Histogram::default(),
            examples: Examples::default(),
            shown: [i64::MIN; BUCKETS],
            written: Written::default(),
        }
    }

    fn add(&mut self, seen: &SeenGroup) {
        self.durations.add_all(&seen.durations);
        for (kept, new) in self.examples.iter_mut().zip(&seen.examples) {
            *kept = new.or(*kept);
        }
        self.written.changed = true;
    }

    fn collect(&mut self, moment: Moment) -> Option<Due> {
        if !self.written.is_due(moment.now, moment.all) {
            return None;
        }
        let mut exemplars = Vec::new();
        for (at, example) in self.examples.iter_mut().enumerate() {
            if moment.now.saturating_sub(self.shown[at]) >= EXEMPLAR_INTERVAL
                && let Some(example) = example.take()
            {
                self.shown[at] = moment.now;
                exemplars.push((at, exemplar(&example)));
            }
        }
        let zero = self.written.write(moment);
        Some(Due { labels: Arc::clone(&self.labels), zero, of: Of::Group(Box::new(self.durations), exemplars) })
    }
}

fn exemplar(of: &Example) -> Exemplar {
    let labels = Labels::new::<&str, &str>([]);
    Exemplar { time: of.time, value: of.nanos as f64 / 1e6, trace_id: of.trace, span_id: of.span, labels }
}

impl Groups {
    pub(super) fn new(limit: usize) -> Self {
        Self { named: HashMap::default(), overflow: None, limit, key: Vec::new() }
    }

    /// Counts spans of a group; false when there are too many groups, and they count as others.
    pub(super) fn add(&mut self, seen: &SeenGroup) -> bool {
        self.key.clear();
        self.key.extend_from_slice(&(seen.service.len() as u32).to_le_bytes());
        self.key.extend_from_slice(seen.service.as_bytes());
        self.key.extend_from_slice(seen.name.as_bytes());
        self.key.extend_from_slice(&[seen.kind, seen.status]);
        if let Some(group) = self.named.get_mut(&self.key[..]) {
            group.add(seen);
            return true;
        }
        if self.named.len() >= self.limit {
            self.overflow.get_or_insert_with(|| Group::new(series::overflow_labels())).add(seen);
            return false;
        }
        let mut group = Group::new(series::group_labels(seen));
        group.add(seen);
        self.named.insert(self.key.as_slice().into(), group);
        true
    }

    /// Adds what is to be written, and forgets what has not changed for long.
    pub(super) fn collect(&mut self, moment: Moment, due: &mut Vec<Due>) {
        self.named.retain(|_, group| !group.written.is_forgotten(moment.now));
        due.extend(self.named.values_mut().chain(&mut self.overflow).filter_map(|group| group.collect(moment)));
    }

    /// How many series there are.
    pub(super) fn series(&self) -> usize {
        (self.named.len() + usize::from(self.overflow.is_some())) * series::OF_GROUP
    }
}
