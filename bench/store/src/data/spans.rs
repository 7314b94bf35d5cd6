//! Traces of 5 to 15 spans over eight services, sent by each service's instance in requests of 512 spans, as its exporter would.
//!
//! A trace's spans leave in the order in which they end, and reach the store in several requests. A span has eight attributes: four
//! that the semantic conventions ask for, with few values, the user (one of 100,000), a request id of its own, a size, and the
//! order id, which the trace shares. Two in a hundred fail, with an exception's event.

use std::collections::VecDeque;

use tripod_wire::TraceId;
use tripod_wire::proto::{WireType, put_bytes, put_fixed32, put_fixed64, put_len_delimited, put_tag, put_varint};

use super::otlp::{REPLICAS, SERVICES, int, resource, text};
use super::random::{self, decimal, hex, mix};
use super::shapes::{SCOPES, SHAPES, Shape, Work};
use super::{Origin, Source};

/// Spans a request.
pub const BATCH: u64 = 512;
/// Users there are.
pub const USERS: u64 = 100_000;
/// Nanoseconds between the starts of two traces: about 10 million spans in six hours.
const STEP: u64 = 19_000_000;

/// A request per instance of a service, filled until it is full.
pub struct Spans {
    origin: Origin,
    trace: u64,
    /// Spans that are still to be made.
    left: u64,
    batch: u64,
    open: Vec<Batch>,
    ready: VecDeque<(Vec<u8>, u64)>,
    names: Vec<Vec<String>>,
    resources: Vec<Vec<u8>>,
}

#[derive(Default)]
struct Batch {
    spans: u64,
    /// Encoded spans by scope.
    scopes: [Vec<u8>; SCOPES.len()],
}

/// When a step of a trace takes place, and how it ends.
#[derive(Clone, Copy)]
struct Timing {
    start: u64,
    /// Its own and that of the calls that it waits for.
    duration: u64,
}

impl Spans {
    pub fn new(origin: Origin, count: u64) -> Self {
        Self::batched(origin, count, BATCH)
    }

    /// Requests of another size.
    pub fn batched(origin: Origin, count: u64, batch: u64) -> Self {
        let instances = SERVICES.len() * REPLICAS;
        Self {
            origin,
            trace: 0,
            left: count,
            batch,
            open: (0..instances).map(|_| Batch::default()).collect(),
            ready: VecDeque::new(),
            names: SHAPES.iter().map(|shape| shape.steps.iter().map(|step| step.work.name()).collect()).collect(),
            resources: (0..instances).map(|at| resource(at / REPLICAS, at % REPLICAS)).collect(),
        }
    }

    /// Makes the spans of the next trace, as many as are still wanted.
    fn make_trace(&mut self) {
        let trace = Trace::new(self.origin, self.trace);
        self.trace += 1;
        let mut order: Vec<usize> = (0..trace.steps.len()).collect();
        order.sort_by_key(|at| trace.timings[*at].start + trace.timings[*at].duration);
        for at in order {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            let step = &trace.shape.steps[trace.steps[at]];
            let instance = step.service * REPLICAS + trace.replica;
            let batch = &mut self.open[instance];
            let name = &self.names[trace.kind][trace.steps[at]];
            put_len_delimited(&mut batch.scopes[step.work.scope()], 2, |out| trace.put_span(out, at, name));
            batch.spans += 1;
            if batch.spans == self.batch {
                self.close(instance);
            }
        }
    }

    fn close(&mut self, instance: usize) {
        let batch = std::mem::take(&mut self.open[instance]);
        let mut out = Vec::with_capacity(1024 + batch.scopes.iter().map(Vec::len).sum::<usize>());
        put_len_delimited(&mut out, 1, |out| {
            out.extend_from_slice(&self.resources[instance]);
            for ((name, version), spans) in SCOPES.iter().zip(&batch.scopes).filter(|(_, spans)| !spans.is_empty()) {
                put_len_delimited(out, 2, |out| {
                    put_len_delimited(out, 1, |out| {
                        put_bytes(out, 1, name.as_bytes());
                        put_bytes(out, 2, version.as_bytes());
                    });
                    out.extend_from_slice(spans);
                });
            }
        });
        self.ready.push_back((out, batch.spans));
    }
}

impl Source for Spans {
    fn next(&mut self, out: &mut Vec<u8>) -> Option<u64> {
        while self.ready.is_empty() {
            if self.left > 0 {
                self.make_trace();
            } else {
                let instance = self.open.iter().position(|batch| batch.spans > 0)?;
                self.close(instance);
            }
        }
        let (request, spans) = self.ready.pop_front()?;
        *out = request;
        Some(spans)
    }
}

/// A trace, drawn from its number alone.
pub struct Trace {
    number: u64,
    seed: u64,
    kind: usize,
    shape: &'static Shape,
    /// Each span's step of the shape.
    steps: Vec<usize>,
    timings: Vec<Timing>,
    replica: usize,
    user: u64,
}

