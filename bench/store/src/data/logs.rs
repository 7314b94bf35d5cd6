//! Log records of eight services: a hundred lines with numbers and ids in them, three attributes, a third within a trace; sent by each
//! service's instance in requests of 512.

use std::collections::VecDeque;

use fastrand::Rng;
use tripod_wire::proto::{WireType, put_bytes, put_fixed32, put_fixed64, put_len_delimited, put_tag, put_varint};

use super::otlp::{REPLICAS, SERVICES, int, resource, text};
use super::random::{self, decimal, hex, mix};
pub use super::templates::{ABSENT, FREQUENT, RARE, SHUFFLED};
use super::templates::{LEVELS, RARE_LINE};
use super::{Origin, Source};

/// Records a request.
pub const BATCH: u64 = 512;
/// Nanoseconds between two records: 10 million in six hours.
const STEP: u64 = 2_160_000;
/// One record in so many has the rare line.
const RARITY: u64 = 1_000_000;

/// What a line is made of.
enum Piece {
    Text(&'static str),
    Value(&'static str),
}

struct Level {
    number: u64,
    name: &'static str,
    share: u32,
    lines: Vec<Vec<Piece>>,
}

/// A request per instance of a service, filled until it is full.
pub struct Logs {
    origin: Origin,
    next: u64,
    count: u64,
    batch: u64,
    levels: Vec<Level>,
    rare: Vec<Piece>,
    resources: Vec<Vec<u8>>,
    open: Vec<(u64, Vec<u8>)>,
    /// The trace during which an instance writes, if any.
    within: Vec<Option<(u128, u64)>>,
    ready: VecDeque<(Vec<u8>, u64)>,
    value: Vec<u8>,
}

impl Logs {
    pub fn new(origin: Origin, count: u64) -> Self {
        Self::batched(origin, count, BATCH)
    }

    /// Requests of another size.
    pub fn batched(origin: Origin, count: u64, batch: u64) -> Self {
        let instances = SERVICES.len() * REPLICAS;
        let level = |(number, name, share, lines): (u64, &'static str, u32, &[&'static str])| Level {
            number,
            name,
            share,
            lines: lines.iter().map(|line| pieces(line)).collect(),
        };
        Self {
            origin,
            next: 0,
            count,
            batch,
            levels: LEVELS.into_iter().map(level).collect(),
            rare: pieces(RARE_LINE),
            resources: (0..instances).map(|at| resource(at / REPLICAS, at % REPLICAS)).collect(),
            open: vec![(0, Vec::new()); instances],
            within: vec![None; instances],
            ready: VecDeque::new(),
            value: Vec::new(),
        }
    }

    fn make_record(&mut self) {
        let number = self.next;
        self.next += 1;
        let mut rng = random::of(self.origin.seed ^ 0x106, number);
        // The first services write more than the last ones.
        let (one, other) = (rng.usize(0..self.open.len()), rng.usize(0..self.open.len()));
        let instance = one.min(other);
        if rng.u8(0..3) == 0 {
            self.within[instance] = (rng.u8(0..3) == 0).then(|| (u128::from(rng.u64(..)) << 64 | 1, rng.u64(..)));
        }
        let within = self.within[instance];
        let time = self.origin.start + number * STEP + rng.u64(0..8 * STEP);
        let (levels, rare, value) = (&self.levels, &self.rare, &mut self.value);
        let mut draw = rng.u32(0..1000);
        let level = levels
            .iter()
            .find(|level| {
                let hit = draw < level.share;
                draw = draw.saturating_sub(level.share);
                hit
            })
            .unwrap_or(&levels[0]);
        // The smaller of two: the first lines of a level are the frequent ones.
        let lines = level.lines.len();
        let line = std::cmp::min_by_key(rng.usize(0..lines), rng.usize(0..lines), |line| *line);
        let is_rare = number % RARITY == RARITY / 2;
        let (open, out) = &mut self.open[instance];
        put_len_delimited(out, 2, |out| {
            put_fixed64(out, 1, time);
            put_tag(out, 2, WireType::Varint);
            put_varint(out, level.number);
            put_bytes(out, 3, level.name.as_bytes());
            put_len_delimited(out, 5, |out| {
                value.clear();
                put_body(value, if is_rare { rare } else { &level.lines[line] }, &mut rng);
                put_bytes(out, 1, value);
            });
            text(out, 6, "code.function.name", MODULES[line % MODULES.len()].as_bytes());
            int(out, 6, "thread.id", rng.u64(1..17));
            value.clear();
            value.extend_from_slice(b"user-");
            decimal(value, rng.u64(0..100_000));
            text(out, 6, "user.id", value);
            if let Some((trace, span)) = within {
                put_fixed32(out, 8, 1);
                put_bytes(out, 9, &(trace ^ u128::from(mix(trace as u64 ^ span))).to_be_bytes());
                put_bytes(out, 10, &(span | 1).to_be_bytes());
            }
            put_fixed64(out, 11, time + rng.u64(1_000..900_000));
        });
        *open += 1;
        if *open == self.batch {
            self.close(instance);
        }
    }

    fn close(&mut self, instance: usize) {
        let (count, records) = std::mem::take(&mut self.open[instance]);
        let mut out = Vec::with_capacity(records.len() + 1024);
        put_len_delimited(&mut out, 1, |out| {
            out.extend_from_slice(&self.resources[instance]);
            put_len_delimited(out, 2, |out| {
                put_len_delimited(out, 1, |out| put_bytes(out, 1, b"tracing"));
                out.extend_from_slice(&records);
            });
        });
        self.ready.push_back((out, count));
    }
}

impl Source for Logs {
    fn next(&mut self, out: &mut Vec<u8>) -> Option<u64> {
        while self.ready.is_empty() {
            if self.next < self.count {
                self.make_record();
            } else {
                let instance = self.open.iter().position(|(records, _)| *records > 0)?;
                self.close(instance);
            }
        }
        let (request, records) = self.ready.pop_front()?;
        *out = request;
        Some(records)
    }
}

const MODULES: [&str; 12] = [
    "trading::orders::place",
    "trading::http::access_log",
    "trading::matching::run",
    "trading::quotes::update",
    "trading::kafka::publish",
    "trading::kafka::consume",
    "trading::sessions::refresh",
    "trading::risk::check",
    "trading::settlement::book",
    "trading::accounts::balance",
    "trading::notify::deliver",
    "trading::main",
];

const SYMBOLS: [&str; 20] = [
    "AAPL", "MSFT", "NVDA", "AMZN", "GOOG", "META", "TSLA", "AVGO", "JPM", "LLY", "V", "UNH", "XOM", "MA", "COST",
    "HD", "PG", "SAP", "ASML", "NESN",
];

const PATHS: [&[u8]; 4] = [b"/api/v1/orders/", b"/api/v1/quotes/", b"/api/v2/accounts/", b"/var/lib/trading/"];

fn pieces(line: &'static str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, after) = behind.split_once('}').expect("a placeholder ends");
        pieces.extend([Piece::Text(before), Piece::Value(name)]);
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    pieces
}

