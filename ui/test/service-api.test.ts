import { afterEach, expect, test, vi } from "vitest";

// The modules read the address bar when they are loaded; outside a browser there is none.
vi.stubGlobal("location", { pathname: "/services", search: "" });
const { fetchCalls } = await import("../src/api/service-graph");
const { fetchOperationStats } = await import("../src/api/operation-stats");
const { fetchInstances } = await import("../src/api/instances");
const { fetchCallTraces } = await import("../src/api/call-traces");

const window = { start: 0, end: 100_000 };

/** A server that answers by what is in the address. */
function serve(answers: [RegExp, unknown][]): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (url: string) => {
    const text = decodeURIComponent(url.replaceAll("+", " "));
    asked.push(text);
    const body = answers.find(([pattern]) => pattern.test(text))?.[1] ?? { data: { result: [] } };
    return Promise.resolve(new Response(JSON.stringify(body)));
  });
  return asked;
}
afterEach(() => vi.unstubAllGlobals());

const vector = (...values: [Record<string, string>, string][]) => ({ data: { result: values.map(([metric, value]) => ({ metric, value: [100, value] })) } });

test("a call between services joins how often, how many failed, how long", async () => {
  const shop = { client: "web", server: "shop" };
  const queue = { client: "web", server: "mail", connection_type: "messaging_system" };
  serve([
    [/failed_total/, vector([shop, "20"])],
    [/histogram_quantile/, vector([shop, "0.25"], [queue, "NaN"])],
    [/request_total/, vector([queue, "10"], [shop, "200"])],
  ]);
  expect(await fetchCalls(window)).toEqual([
    { from: "web", to: "shop", messaging: false, rate: 2, errorRatio: 0.1, p95Ms: 250 },
    { from: "web", to: "mail", messaging: true, rate: 0.1, errorRatio: 0, p95Ms: null },
  ]);
});

test("where the server counts no calls, its dependencies say who calls whom, and nothing is made up", async () => {
  serve([[/\/api\/dependencies\?endTs=100000&lookback=100000/, { data: [{ parent: "a", child: "b", callCount: 50 }] }]]);
  expect(await fetchCalls(window)).toEqual([{ from: "a", to: "b", messaging: false, rate: 0.5, errorRatio: null, p95Ms: null }]);
});

test("operations are told apart by name and kind, and steps without values stay empty", async () => {
  const get = { span_name: "GET", span_kind: "SPAN_KIND_SERVER" };
  const out = { span_name: "GET", span_kind: "SPAN_KIND_CLIENT" };
  const asked = serve([
    [/query_range.*STATUS_CODE_ERROR/, { data: { result: [] } }],
    [/query_range.*quantile/, { data: { result: [] } }],
    [/query_range/, { data: { result: [{ metric: get, values: [[0, "1"], [8, "3"]] }] } }],
    [/STATUS_CODE_ERROR/, vector([get, "25"])],
    [/quantile\(0\.95/, vector([get, "120"])],
    [/quantile/, vector()],
    [/calls_total/, vector([get, "100"], [out, "5"])],
  ]);
  const [server, client] = await fetchOperationStats('sh"op', window);
  expect([server.kind, server.rate, server.errorRatio, server.p95Ms, server.p50Ms]).toEqual(["server", 1, 0.25, 120, null]);
  expect(server.rateByStep.slice(0, 4)).toEqual([1, null, 3, null]);
  expect([client.kind, client.errors, client.rateByStep]).toEqual(["client", 0, []]);
  expect(asked[0]).toContain('service_name="sh\\"op"');
});

test("instances say their version and since when they report, and a service's name is no pattern", async () => {
  const asked = serve([[/target_info/, { data: { result: [{ metric: { instance: "i1", service_version: "2", host_name: "h" }, values: [[15, "1"], [30, "1"]] }] } }]]);
  expect(await fetchInstances("a.b", window)).toEqual([{ id: "i1", version: "2", host: "h", environment: "", runtime: "", first: 15_000, last: 30_000 }]);
  expect(asked[0]).toContain('job=~"(.*/)?a\\\\.b"');
});

test("traces of a call are asked for by both services, and open at the span that was called", async () => {
  const asked = serve([[/\/api\/search/, { traces: [{ traceID: "t1", rootServiceName: "web", rootTraceName: "GET /", startTimeUnixNano: "5000000", durationMs: 7, spanSet: { spans: [{ spanID: "s1" }] } }] }]]);
  expect(await fetchCallTraces("web", "shop", true, window)).toEqual([{ id: "t1", service: "web", name: "GET /", startMs: 5, durationMs: 7, span: "s1" }]);
  expect(asked[0]).toContain('{ resource.service.name = "web" } > { resource.service.name = "shop" && status = error }');
});
