import { expect, test } from "vitest";
import { fromWire } from "../src/api/trace-summaries";

test("a summary has milliseconds, microseconds and the services by their spans", () => {
  const summary = fromWire({
    traceID: "ab",
    service: "backend",
    operation: "GET /",
    start_unix_nano: "1795238947123456789",
    duration_ns: "1500000",
    spans: 6,
    errors: 1,
    services: [
      { name: "backend", spans: 1, errors: 0 },
      { name: "worker", spans: 5, errors: 1 },
    ],
  });
  expect(summary.startMs).toBeCloseTo(1795238947123.457, 2);
  expect(summary).toMatchObject({ duration: 1500, failure: "" });
  expect(summary.services.map((one) => one.name)).toEqual(["worker", "backend"]);
});
