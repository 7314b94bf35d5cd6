import { describe, expect, it } from "vitest";
import type { Alert, AlertRule, AlertState, PastAlert } from "../src/api/alerts";
import { barsOf, byStanding, fits, formatMatcher, formatRuleDuration, isOf, matchesText, merged, nameFor, parseDuration, parseMatchers, shadesOf, silenceFrom, standingOf, tellingLabels, tracesOf } from "../src/model/alerts";

const alert = (state: AlertState, changes: Partial<Alert> = {}): Alert => ({ labels: { alertname: "A" }, annotations: {}, state, activeAt: "2026-11-22T00:00:00Z", value: "1", ...changes });
const rule = (name: string, changes: Partial<AlertRule> = {}): AlertRule => ({
  group: "g", file: "f.yml", name, query: "up == 0", duration: 0, keepFiringFor: 0, labels: {}, annotations: {}, state: "inactive", health: "ok", alerts: [], ...changes,
});
const past = (labels: Record<string, string>, stretches: [AlertState, number, number | null][]): PastAlert => ({ labels, stretches: stretches.map(([state, start, end]) => ({ state, start, end, value: null })) });

describe("where a rule stands", () => {
  it("is where the furthest of its alerts is that nobody silenced", () => {
    expect(standingOf(rule("A", { alerts: [alert("pending"), alert("firing")] }))).toBe("firing");
    expect(standingOf(rule("A", { alerts: [alert("pending"), alert("firing", { silencedBy: ["x"] })] }))).toBe("pending");
    expect(standingOf(rule("A", { alerts: [alert("firing", { silencedBy: ["x"] })] }))).toBe("silenced");
    expect(standingOf(rule("A", { health: "err" }))).toBe("broken");
    expect(standingOf(rule("A"))).toBe("inactive");
  });

  it("orders rules by what changed last, then by name", () => {
    const rules = [rule("C", { alerts: [alert("firing")] }), rule("A", { alerts: [alert("firing", { activeAt: "2026-11-22T01:00:00Z" })] }), rule("B", { alerts: [alert("firing")] }), rule("D")];
    const groups = byStanding(rules);
    expect(groups.get("firing")!.map(({ name }) => name)).toEqual(["A", "B", "C"]);
    expect(groups.get("inactive")!.map(({ name }) => name)).toEqual(["D"]);
  });

  it("is found by words of its name, labels and expression", () => {
    const one = rule("ManyErrors", { query: "rate(errors[5m])", alerts: [alert("firing", { labels: { job: "shop" } })] });
    expect(["many SHOP", "rate(", ""].map((text) => matchesText(one, text))).toEqual([true, true, true]);
    expect(matchesText(one, "many other")).toBe(false);
  });
});

describe("what a rule did", () => {
  it("is told from another of the same name by the labels that stand fast", () => {
    const one = rule("A", { labels: { severity: "page", text: "{{ $value }}" } });
    expect(isOf(one, past({ alertname: "A", severity: "page", text: "7" }, []))).toBe(true);
    expect(isOf(one, past({ alertname: "A", severity: "mail" }, []))).toBe(false);
    expect(isOf(one, past({ alertname: "B", severity: "page" }, []))).toBe(false);
  });

  it("is drawn as parts of the window, and what goes on up to its end", () => {
    const window = { start: 100_000, end: 200_000 };
    const { stretches } = past({}, [["pending", 50, 120], ["firing", 120, 150], ["firing", 190, null], ["firing", 20, 60], ["firing", 300, null]]);
    expect(barsOf(stretches, window).map(({ state, left, width }) => [state, left, Number(width.toFixed(3))])).toEqual([["pending", 0, 0.2], ["firing", 0.2, 0.3], ["firing", 0.9, 0.1]]);
  });

  it("is firing where one of several alerts is", () => {
    const both = [past({}, [["pending", 10, 20], ["firing", 20, 40]]), past({}, [["firing", 30, 60], ["firing", 80, null]]), past({}, [["firing", 90, 95]])];
    expect(merged(both).map(({ state, start, end }) => [state, start, end])).toEqual([["pending", 10, 20], ["firing", 20, 60], ["firing", 80, null]]);
    expect(both[0].stretches[1].end).toBe(40);
    const within = [past({}, [["pending", 10, 100]]), past({}, [["firing", 30, 40], ["firing", 90, null]])];
    expect(merged(within).map(({ state, start, end }) => [state, start, end])).toEqual([["pending", 10, 30], ["firing", 30, 40], ["pending", 40, 90], ["firing", 90, null]]);
    expect(shadesOf(both, { start: 0, end: 100_000 })[2]).toEqual({ start: 80_000, end: 100_000, tone: "error", label: "firing" });
  });

  it("tells alerts apart by the labels that the rule does not have", () => {
    expect(tellingLabels({ alertname: "A", job: "x", severity: "page" }, { severity: "page" })).toEqual([["job", "x"]]);
  });

  it("leads to traces by the links that it carries", () => {
    expect(tracesOf({ tripod_traces: "http://h/trace/0af7651916cd43dd8448eb211c80319c http://h/trace/nope" })).toEqual(["0af7651916cd43dd8448eb211c80319c"]);
    expect(tracesOf({})).toEqual([]);
  });
});

describe("silences", () => {
  it("are written and read as Prometheus writes matchers", () => {
    const text = 'job="a b"\nteam=~"x|y", env!=test\npath!~"\\"q\\""';
    const { matchers, error } = parseMatchers(text);
    expect(error).toBe("");
    expect(matchers.map(formatMatcher)).toEqual(['job="a b"', 'team=~"x|y"', 'env!="test"', 'path!~"\\"q\\""']);
    expect(parseMatchers(matchers.map(formatMatcher).join("\n")).matchers).toEqual(matchers);
  });

  it.each(["", "job", 'job="a', "=a", 'job="a" team="b"'])("%s is said to be none", (text) => expect(parseMatchers(text).error).not.toBe(""));

  it("fit as regular expressions that are anchored, where a label that is not there is empty", () => {
    const { matchers } = parseMatchers('job=~"a|b", env!="test"');
    expect([{ job: "a" }, { job: "ab" }, { job: "b", env: "test" }].map((labels) => fits(matchers, labels as Record<string, string>))).toEqual([true, false, false]);
    expect(fits([{ name: "a", value: "(", isRegex: true, isEqual: true }], {})).toBe(false);
  });

  it("begin now and last as long as one says", () => {
    expect(silenceFrom([], parseDuration("1h30m")!, "ada", "c", 0)).toMatchObject({ startsAt: "1970-01-01T00:00:00.000Z", endsAt: "1970-01-01T01:30:00.000Z" });
    expect([parseDuration("2d"), parseDuration("soon"), parseDuration("5"), parseDuration("0m"), parseDuration("")]).toEqual([172_800_000, undefined, undefined, undefined, undefined]);
    expect([90, 3600, 0, 93784].map(formatRuleDuration)).toEqual(["1m30s", "1h", "0s", "1d2h3m4s"]);
  });
});

describe("the name of a new rule", () => {
  it.each([
    ["rate(pipeline_errors_total[5m])", "PipelineErrors"],
    ['sum by (job, le) (rate(http_server_duration_bucket{path="/a"}[5m]))', "HttpServerDuration"],
    ["job:errors:rate5m > 0.1", "JobErrorsRate5m"],
    ["vector(1)", ""],
    ["", ""],
  ])("of %s is %s", (expr, name) => expect(nameFor(expr)).toBe(name));
});