fn put_body(out: &mut Vec<u8>, pieces: &[Piece], rng: &mut Rng) {
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
            Piece::Value(name) => put_value(out, name, rng),
        }
    }
}

fn put_value(out: &mut Vec<u8>, name: &str, rng: &mut Rng) {
    match name {
        "n" => {
            let limit = 1 << rng.u32(8..22);
            decimal(out, rng.u64(1..limit));
        }
        "s" => decimal(out, rng.u64(1..100)),
        "ms" => {
            let micros = random::log_normal(rng, 4_000.0, 1.0) as u64;
            decimal(out, micros / 1000);
            out.push(b'.');
            decimal(out, micros / 100 % 10);
        }
        "hex" => hex(out, rng.u64(..)),
        "user" => {
            out.extend_from_slice(b"user-");
            decimal(out, rng.u64(0..100_000));
        }
        "sym" => {
            let (one, other) = (rng.usize(0..SYMBOLS.len()), rng.usize(0..SYMBOLS.len()));
            out.extend_from_slice(SYMBOLS[one.min(other)].as_bytes());
        }
        "ip" => {
            out.extend_from_slice(b"10.20.");
            decimal(out, rng.u64(0..8));
            out.push(b'.');
            decimal(out, rng.u64(1..255));
        }
        "path" => {
            out.extend_from_slice(PATHS[rng.usize(0..PATHS.len())]);
            decimal(out, rng.u64(0..20_000));
        }
        "ord" => decimal(out, 7_000_000 + rng.u64(0..3_000_000)),
        "price" => {
            decimal(out, rng.u64(10..500));
            out.push(b'.');
            out.push(b'0' + rng.u8(0..10));
            out.push(b'0' + rng.u8(0..10));
        }
        other => unreachable!("no placeholder is called {other}"),
    }
}
