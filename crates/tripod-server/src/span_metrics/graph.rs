//! Calls between services: a client's span and the server's below it, paired by the id of the client's span.
//!
//! The two come in requests of their own, mostly within seconds. A half waits [`WAIT`] for the other; of too many that wait the
//! oldest is given up, and so is one whose other half never comes (it is not instrumented, or was not sampled).

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tripod_wire::{SpanId, TraceId};

use super::histogram::Histogram;
use super::seen::{Half, SeenGroup, Side};
use super::series::{Due, Of, SeriesLabels};
use super::{Moment, Written, series};

const WAIT: Duration = Duration::from_secs(10);
const MAX_WAITING: usize = 50_000;

type Call = (TraceId, SpanId);

#[derive(Debug)]
pub(super) struct Graph {
    waiting: HashMap<Call, Waiting, foldhash::fast::RandomState>,
    /// Those that wait, the oldest first; some of them have been paired since.
    order: VecDeque<(Instant, Call)>,
    edges: HashMap<Between, Edge, foldhash::fast::RandomState>,
    overflow: Option<Edge>,
    limit: usize,
    /// Names of services, each once.
    names: HashSet<Arc<str>, foldhash::fast::RandomState>,
    given_up: u64,
}

#[derive(Debug)]
struct Waiting {
    half: Half,
    service: Arc<str>,
    since: Instant,
}

/// Client, server, and whether a broker is in between.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Between {
    pub(super) client: Arc<str>,
    pub(super) server: Arc<str>,
    pub(super) messaging: bool,
}

#[derive(Debug)]
struct Edge {
    labels: Arc<SeriesLabels>,
    failed: u64,
    client: Histogram,
    server: Histogram,
    written: Written,
}

impl Edge {
    fn new(labels: Arc<SeriesLabels>) -> Self {
        let (client, server) = (Histogram::default(), Histogram::default());
        Self { labels, failed: 0, client, server, written: Written::default() }
    }

    fn collect(&mut self, moment: Moment) -> Option<Due> {
        if !self.written.is_due(moment.now, moment.all) {
            return None;
        }
        let zero = self.written.write(moment);
        let (client, server) = (Box::new(self.client), Box::new(self.server));
        Some(Due { labels: Arc::clone(&self.labels), zero, of: Of::Edge { failed: self.failed, client, server } })
    }
}

impl Graph {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            waiting: HashMap::default(),
            order: VecDeque::new(),
            edges: HashMap::default(),
            overflow: None,
            limit,
            names: HashSet::default(),
            given_up: 0,
        }
    }

    /// Takes in the halves of a request; how many calls became whole, and how many of them are of edges beyond the limit.
    pub(super) fn add(&mut self, halves: Vec<Half>, groups: &[SeenGroup]) -> (u64, u64) {
        let now = Instant::now();
        let (mut pairs, mut overflow) = (0, 0);
        let mut services: Vec<Option<Arc<str>>> = vec![None; groups.len()];
        for half in halves {
            let at = half.group as usize;
            let service = Arc::clone(services[at].get_or_insert_with(|| self.name(&groups[at].service)));
            let new = Waiting { half, service, since: now };
            match self.waiting.remove(&half.call) {
                Some(known) if known.half.side != half.side => {
                    pairs += 1;
                    overflow += u64::from(!self.pair(known, new));
                }
                // A second span that says it answers the same call, or a call that was sent again: the first one stays.
                Some(known) => {
                    self.waiting.insert(half.call, known);
                    self.given_up += 1;
                }
                None => {
                    self.waiting.insert(half.call, new);
                    self.order.push_back((now, half.call));
                }
            }
        }
        while self.waiting.len() > MAX_WAITING {
            self.give_up_oldest();
        }
        // Calls that were paired leave their place in the order until it is their turn; there may not be many more of them.
        while self.order.len() > 2 * MAX_WAITING {
            self.give_up_oldest();
        }
        (pairs, overflow)
    }

    fn name(&mut self, service: &str) -> Arc<str> {
        if let Some(name) = self.names.get(service) {
            return Arc::clone(name);
        }
        let name: Arc<str> = service.into();
        self.names.insert(Arc::clone(&name));
        name
    }

    /// Counts a call; false when its edge is one too many.
    fn pair(&mut self, one: Waiting, other: Waiting) -> bool {
        let (client, server) = if one.half.side == Side::Client { (one, other) } else { (other, one) };
        let messaging = client.half.messaging || server.half.messaging;
        let between = Between { client: client.service, server: server.service, messaging };
        let is_known = self.edges.contains_key(&between);
        let fits = is_known || self.edges.len() < self.limit;
        if fits && !is_known {
            self.edges.insert(between.clone(), Edge::new(series::edge_labels(&between)));
        }
        let edge = match self.edges.get_mut(&between) {
            Some(edge) => edge,
            None => self.overflow.get_or_insert_with(|| Edge::new(series::overflow_labels())),
        };
        edge.failed += u64::from(client.half.failed || server.half.failed);
        edge.client.add(client.half.nanos);
        edge.server.add(server.half.nanos);
        edge.written.changed = true;
        fits
    }

    fn give_up_oldest(&mut self) {
        let Some((since, call)) = self.order.pop_front() else { return };
        if let Entry::Occupied(waiting) = self.waiting.entry(call)
            && waiting.get().since == since
        {
            waiting.remove();
            self.given_up += 1;
        }
    }

    /// Gives up what has waited for long; how many halves were given up since the last time.
    pub(super) fn forget(&mut self) -> u64 {
        while self.order.front().is_some_and(|(since, _)| since.elapsed() > WAIT) {
            self.give_up_oldest();
        }
        std::mem::take(&mut self.given_up)
    }

    /// Adds what is to be written, and forgets what has not changed for long.
    pub(super) fn collect(&mut self, moment: Moment, due: &mut Vec<Due>) {
        self.edges.retain(|_, edge| !edge.written.is_forgotten(moment.now));
        self.names.retain(|name| Arc::strong_count(name) > 1);
        due.extend(self.edges.values_mut().chain(&mut self.overflow).filter_map(|edge| edge.collect(moment)));
    }

    /// How many series there are.
    pub(super) fn series(&self) -> usize {
        (self.edges.len() + usize::from(self.overflow.is_some())) * series::OF_EDGE
    }
}