impl Trace {
    pub fn new(origin: Origin, number: u64) -> Self {
        let mut rng = random::of(origin.seed, number);
        let mut draw = rng.u32(0..100);
        let kind = SHAPES
            .iter()
            .position(|shape| {
                let hit = draw < shape.weight;
                draw = draw.saturating_sub(shape.weight);
                hit
            })
            .unwrap_or(0);
        let shape = &SHAPES[kind];
        let mut steps: Vec<usize> = (0..shape.steps.len()).collect();
        let last = steps.len() - 1;
        steps.extend((1..rng.u32(1..=shape.repeat)).map(|_| last));
        let start = origin.start + number * STEP + rng.u64(0..4 * STEP);
        let timings = timings(shape, &steps, start, &mut rng);
        let (replica, user) = (rng.usize(0..REPLICAS), rng.u64(0..USERS));
        Self { number, seed: origin.seed, kind, shape, steps, timings, replica, user }
    }

    pub fn id(&self) -> TraceId {
        trace_id(self.seed, self.number)
    }

    /// How many spans it has.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// A request of whole traces, as a collector sends it that has waited for them.
    pub fn request(traces: impl IntoIterator<Item = Self>) -> Vec<u8> {
        let instances = SERVICES.len() * REPLICAS;
        let mut spans: Vec<Vec<u8>> = vec![Vec::new(); instances];
        for trace in traces {
            for at in 0..trace.len() {
                let step = &trace.shape.steps[trace.steps[at]];
                let out = &mut spans[step.service * REPLICAS + trace.replica];
                put_len_delimited(out, 2, |out| trace.put_span(out, at, &step.work.name()));
            }
        }
        let mut out = Vec::new();
        for (instance, spans) in spans.iter().enumerate().filter(|(_, spans)| !spans.is_empty()) {
            put_len_delimited(&mut out, 1, |out| {
                out.extend_from_slice(&resource(instance / REPLICAS, instance % REPLICAS));
                put_len_delimited(out, 2, |out| out.extend_from_slice(spans));
            });
        }
        out
    }

    /// The service and the request id of its root.
    pub fn root(&self) -> (&'static str, String) {
        let mut id = Vec::new();
        hex(&mut id, self.draw(0, 2));
        (SERVICES[self.shape.steps[0].service], String::from_utf8_lossy(&id).into_owned())
    }

    /// Its user, as the attribute says.
    pub fn user(&self) -> String {
        user(self.user)
    }

