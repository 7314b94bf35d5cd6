// Decodes OTLP requests with the OpenTelemetry protobufs for Node: the same as tests/python/decode.py, by other code.
//
// Usage: node decode.cjs FOLDER, which has node_modules.
'use strict';

const path = require('node:path');
const readline = require('node:readline');

const modules = path.join(process.argv[2], 'node_modules');
const { opentelemetry } = require(path.join(modules, '@opentelemetry/otlp-transformer/build/src/generated/root.js'));
const { collector } = opentelemetry.proto;

const REQUESTS = {
  traces: collector.trace.v1.ExportTraceServiceRequest,
  metrics: collector.metrics.v1.ExportMetricsServiceRequest,
  logs: collector.logs.v1.ExportLogsServiceRequest,
};
const BYTES = new Set(['traceId', 'spanId', 'parentSpanId', 'bytesValue']);

// A text or an id that is empty is as good as none, but as a value.
const VALUES = new Set(['stringValue', 'bytesValue']);

function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  const known = Object.entries(value).filter(([key, inner]) => inner !== '' || VALUES.has(key));
  const shown = ([key, inner]) => [key, BYTES.has(key) ? Buffer.from(inner, 'base64').toString('hex') : plain(inner)];
  return Object.fromEntries(known.map(shown));
}

const decoded = [];
readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { signal, body } = JSON.parse(line);
    const request = REQUESTS[signal].decode(Buffer.from(body, 'hex'));
    const options = { longs: String, enums: Number, bytes: String, json: true };
    decoded.push(plain(REQUESTS[signal].toObject(request, options)));
  })
  .on('close', () => process.stdout.write(JSON.stringify(decoded)));
