import { expect, test } from "vitest";
import { deploysOf } from "../src/model/deploys";
import { entryKinds, serviceViews } from "../src/model/service-views";

test("a service's calls are what it answers; one that answers nobody is seen by its own work", () => {
  expect(entryKinds(["client", "server", "internal"])).toEqual(["server"]);
  expect(entryKinds(["consumer", "server"])).toEqual(["server", "consumer"]);
  expect(entryKinds(["producer", "internal"])).toEqual(["internal"]);
  expect(entryKinds([])).toEqual(["internal"]);
});

test("queries name the service as it is called, whatever is in its name", () => {
  const { rate, errors, durations } = serviceViews('a"b', ["server", "consumer"], "60s");
  expect(rate.queries[0].expr).toBe('sum (rate(traces_span_metrics_calls_total{service_name="a\\"b",span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER"}[60s]))');
  expect(errors.queries[0].expr).toContain('status_code="STATUS_CODE_ERROR"');
  expect(durations.queries.map(({ name }) => name)).toEqual(["p50", "p95", "p99"]);
});

const instance = (version: string, first: number) => ({ id: version, version, host: "", environment: "", runtime: "", first, last: 100_000 });

test("a version that comes while another was there is a deploy; those of the beginning are not", () => {
  const window = { start: 0, end: 100_000 };
  expect(deploysOf([instance("1", 0), instance("2", 60_000), instance("2", 70_000)], window)).toEqual([{ version: "2", at: 60_000 }]);
  expect(deploysOf([instance("1", 50_000)], window)).toEqual([]);
  expect(deploysOf([instance("", 0), instance("", 90_000)], window)).toEqual([]);
});
