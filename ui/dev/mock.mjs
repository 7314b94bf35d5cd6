// A stand-in for `tripod up` while one works on the pages: answers the HTTP contract with made-up data of four services, the same
// for the same minute. `node dev/mock.mjs [--port 4319] [--empty SECONDS] [--slow MS]`; serves ../dist too, so it can be looked at.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const port = option("port", 4319);
const emptyFor = option("empty", 0) * 1000;
const slow = option("slow", 0);
const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const started = Date.now();

// ---- randomness that repeats -------------------------------------------------------------------------------------------------

function random(seed) {
  let state = createHash("sha1").update(String(seed)).digest().readUInt32LE(0);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
const hex = (seed, length) => createHash("sha256").update(String(seed)).digest("hex").slice(0, length);
const pick = (rng, list) => list[Math.floor(rng() * list.length)];
const lognormal = (rng, median, spread) => median * Math.exp(spread * Math.sqrt(-2 * Math.log(rng() + 1e-9)) * Math.cos(6.283 * rng()));

// ---- traces: one every three seconds -----------------------------------------------------------------------------------------

const PERIOD = 3000;
const SERVICES = ["backend", "worker", "signal-generator", "trigger-dispatcher"];
const version = { backend: "2.4.1", worker: "2.4.0", "signal-generator": "1.0.3", "trigger-dispatcher": "1.2.0" };
const resource = (service) => ({
  "service.name": service,
  "service.version": version[service],
  "service.instance.id": hex(service, 8),
  "host.name": `trading-${service.length % 3}`,
  "telemetry.sdk.language": "rust",
  "telemetry.sdk.name": "tripod",
  "deployment.environment.name": "demo",
});
const STACK = `RiskLimitExceeded: position 1,200,000 over limit 1,000,000
   0: worker::risk::check at src/risk.rs:88
   1: worker::pipeline::execute at src/pipeline.rs:142
   2: worker::main::{{closure}} at src/main.rs:57
   3: tokio::runtime::task::core::Core<T,S>::poll`;

const cache = new Map();
function traceAt(slot) {
  if (cache.has(slot)) return cache.get(slot);
  const rng = random(`trace${slot}`);
  const traceID = hex(`trace${slot}`, 32);
  const spans = [];
  const logs = [];
  const pipeline = pick(rng, ["momentum", "mean-reversion", "arbitrage"]);
  const broken = rng() < 0.06;
  const lagging = rng() < 0.05 ? 6 : 1;
  const big = slot % 200 === 0;
  let count = 0;
  const span = (service, operationName, kind, parent, startTime, duration, tags = {}, extra = {}) => {
    const one = {
      traceID, spanID: hex(`${slot}.${count++}`, 16), operationName, service, kind, parent: parent?.spanID,
      startTime, duration, tags, events: [], ...extra,
    };
    spans.push(one);
    return one;
  };
  const log = (one, offset, severity, body, attributes = {}) =>
    logs.push({ at: one.startTime + offset, severity, body, service: one.service, traceID, spanID: one.spanID, attributes });

  const start = slot * PERIOD * 1000 + Math.floor(rng() * 900_000);
  const symbol = pick(rng, ["AAPL", "NVDA", "TSLA", "MSFT", "AMZN"]);
  const generate = span("signal-generator", "generate signals", "internal", null, start, 0, { "signal.count": 3, symbol });
  const scan = span("signal-generator", "scan market", "internal", generate, start + 200, Math.round(lognormal(rng, 6000, 0.4)), { symbol });
  const publish = span("signal-generator", "publish trading-signals", "producer", generate, scan.startTime + scan.duration + 150, Math.round(lognormal(rng, 1800, 0.5)),
    { "messaging.system": "kafka", "messaging.destination.name": "trading-signals", "messaging.batch.message_count": 3 });
  log(publish, 300, "INFO", `published 3 signals for ${symbol}`, { topic: "trading-signals" });
  let t = publish.startTime + publish.duration + Math.round(lognormal(rng, 2500, 0.6));
  const dispatch = span("trigger-dispatcher", "process trading-signals", "consumer", publish, t, 0,
    { "messaging.system": "kafka", "messaging.destination.name": "trading-signals", "messaging.kafka.consumer.lag": Math.round(rng() * 40) });
  const match = span("trigger-dispatcher", "match pipelines", "internal", dispatch, t + 300, Math.round(lognormal(rng, 2200, 0.4)), { "pipelines.matched": 2 });
  span("trigger-dispatcher", "GET redis", "client", match, match.startTime + 200, Math.round(lognormal(rng, 500, 0.5)), { "db.system.name": "redis", "db.query.text": `HGETALL pipelines:${symbol}` });
  t = match.startTime + match.duration + 100;
  const call = span("trigger-dispatcher", "POST /api/v1/executions", "client", dispatch, t, 0, { "http.request.method": "POST", "url.full": "http://backend:8000/api/v1/executions", "http.response.status_code": broken ? 500 : 202 });
  const handle = span("backend", "POST /api/v1/executions", "server", call, t + 400, 0, { "http.request.method": "POST", "http.route": "/api/v1/executions", "http.response.status_code": broken ? 500 : 202, pipeline_id: pipeline });
  const select = span("backend", "SELECT pipelines", "client", handle, t + 900, Math.round(lognormal(rng, 1500, 0.5) * lagging), { "db.system.name": "postgresql", "db.query.text": "SELECT id, config, owner_id FROM pipelines WHERE id = $1" });
  if (lagging > 1) log(select, select.duration - 100, "WARN", "slow query", { duration_ms: Math.round(select.duration / 1000), table: "pipelines" });
  t = select.startTime + select.duration + 200;
  const execute = span("worker", "execute pipeline", "server", handle, t + 300, 0, { pipeline_id: pipeline, trigger_mode: "signal", cost_usd: 0.0131 });
  t = execute.startTime + 300;
  const agents = big ? Array.from({ length: 1500 }, (_, i) => `backtest step ${i}`) : ["time trigger", "market data", "bias agent", "strategy agent", "risk manager"];
  for (const agent of agents) {
    const failing = broken && agent === "risk manager";
    const length = Math.round(lognormal(rng, agent.includes("agent") ? 24_000 : 3000, 0.5) * (agent === "bias agent" ? lagging : 1) * (big ? 0.05 : 1));
    const step = span("worker", agent, "internal", execute, t, length, { agent, pipeline_id: pipeline });
    if (agent.endsWith("agent")) span("worker", "chat gpt-4o", "client", step, t + 500, Math.round(length * 0.85), { "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 1240, "gen_ai.usage.output_tokens": 212, "server.address": "api.openai.com" });
    if (agent === "market data") { step.events.push({ at: Math.round(length / 3), event: "cache.miss", fields: { key: `quotes:${symbol}` } }); span("worker", "GET quotes", "client", step, t + 200, Math.round(length * 0.7), { "http.request.method": "GET", "url.full": `https://api.finnhub.io/quote?symbol=${symbol}`, "http.response.status_code": 200 }); }
    if (big) span("worker", "evaluate", "internal", step, t + 2, Math.max(1, length - 5), { step: agent });
    if (failing) {
      step.tags = { ...step.tags, error: true, "otel.status_code": "ERROR", "otel.status_description": "risk limit exceeded" };
      step.events.push({ at: length - 200, event: "exception", fields: { "exception.type": "RiskLimitExceeded", "exception.message": "position 1,200,000 over limit 1,000,000", "exception.stacktrace": STACK } });
      log(step, length - 150, "ERROR", "pipeline failed: risk limit exceeded", { pipeline_id: pipeline, limit: 1000000, position: 1200000, symbol });
    } else if (!big) log(step, Math.round(length / 2), agent === "risk manager" && rng() < 0.15 ? "WARN" : rng() < 0.3 ? "DEBUG" : "INFO", agent === "risk manager" ? `risk check done for ${symbol}` : `${agent} finished for ${symbol}`, { agent, pipeline_id: pipeline, elapsed_ms: length / 1000 });
    t += length + 120;
  }
  execute.duration = t - execute.startTime + 200;
  if (!broken) { const save = span("worker", "INSERT executions", "client", execute, t, 1800, { "db.system.name": "postgresql", "db.query.text": "INSERT INTO executions (pipeline_id, status, cost) VALUES ($1, $2, $3)" }); execute.duration = save.startTime + save.duration - execute.startTime + 150; }
  const failed = broken ? { error: true, "otel.status_code": "ERROR", "otel.status_description": "risk limit exceeded" } : {};
  Object.assign(execute.tags, failed);
  const close = (one, child, rest) => (one.duration = child.startTime + child.duration - one.startTime + rest);
  close(handle, execute, 600); close(call, handle, 500); close(dispatch, call, 250); close(generate, publish, 100);
  if (broken) [handle, call].forEach((one) => Object.assign(one.tags, { error: true, "otel.status_code": "ERROR" }));
  log(handle, handle.duration - 50, broken ? "ERROR" : "INFO", `POST /api/v1/executions ${broken ? 500 : 202}`, { status: broken ? 500 : 202, "client.address": "10.0.3.17" });
  if (rng() < 0.08) spans.splice(spans.indexOf(match), 1);
  const trace = { slot, traceID, spans, logs, pipeline, broken, duration: execute.duration / 1e6, execute };
  if (cache.size > 3000) cache.clear();
  cache.set(slot, trace);
  return trace;
}
function* tracesIn(start, end) {
  const first = Math.max(Math.floor(start / PERIOD), Math.floor((started - 6 * 3600e3) / PERIOD));
  for (let slot = Math.floor(Math.min(end, Date.now() - 1500) / PERIOD); slot >= first; slot--) yield traceAt(slot);
}
const typed = (tags) => Object.entries(tags).map(([key, value]) => ({ key, type: typeof value === "boolean" ? "bool" : typeof value === "number" ? (Number.isInteger(value) ? "int64" : "float64") : "string", value }));
function jaeger(trace) {
  const names = [...new Set(trace.spans.map((one) => one.service))];
  return {
    traceID: trace.traceID,
    processes: Object.fromEntries(names.map((name, i) => [`p${i + 1}`, { serviceName: name, tags: typed(resource(name)) }])),
    warnings: null,
    spans: trace.spans.map((one) => ({
      traceID: trace.traceID, spanID: one.spanID, operationName: one.operationName, startTime: one.startTime, duration: one.duration,
      startTimeUnixNano: `${one.startTime}250`, endTimeUnixNano: `${one.startTime + one.duration}250`,
      references: one.parent ? [{ refType: "CHILD_OF", traceID: trace.traceID, spanID: one.parent }] : one.kind === "internal" && one.parent === undefined ? [{ refType: "FOLLOWS_FROM", traceID: traceAt(trace.slot - 1).traceID, spanID: hex(`${trace.slot - 1}.0`, 16) }] : [],
      tags: typed({ ...one.tags, "span.kind": one.kind, "otel.scope.name": one.service.replace("-", "_"), "otel.scope.version": "0.1.0" }),
      logs: one.events.map((event) => ({ timestamp: one.startTime + event.at, fields: typed({ event: event.event, ...event.fields }) })),
      processID: `p${names.indexOf(one.service) + 1}`, warnings: null,
    })),
  };
}
/** As `/api/trace-columns` answers: a line of columns, a line of details for each span. */
function columns({ traceID, spans, processes }) {
  const place = new Map(spans.map((one, i) => [one.spanID, i]));
  const start = spans.map((one) => BigInt(one.startTimeUnixNano)).reduce((a, b) => (a < b ? a : b));
  const parents = spans.map((one) => one.references.find((reference) => reference.refType === "CHILD_OF")?.spanID);
  const operations = [...new Set(spans.map((one) => one.operationName))];
  const names = Object.keys(processes);
  const all = {
    traceID, start_unix_nano: String(start), ids: spans.map((one) => one.spanID).join(""), repeated: [],
    parents: parents.map((id) => place.get(id) ?? -1),
    missing: Object.fromEntries(parents.flatMap((id, i) => (id && !place.has(id) ? [[i, id]] : []))),
    starts: spans.map((one) => Number(BigInt(one.startTimeUnixNano) - start)),
    durations: spans.map((one) => Number(BigInt(one.endTimeUnixNano) - BigInt(one.startTimeUnixNano))),
    operations, operation: spans.map((one) => operations.indexOf(one.operationName)),
    processes: Object.values(processes), process: spans.map((one) => names.indexOf(one.processID)),
    failed: spans.flatMap((one, i) => (one.tags.some((tag) => tag.key === "error") ? [i] : [])),
  };
  const details = spans.map(({ tags, logs, references }) => ({ tags, logs, references: references.filter((one) => one.refType !== "CHILD_OF") }));
  return { lines: [all, ...details].map((line) => JSON.stringify(line)).join("\n") };
}
const micros = (text) => { const m = /^([\d.]+)(ns|us|ms|s|m|h)$/.exec(text ?? ""); return m ? Number(m[1]) * { ns: 0.001, us: 1, ms: 1e3, s: 1e6, m: 60e6, h: 3600e6 }[m[2]] : undefined; };
function search(q, limit) {
  const least = micros(q.get("minDuration")) ?? 0, most = micros(q.get("maxDuration")) ?? Infinity;
  const tags = Object.entries(JSON.parse(q.get("tags") || "{}"));
  const found = [];
  for (const trace of tracesIn(Number(q.get("start")) / 1000 || Date.now() - 3600e3, Number(q.get("end")) / 1000 || Date.now())) {
    if (found.length > limit) break;
    const hit = trace.spans.some((one) => (!q.get("service") || one.service === q.get("service")) && (!q.get("operation") || one.operationName === q.get("operation")) && one.duration >= least && one.duration <= most && tags.every(([key, value]) => String(one.tags[key] ?? resource(one.service)[key]) === value));
    if (hit) found.push(trace);
  }
  return found;
}

function summaries(q) {
  const limit = Math.min(5000, Number(q.get("limit") ?? 200));
  const found = search(q, limit);
  return { summaries: found.slice(0, limit).map(summary), complete: found.length <= limit };
}
function summary(trace) {
  const root = trace.spans.find((one) => !one.parent) ?? trace.spans[0], failed = trace.spans.filter((one) => one.tags.error);
  const services = [...new Set(trace.spans.map((one) => one.service))].map((name) => ({ name, spans: trace.spans.filter((one) => one.service === name).length, errors: failed.filter((one) => one.service === name).length }));
  const first = trace.spans.reduce((a, b) => Math.min(a, b.startTime), Infinity), last = trace.spans.reduce((a, b) => Math.max(a, b.startTime + b.duration), 0);
  return { traceID: trace.traceID, service: root.service, operation: root.operationName, start_unix_nano: `${first}250`, duration_ns: `${(last - first) * 1000}`, spans: trace.spans.length, errors: failed.length, services, error: failed.map((one) => one.tags["otel.status_description"]).find(Boolean) ?? "" };
}

// ---- logs --------------------------------------------------------------------------------------------------------------------

const LEVELS = { TRACE: 1, DEBUG: 5, INFO: 9, WARN: 13, ERROR: 17, FATAL: 21 };
function logsWhere(q, cap = Infinity) {
  const end = Number(q.get("end")) * 1000 || Date.now(), start = Number(q.get("start")) * 1000 || (q.get("trace_id") ? started - 6 * 3600e3 : Date.now() - 3600e3);
  const words = [...(q.get("query") ?? "").matchAll(/"([^"]*)"|(\S+)/g)].map((m) => (m[1] ?? m[2]).toLowerCase());
  const found = [];
  for (const trace of tracesIn(start, end)) {
    if (found.length > cap * 2) break;
    for (const one of trace.logs) {
      const text = `${one.body} ${Object.values(one.attributes).join(" ")}`.toLowerCase();
      if (one.at / 1000 < start || one.at / 1000 > end) continue;
      if (q.get("service") && q.get("service") !== one.service) continue;
      if (q.get("trace_id") && q.get("trace_id") !== one.traceID) continue;
      if (q.get("span_id") && q.get("span_id") !== one.spanID) continue;
      if (q.get("severity") && q.get("severity") !== one.severity) continue;
      if (q.get("min_severity") && LEVELS[one.severity] < LEVELS[q.get("min_severity")]) continue;
      if (words.every((word) => text.includes(word))) found.push(one);
    }
  }
  return found.sort((a, b) => b.at - a.at);
}
const record = (one) => ({
  timestamp: new Date(one.at / 1000).toISOString(), timestamp_unix_nano: `${one.at}125`, severity: one.severity, severity_number: LEVELS[one.severity], body: one.body, service: one.service,
  trace_id: one.traceID, span_id: one.spanID, attributes: one.attributes, resource: resource(one.service), scope: one.service.replace("-", "_"), event_name: "",
});
function volume(q) {
  const steps = Number(q.get("steps") ?? 60), start = Number(q.get("start")) * 1000, end = Number(q.get("end")) * 1000;
  const levels = {};
  for (const one of logsWhere(q)) {
    const step = Math.min(steps - 1, Math.floor(((one.at / 1000 - start) / (end - start)) * steps));
    (levels[one.severity] ??= Array(steps).fill(0))[step]++;
  }
  return { start_unix_nano: `${start}000000`, end_unix_nano: `${end}000000`, steps, levels };
}

// ---- overview ----------------------------------------------------------------------------------------------------------------

const quantile = (sorted, q) => (sorted.length === 0 ? null : sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]);
function overview(q) {
  const steps = Number(q.get("steps") ?? 30), end = Number(q.get("end")) * 1000 || Date.now(), start = Number(q.get("start")) * 1000 || end - 900e3;
  const all = [...tracesIn(start, end)].flatMap((trace) => trace.spans);
  const byId = new Map(all.map((one) => [one.spanID, one]));
  const services = SERVICES.map((service) => {
    const calls = all.filter((one) => one.service === service && (["server", "consumer"].includes(one.kind) || byId.get(one.parent)?.service !== service));
    const stepOf = (one) => Math.max(0, Math.min(steps - 1, Math.floor(((one.startTime / 1000 - start) / (end - start)) * steps)));
    const buckets = Array.from({ length: steps }, () => []);
    calls.forEach((one) => buckets[stepOf(one)].push(one));
    const sorted = calls.map((one) => one.duration / 1000).sort((a, b) => a - b);
    const errors = calls.filter((one) => one.tags.error).length;
    return {
      service, calls: calls.length, errors, rate: calls.length / ((end - start) / 1000), error_ratio: calls.length ? errors / calls.length : 0,
      p50_ms: quantile(sorted, 0.5), p95_ms: quantile(sorted, 0.95), p99_ms: quantile(sorted, 0.99),
      calls_by_step: buckets.map((bucket) => bucket.length), errors_by_step: buckets.map((bucket) => bucket.filter((one) => one.tags.error).length),
      p95_ms_by_step: buckets.map((bucket) => quantile(bucket.map((one) => one.duration / 1000).sort((a, b) => a - b), 0.95)),
    };
  });
  return { start_unix_nano: `${start}000000`, end_unix_nano: `${end}000000`, steps, services: services.filter((one) => one.calls > 0) };
}

// ---- metrics -----------------------------------------------------------------------------------------------------------------

const METRICS = {
  pipeline_execution_duration_seconds: { type: "histogram", unit: "seconds", help: "How long a pipeline runs.", base: 0.12, labels: [{ job: "worker", pipeline_id: "momentum", status: "completed" }, { job: "worker", pipeline_id: "mean-reversion", status: "completed" }, { job: "worker", pipeline_id: "arbitrage", status: "completed" }] },
  pipeline_executions_total: { type: "counter", unit: "", help: "Pipelines run, by how they ended.", base: 0.3, labels: [{ job: "worker", status: "completed", trigger_mode: "signal" }, { job: "worker", status: "failed", trigger_mode: "signal" }, { job: "worker", status: "completed", trigger_mode: "periodic" }] },
  agent_execution_duration_seconds: { type: "histogram", unit: "seconds", help: "How long an agent works.", base: 0.03, labels: [{ job: "worker", agent: "bias agent" }, { job: "worker", agent: "strategy agent" }] },
  http_server_request_duration_seconds: { type: "histogram", unit: "seconds", help: "Duration of HTTP server requests.", base: 0.14, labels: [{ job: "backend", http_route: "/api/v1/executions", http_response_status_code: "202" }, { job: "backend", http_route: "/api/v1/executions", http_response_status_code: "500" }] },
  signals_generated_total: { type: "counter", unit: "", help: "Signals generated.", base: 1, labels: [{ job: "signal-generator", signal_type: "golden_cross", source: "mock" }, { job: "signal-generator", signal_type: "news", source: "finnhub" }] },
  kafka_consumer_lag_seconds: { type: "gauge", unit: "seconds", help: "Age of the oldest message not yet read.", base: 0.8, labels: [{ job: "trigger-dispatcher" }] },
  kafka_publish_duration_seconds: { type: "histogram", unit: "seconds", help: "Time to publish to Kafka.", base: 0.002, labels: [{ job: "signal-generator" }], native: true },
  active_positions: { type: "gauge", unit: "", help: "Open positions.", base: 14, labels: [{ job: "backend", symbol: "AAPL" }, { job: "backend", symbol: "NVDA" }, { job: "backend", symbol: "TSLA" }] },
  process_resident_memory_bytes: { type: "gauge", unit: "bytes", help: "Memory in use.", base: 9.2e7, labels: SERVICES.map((job) => ({ job })) },
  llm_tokens_total: { type: "counter", unit: "", help: "Tokens sent to and received from models.", base: 400, labels: [{ job: "worker", direction: "input" }, { job: "worker", direction: "output" }] },
  batch_size: { type: "histogram", unit: "", help: "Signals a batch.", base: 12, labels: [{ job: "trigger-dispatcher" }] },
};
const names = () => Object.entries(METRICS).flatMap(([name, metric]) => (metric.type === "histogram" && !metric.native ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name]));
function find(expr) {
  const name = Object.keys(METRICS).find((one) => expr.includes(one));
  return name && { name, ...METRICS[name] };
}
function wave(seed, t) {
  const phase = parseInt(hex(seed, 4), 16);
  const noise = random(`${seed}${Math.floor(t / 5)}`)();
  return 1 + 0.25 * Math.sin(t / 180 + phase) + 0.12 * Math.sin(t / 47 + phase * 2) + 0.25 * (noise - 0.5) + (Math.floor(t / 5) % 61 === 3 ? 1.4 * noise : 0);
}
function range(expr, start, end, step) {
  if (/\(\s*\)|[{(]\s*$|^\s*$/.test(expr)) throw new Error(`1:${expr.length + 1}: parse error: unexpected end of input`);
  const metric = find(expr);
  if (!metric) return [];
  const grouping = /by \(([^)]*)\)/.exec(expr)?.[1].split(",").map((one) => one.trim().replace(/"/g, "")).filter((one) => one && one !== "le") ?? (/^\s*(sum|avg|histogram)/.test(expr) ? [] : null);
  const filters = [...expr.matchAll(/"?([\w.]+)"?="([^"]*)"/g)].map((m) => [m[1], m[2]]).filter(([key]) => key !== "le");
  const q = Number(/quantile\(([\d.]+)/.exec(expr)?.[1] ?? 0);
  const factor = q === 0 ? 1 : q >= 0.99 ? 3.4 : q >= 0.95 ? 2.2 : 0.9;
  const isRate = metric.type === "histogram" && q === 0 && !expr.includes("_sum");
  const groups = new Map();
  for (const labels of metric.labels) {
    if (!filters.every(([key, value]) => labels[key] === value)) continue;
    const kept = grouping === null ? { __name__: metric.name, instance: hex(labels.job, 8), ...labels } : Object.fromEntries(grouping.filter((one) => labels[one] !== undefined).map((one) => [one, labels[one]]));
    const key = JSON.stringify(kept);
    groups.set(key, { metric: kept, parts: [...(groups.get(key)?.parts ?? []), labels] });
  }
  return [...groups.values()].map(({ metric: labels, parts }) => {
    const values = [];
    for (let t = start; t <= end + 1e-6; t += step) {
      if (t * 1000 > Date.now()) break;
      const sum = parts.reduce((total, part) => total + (isRate ? 0.33 : metric.base) * factor * (part.status === "failed" ? 0.06 : 1) * wave(JSON.stringify(part) + q, t), 0);
      values.push([t, String(q ? sum / parts.length : sum)]);
    }
    return { metric: labels, values };
  }).filter((one) => one.values.length > 0);
}
function exemplars(expr, start, end) {
  const metric = find(expr);
  if (!metric || metric.type === "gauge" || !metric.labels[0].job?.match(/worker|backend/)) return [];
  const filters = [...expr.matchAll(/(\w+)="([^"]*)"/g)].map((m) => [m[1], m[2]]);
  const series = new Map();
  for (const trace of tracesIn(start * 1000, end * 1000)) {
    if (trace.slot % 4 !== 0 && trace.duration < 0.4 && !trace.broken) continue;
    const labels = metric.labels.find((one) => one.pipeline_id === trace.pipeline) ?? metric.labels[0];
    if (!filters.every(([key, value]) => labels[key] === value)) continue;
    const key = JSON.stringify(labels);
    if (!series.has(key)) series.set(key, { seriesLabels: { __name__: `${metric.name}_bucket`, ...labels, le: "1" }, exemplars: [] });
    series.get(key).exemplars.push({ labels: { trace_id: trace.traceID, span_id: trace.execute.spanID }, value: String(trace.duration), timestamp: (trace.execute.startTime + trace.execute.duration) / 1e6 });
  }
  return [...series.values()];
}

// ---- HTTP --------------------------------------------------------------------------------------------------------------------

const prometheus = (data) => ({ status: "success", data });
const list = (data) => ({ data, total: data.length, limit: 0, offset: 0, errors: null });

function status() {
  const grown = Math.max(0, Date.now() - started - emptyFor);
  const empty = emptyFor > 0 && grown === 0;
  const n = (perSecond) => (empty ? 0 : Math.floor((grown / 1000 + 3600) * perSecond));
  return { version: "0.1.0", uptime_seconds: (Date.now() - started) / 1000, endpoints: { otlp_grpc: "127.0.0.1:4317", otlp_http: "127.0.0.1:4318", http: `127.0.0.1:${port}` },
    store: { spans: n(7), logs: n(3), samples: n(40), series: empty ? 0 : 96, exemplars: n(1), memory_bytes: 48e6, disk_bytes: 19e6, evicted: 0 } };
}

function answer(path, q) {
  if (path === "/api/status") return status();
  if (path === "/api/overview") return overview(q);
  if (path === "/api/services") return list(SERVICES);
  const operations = /^\/api\/services\/([^/]+)\/operations$/.exec(path);
  if (operations) return list([...new Set([...tracesIn(Date.now() - 300e3, Date.now())].flatMap((trace) => trace.spans).filter((one) => one.service === decodeURIComponent(operations[1])).map((one) => one.operationName))].sort().slice(0, 60));
  if (path === "/api/traces") { const limit = Number(q.get("limit") ?? 20); return list(search(q, limit).slice(0, limit).map(jaeger)); }
  if (path === "/api/trace-summaries") return summaries(q);
  const one = /^\/api\/(traces|trace-columns)\/([0-9a-f]+)$/.exec(path);
  if (one) {
    for (const trace of tracesIn(started - 6 * 3600e3, Date.now())) if (trace.traceID === one[2]) return one[1] === "traces" ? list([jaeger(trace)]) : columns(jaeger(trace));
    return { code: 404, body: { data: null, total: 0, limit: 0, offset: 0, errors: [{ code: 404, msg: `trace ${one[2]} is not in the store` }] } };
  }
  if (path === "/api/logs") return { logs: logsWhere(q, Number(q.get("limit") ?? 100)).slice(0, Number(q.get("limit") ?? 100)).map(record) };
  if (path === "/api/logs/volume") return volume(q);
  if (path === "/api/v1/metadata") return prometheus(Object.fromEntries(Object.entries(METRICS).map(([name, metric]) => [name, [{ type: metric.type, help: metric.help, unit: metric.unit }]])));
  if (path === "/api/v1/label/__name__/values") return prometheus(names());
  if (path === "/api/v1/series") { const metric = find(q.get("match[]")); return prometheus(metric ? metric.labels.map((labels) => ({ __name__: q.get("match[]").split("{")[0], instance: hex(labels.job, 8), ...labels })) : []); }
  if (path === "/api/v1/query") return prometheus({ resultType: "matrix", result: range(q.get("query"), Date.now() / 1000 - 300, Date.now() / 1000, 10) });
  if (path === "/api/v1/query_range") return prometheus({ resultType: "matrix", result: range(q.get("query"), Number(q.get("start")), Number(q.get("end")), Number(q.get("step"))) });
  if (path === "/api/v1/query_exemplars") return prometheus(exemplars(q.get("query"), Number(q.get("start")), Number(q.get("end"))));
  return undefined;
}

const POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
async function file(path, response) {
  const name = normalize(path).replace(/^(\.\.[/\\])+/, "");
  const asset = extname(name) !== "" ? name : "index.html";
  const body = await readFile(join(dist, asset)).catch(() => null);
  response.writeHead(body ? 200 : 404, { "content-type": TYPES[extname(asset)] ?? "text/plain", "content-security-policy": POLICY }).end(body ?? "not found");
}

const server = createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  const json = (code, body) => setTimeout(() => response.writeHead(code, { "content-type": body.lines ? "text/plain" : "application/json" }).end(body.lines ?? JSON.stringify(body)), slow);
  if (!url.pathname.startsWith("/api/")) return void file(url.pathname, response);
  try {
    const body = answer(url.pathname, url.searchParams);
    if (body === undefined) json(404, { error: `there is no ${url.pathname}` });
    else if (body.code) json(body.code, body.body);
    else json(200, body);
  } catch (error) {
    json(400, { status: "error", errorType: "bad_data", error: error.message });
  }
});
server.listen(port, "127.0.0.1", () => console.log(`made-up data at http://127.0.0.1:${server.address().port}`));