    /// The `what`th number that belongs to a span.
    fn draw(&self, at: usize, what: u64) -> u64 {
        mix(self.seed ^ mix(self.number * 64 + at as u64) ^ what.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn span_id(&self, at: usize) -> [u8; 8] {
        (self.draw(at, 1) | 1).to_be_bytes()
    }

    fn put_span(&self, out: &mut Vec<u8>, at: usize, name: &str) {
        let (step, timing) = (&self.shape.steps[self.steps[at]], self.timings[at]);
        let failed = self.draw(at, 3).is_multiple_of(50);
        put_bytes(out, 1, &self.id().0);
        put_bytes(out, 2, &self.span_id(at));
        if at > 0 {
            put_bytes(out, 4, &self.span_id(step.parent));
        }
        put_bytes(out, 5, name.as_bytes());
        put_tag(out, 6, WireType::Varint);
        put_varint(out, step.work.kind());
        put_fixed64(out, 7, timing.start);
        put_fixed64(out, 8, timing.start + timing.duration);
        self.put_attributes(out, at, failed);
        if failed {
            put_len_delimited(out, 11, |out| put_exception(out, timing.start + timing.duration * 9 / 10, step.work));
            put_len_delimited(out, 15, |out| {
                put_bytes(out, 2, error_message(step.work).as_bytes());
                put_tag(out, 3, WireType::Varint);
                put_varint(out, 2);
            });
        }
        put_fixed32(out, 16, 0x101);
    }

    fn put_attributes(&self, out: &mut Vec<u8>, at: usize, failed: bool) {
        let chance = self.draw(at, 4);
        // Sizes are small numbers mostly.
        let size = (chance >> 32) % [200, 1_000, 4_000, 60_000][(chance % 4) as usize] + 40;
        let status = match chance >> 8 & 0x1fff {
            _ if failed => 500,
            0 | 1 => 429,
            2..40 => 404,
            _ => 200,
        };
        match self.shape.steps[self.steps[at]].work {
            Work::Server(method, route) => {
                text(out, 9, "http.request.method", method.as_bytes());
                text(out, 9, "http.route", route.as_bytes());
                int(out, 9, "http.response.status_code", status);
                text(out, 9, "url.scheme", b"https");
                int(out, 9, "http.response.body.size", size);
            }
            Work::Client(method, host) => {
                text(out, 9, "http.request.method", method.as_bytes());
                text(out, 9, "server.address", host.as_bytes());
                int(out, 9, "server.port", 8080);
                int(out, 9, "http.response.status_code", status);
                int(out, 9, "http.response.body.size", size);
            }
            Work::Postgres(operation, table) => {
                text(out, 9, "db.system.name", b"postgresql");
                text(out, 9, "db.namespace", b"trading");
                text(out, 9, "db.operation.name", operation.as_bytes());
                text(out, 9, "db.collection.name", table.as_bytes());
                int(out, 9, "db.response.returned_rows", size / 64);
            }
            Work::Redis(operation) => {
                text(out, 9, "db.system.name", b"redis");
                text(out, 9, "db.operation.name", operation.as_bytes());
                text(out, 9, "server.address", b"redis-0.cache.internal");
                int(out, 9, "server.port", 6379);
                int(out, 9, "redis.value.size", size);
            }
            Work::Publish(topic) | Work::Consume(topic) => {
                text(out, 9, "messaging.system", b"kafka");
                text(out, 9, "messaging.destination.name", topic.as_bytes());
                let operation: &[u8] =
                    if self.shape.steps[self.steps[at]].work.kind() == 4 { b"send" } else { b"process" };
                text(out, 9, "messaging.operation.type", operation);
                int(out, 9, "messaging.destination.partition.id", self.number % 12);
                int(out, 9, "messaging.message.body.size", size);
            }
        }
        let mut value = Vec::with_capacity(16);
        value.extend_from_slice(b"user-");
        decimal(&mut value, self.user);
        text(out, 9, "user.id", &value);
        value.clear();
        hex(&mut value, self.draw(at, 2));
        text(out, 9, "request.id", &value);
        value.clear();
        value.extend_from_slice(b"ord-");
        decimal(&mut value, 7_000_000_000 + mix(self.number) % 1_000_000_000);
        text(out, 9, "order.id", &value);
    }
}

/// The id of a trace.
pub fn trace_id(seed: u64, number: u64) -> TraceId {
    let high = u128::from(mix(seed ^ mix(number)));
    TraceId((high << 64 | u128::from(mix(high as u64 ^ number) | 1)).to_be_bytes())
}

/// A user's id, as the attribute says.
pub fn user(number: u64) -> String {
    format!("user-{number}")
}

/// When every step starts and how long it takes: a call starts within its caller and is waited for, a message is not.
fn timings(shape: &Shape, steps: &[usize], start: u64, rng: &mut fastrand::Rng) -> Vec<Timing> {
    let work = |at: usize| shape.steps[steps[at]].work;
    let parent = |at: usize| shape.steps[steps[at]].parent;
    let mut timings: Vec<Timing> = (0..steps.len())
        .map(|at| Timing { start, duration: random::log_normal(rng, work(at).median(), 0.8) as u64 })
        .collect();
    let waited_for = |at: usize| !matches!(work(at), Work::Consume(_));
    for at in (1..steps.len()).rev().filter(|at| waited_for(*at)) {
        timings[parent(at)].duration += timings[at].duration;
    }
    let mut next: Vec<u64> = vec![0; steps.len()];
    next[0] = start + timings[0].duration / 16;
    for at in 1..steps.len() {
        let above = parent(at);
        if waited_for(at) {
            timings[at].start = next[above];
            next[above] += timings[at].duration;
        } else {
            timings[at].start = timings[above].start + timings[above].duration + rng.u64(100_000..3_000_000);
        }
        next[at] = timings[at].start + rng.u64(10_000..60_000);
    }
    timings
}

fn error_message(work: Work) -> &'static str {
    match work {
        Work::Server(..) => "the order can't be placed: a limit is exceeded",
        Work::Client(..) => "error sending request: connection reset by peer (os error 104)",
        Work::Postgres(..) => "canceling statement due to lock timeout",
        Work::Redis(_) => "timed out after 250 ms waiting for a connection",
        Work::Publish(_) | Work::Consume(_) => "message production error: MessageTimedOut (Local: Message timed out)",
    }
}

fn put_exception(out: &mut Vec<u8>, time: u64, work: Work) {
    put_fixed64(out, 1, time);
    put_bytes(out, 2, b"exception");
    let kind = ["trading::LimitExceeded", "reqwest::Error", "sqlx::Error", "redis::RedisError", "KafkaError"];
    text(out, 3, "exception.type", kind[work.scope()].as_bytes());
    text(out, 3, "exception.message", error_message(work).as_bytes());
    let mut trace = Vec::new();
    for frame in 0..8 {
        trace.extend_from_slice(b"   at trading::");
        trace.extend_from_slice(work.name().replace(' ', "::").as_bytes());
        trace.extend_from_slice(b"::{{closure}} (src/handlers.rs:");
        decimal(&mut trace, 40 + frame * 17);
        trace.extend_from_slice(b")\n");
    }
    text(out, 3, "exception.stacktrace", &trace);
}
