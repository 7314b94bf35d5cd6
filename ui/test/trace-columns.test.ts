import { expect, test } from "vitest";
import { buildTrace, DUPLICATE, MISSING_PARENT, serviceName } from "../src/model/trace";
import { fromColumns } from "../src/model/trace-columns";
import { findSpans } from "../src/model/trace-find";
import { spanAt } from "../src/model/trace-span";
import { keysOf, row } from "./traces";

const id = (digit: number) => String(digit).repeat(16);
const columns = {
  traceID: "ab".repeat(16),
  start_unix_nano: "1795238947000000250",
  ids: [1, 2, 2, 3].map(id).join(""),
  repeated: [2],
  parents: [-1, 0, 0, -1],
  missing: { 3: id(9) },
  starts: [0, 250, 300, 400],
  durations: [700_000, 450, 400, 300],
  operations: ["serve", "query"],
  operation: [0, 1, 1, 1],
  processes: [{ serviceName: "shop", tags: [{ key: "host.name", type: "string", value: "h1" }] }, { serviceName: "db", tags: [] }, { serviceName: "db", tags: [] }],
  process: [0, 1, 2, 1],
  failed: [1],
};
const details = [
  {},
  { tags: [{ key: "db.system", type: "string", value: "pg" }], references: [{ refType: "FOLLOWS_FROM", traceID: "f", spanID: "e" }], logs: [{ timestamp: 1_795_238_947_000_000, timeUnixNano: "1795238947000000750", fields: [{ key: "event", type: "string", value: "miss" }] }] },
  {},
  {},
];
const text = [columns, ...details].map((one) => JSON.stringify(one)).join("\n");

test("columns become a trace, and a line becomes a span when it is asked for", async () => {
  const trace = buildTrace(fromColumns(text))!;
  expect(keysOf(trace, trace.start.keys())).toBe([id(1), id(2), `${id(2)}~2`, id(3)].join(" "));
  expect([...trace.duration]).toEqual([700, 0.45, 0.4, 0.3]);
  expect(trace.services).toEqual([{ name: "db", spans: 3, errors: 1 }, { name: "shop", spans: 1, errors: 0 }]);
  expect(serviceName(trace, 0)).toBe("shop");
  expect([trace.flags[2] & DUPLICATE, trace.flags[3] & MISSING_PARENT, trace.flags[0]]).toEqual([DUPLICATE, MISSING_PARENT, 0]);
  expect(spanAt(trace, 1)).toMatchObject({ id: id(2), parentId: id(1), service: "db", operation: "query", error: true, attributes: [{ key: "db.system" }], links: [{ traceId: "f", spanId: "e" }], events: [{ name: "miss", at: 0.5 }] });
  expect(spanAt(trace, 0)).toMatchObject({ parentId: "", resource: [{ key: "host.name" }], attributes: [], events: [] });
  expect(spanAt(trace, row(trace, id(3)))).toMatchObject({ parentId: id(9), missingParent: true });
  expect((await findSpans(trace, "db.system=pg", new AbortController().signal)).rows).toEqual([1]);
});

test("an answer without spans is no trace", () => {
  const empty = { ...columns, ids: "", repeated: [], parents: [], missing: {}, starts: [], durations: [], operation: [], process: [], failed: [] };
  expect(buildTrace(fromColumns(JSON.stringify(empty)))).toBeUndefined();
});
