//! A hundred lines that programs of a trading platform write. Placeholders: `{n}` a number, `{s}` a small one, `{ms}` milliseconds with
//! a fraction, `{hex}` a random id, `{user}`, `{sym}` an instrument, `{ip}`, `{path}`, `{ord}` an order's number, `{price}`.
//!
//! By level: the more frequent ones of a level stand first.

/// OTLP's severity numbers and names, how often of a thousand, and the lines.
pub(super) const LEVELS: [(u64, &str, u32, &[&str]); 4] =
    [(5, "DEBUG", 150, DEBUG), (9, "INFO", 700, INFO), (13, "WARN", 110, WARN), (17, "ERROR", 40, ERROR)];

/// A phrase of the most frequent line, of some 5 % of all.
pub const FREQUENT: &str = "order accepted";
/// A phrase of a line that comes about once in a million.
pub const RARE: &str = "margin call liquidation halted";
/// A phrase that no line has, though it has each of its words.
pub const SHUFFLED: &str = "accepted order";
/// A phrase that no line has any word of.
pub const ABSENT: &str = "flux capacitor";

/// The line of [`RARE`].
pub(super) const RARE_LINE: &str = "margin call liquidation halted for {user} after {s} attempts, exposure {price}";

const INFO: &[&str] = &[
    "order accepted id={ord} symbol={sym} quantity={s} price={price}",
    "request completed method=GET path={path} status=200 duration={ms}ms",
    "trade executed order={ord} symbol={sym} price={price} quantity={s}",
    "GET {path} 200 {ms}ms {n} bytes",
    "published message to topic trades partition={s} offset={n}",
    "quote updated {sym} bid={price} ask={price}",
    "consumed {s} messages from topic orders in {ms}ms, lag {s}",
    "session of {user} refreshed from {ip}",
    "cache hit for key quote:{sym}",
    "balance of {user} is now {price}",
    "POST {path} 201 {ms}ms {n} bytes",
    "risk check passed for order {ord} in {ms}ms",
    "settlement {n} booked for {user}, amount {price}",
    "position of {user} in {sym} changed by {s}",
    "notification {hex} delivered by email to {user}",
    "order cancelled id={ord} by {user}",
    "user logged in: {user} from {ip}",
    "order book of {sym} has {s} bids and {s} asks",
    "committed offsets of group settlement: {n}",
    "websocket of {user} opened, {s} subscriptions",
    "websocket of {user} closed after {n} messages",
    "report {path} written, {n} rows",
    "statement for account {n} generated in {ms}ms",
    "price feed {sym} caught up, {n} ticks replayed",
    "idempotent replay of request {hex} ignored",
    "limits of {user} reloaded, version {s}",
    "snapshot of book {sym} stored at {path}",
    "batch {hex} settled: {s} trades, total {price}",
    "connection from {ip} accepted",
    "connection from {ip} closed",
    "housekeeping removed {n} expired sessions",
    "heartbeat of matching engine, sequence {n}",
    "account {n} opened for {user}",
    "password changed for {user}",
    "two-factor challenge {hex} passed by {user}",
    "document {path} uploaded by {user}",
    "exchange rate EUR/USD is {price}",
    "leader elected: node-{s}, term {n}",
    "configuration reloaded from {path}",
    "service started in {ms}ms, listening on 0.0.0.0:8080",
];

const DEBUG: &[&str] = &[
    "executing query SELECT * FROM positions WHERE account_id = {n}",
    "acquired connection from pool in {ms}ms, {s} idle",
    "redis GET quote:{sym} took {ms}ms",
    "decoded {n} bytes from {ip}",
    "serialized response of {n} bytes in {ms}ms",
    "matching {sym}: {s} candidates",
    "retry token bucket has {s} tokens",
    "evaluating rule {s} for order {ord}",
    "cache miss for key account:{n}",
    "span {hex} exported",
    "received tick {sym} {price}",
    "backpressure: queue depth {s}",
    "rebalance callback assigned partitions {s}",
    "parsed headers of request {hex}",
    "token of {user} expires in {n}s",
    "wrote {n} bytes to {path}",
    "timer wheel advanced to {n}",
    "compaction of level {s} skipped",
    "connection {n} idle for {ms}ms",
    "checksum of {path} is {hex}",
    "prepared statement {hex} reused",
    "entering state Pending for order {ord}",
    "leaving state Pending for order {ord}",
    "lock on account {n} acquired in {ms}ms",
    "flushing {s} metrics",
];

const WARN: &[&str] = &[
    "slow query took {ms}ms: UPDATE book SET quantity = {s} WHERE symbol = '{sym}'",
    "retrying request {hex} to risk, attempt {s}",
    "rate limit of {user} exceeded from {ip}",
    "consumer lag of group notifications is {n}",
    "connection pool is exhausted, waited {ms}ms",
    "quote of {sym} is stale by {ms}ms",
    "deprecated endpoint {path} called by {ip}",
    "order {ord} rejected: insufficient funds of {user}",
    "clock skew of node-{s} is {ms}ms",
    "response of market-data took {ms}ms, budget is 250ms",
    "login of {user} failed from {ip}: wrong password",
    "disk usage of {path} is at {s} percent",
    "message {hex} delivered twice, dropped",
    "invalid field price in request {hex}: {price}",
    "circuit breaker half open for risk, {s} probes",
    "garbage tick for {sym}: {price}",
    "certificate expires in {s} days",
    "partial fill of order {ord}: {s} left",
    "fallback quote used for {sym}",
    "thread pool has {s} waiting tasks",
];

const ERROR: &[&str] = &[
    "request {hex} failed: connection reset by peer (os error 104)",
    "could not place order {ord}: limit exceeded for {user}",
    "database error: canceling statement due to lock timeout after {ms}ms",
    "failed to publish message {hex} to topic trades: MessageTimedOut",
    "settlement {n} failed: counterparty unreachable",
    "panic in worker {s}: index out of bounds at {path}:{s}",
    "redis timed out after {ms}ms for key quote:{sym}",
    "circuit breaker opened for risk after {s} failures",
    "email to {user} bounced: mailbox full",
    "cannot write {path}: no space left on device",
    "invalid signature of request {hex} from {ip}",
    "deadlock detected on accounts {n} and {n}",
    "upstream market-data answered 503 in {ms}ms",
    "poison message at offset {n} skipped",
    "price of {sym} is out of range: {price}",
];
