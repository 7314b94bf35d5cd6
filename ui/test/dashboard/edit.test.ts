import { describe, expect, test } from "vitest";
import type { Grid, JsonObject, Panel } from "../../src/api/dashboards";
import { addPanel, at, begin, duplicatePanel, emptyDashboard, modernise, place, push, rearranged, redo, removePanel, set, undo, withGrid } from "../../src/model/dashboard/edit";
import { layout } from "../../src/model/dashboard/layout";
import { linkHref, safeUrl } from "../../src/model/dashboard/links";
import { htmlToMarkdown, parseMarkdown } from "../../src/model/dashboard/markdown";
import { stretchesOf } from "../../src/model/dashboard/states";
import { field } from "../../src/model/dashboard/frames";
import { single } from "../../src/model/dashboard/variables";

const panel = (id: number, grid: Grid, more: Partial<Panel> = {}): Panel => ({ id, at: ["panels", id - 1], type: "stat", written: "stat", title: `p${id}`, description: "", transparent: false, grid, field: {}, options: {}, ...more });
const box = (x: number, y: number, w: number, h: number): Grid => ({ x, y, w, h });

describe("changes of JSON", () => {
  const json: JsonObject = { title: "x", unknown: { kept: [1] }, panels: [{ id: 1, gridPos: { x: 0, y: 0, w: 6, h: 4, static: true }, other: "kept" }] };

  test("touch only what they are about", () => {
    const next = set(json, ["panels", 0, "fieldConfig", "defaults", "unit"], "s");
    expect(next).toEqual({ ...json, panels: [{ ...(json.panels as JsonObject[])[0], fieldConfig: { defaults: { unit: "s" } } }] });
    expect(next.unknown).toBe(json.unknown);
    expect(set(next, ["panels", 0, "fieldConfig"], undefined)).toEqual(json);
    expect(at(json, ["panels", 0, "gridPos", "w"])).toBe(6);
    expect(at(json, ["panels", 7, "gridPos"])).toBeUndefined();
  });

  test("a moved panel keeps what else its place says", () => {
    const panels = [panel(1, box(0, 0, 6, 4))];
    expect(at(place(json, panels, new Map([[1, box(6, 0, 6, 4)]])), ["panels", 0])).toEqual({ id: 1, gridPos: { x: 6, y: 0, w: 6, h: 4, static: true }, other: "kept" });
    expect(place(json, panels, new Map([[1, box(0, 0, 6, 4)]]))).toBe(json);
  });

  test("panels come, are doubled and go", () => {
    const [added, id] = addPanel(emptyDashboard(), [], "timeseries");
    expect(at(added, ["panels", 0])).toMatchObject({ id, type: "timeseries", datasource: { uid: "${datasource}" } });
    const made = panel(1, box(0, 0, 12, 8));
    const [doubled, other] = duplicatePanel(added, [made], made);
    expect(at(doubled, ["panels", 1])).toMatchObject({ id: other, gridPos: box(12, 0, 12, 8), title: "p1 (copy)" });
    expect((removePanel(doubled, made).panels as JsonObject[]).map((one) => one.id)).toEqual([other]);
  });

  test("rows of old become a grid", () => {
    const old: JsonObject = { title: "o", schemaVersion: 14, rows: [{ panels: [{ id: 3, type: "graph", strange: 1 }] }] };
    const next = withGrid(old, [panel(3, box(0, 0, 8, 7), { at: ["rows", 0, "panels", 0] })]);
    expect(next).toEqual({ title: "o", schemaVersion: 16, panels: [{ id: 3, type: "graph", strange: 1, gridPos: box(0, 0, 8, 7) }] });
    expect(withGrid(json, [])).toBe(json);
  });

  test("a graph is written as a time series with its looks", () => {
    const graph = panel(1, box(0, 0, 6, 4), { type: "timeseries", written: "graph", field: { unit: "s", fill: 10, spanGaps: -1 }, options: { legend: { show: true, table: true, right: false, calcs: ["mean"], sortDesc: false } }, overrides: [{ matcher: { by: "name", name: "a" }, field: { axis: "right" } }] });
    expect(at(modernise({ panels: [{ id: 1, type: "graph", yaxes: [], targets: [] }] }, graph), ["panels", 0])).toEqual({
      id: 1,
      type: "timeseries",
      targets: [],
      fieldConfig: { defaults: { unit: "s", custom: { fillOpacity: 10, spanNulls: true } }, overrides: [{ matcher: { id: "byName", options: "a" }, properties: [{ id: "custom.axisPlacement", value: "right" }] }] },
      options: { legend: { showLegend: true, displayMode: "table", placement: "bottom", calcs: ["mean"] } },
    });
  });

  test("one can go back and forth, and a change after going back forgets what came after", () => {
    const [a, b, c] = [{ n: 1 }, { n: 2 }, { n: 3 }];
    const two = push(begin(a), b);
    expect(undo(two).now).toBe(0);
    expect(undo(undo(two)).now).toBe(0);
    expect(redo(undo(two)).now).toBe(1);
    expect(push(undo(two), c).states).toEqual([a, c]);
  });
});

describe("the grid", () => {
  const scope = new Map([["job", { values: ["a", "b", "c"], texts: ["a", "b", "c"], all: false, allValue: null, multi: true }]]);
  const places = (panels: Panel[], toggled: string[] = []) => layout(panels, scope, new Set(toggled)).map(({ key, grid }) => `${key} ${grid.x},${grid.y} ${grid.w}x${grid.h}`);

  test("a repeated panel stands beside itself, and what is below goes down", () => {
    const panels = [panel(1, box(0, 0, 24, 4), { repeat: { variable: "job", vertical: false, mostPerRow: 2 } }), panel(2, box(0, 4, 12, 4))];
    expect(places(panels)).toEqual(["1:a 0,0 12x4", "1:b 12,0 12x4", "1:c 0,4 12x4", "2 0,8 12x4"]);
    expect(layout(panels, scope)[1].scope.get("job")).toEqual(single("b"));
  });

  test("a closed row hides its panels until it is opened", () => {
    const row = panel(9, box(0, 4, 24, 1), { type: "row", collapsed: true, panels: [panel(3, box(0, 5, 12, 4))] });
    const panels = [panel(1, box(0, 0, 12, 4)), row, panel(2, box(0, 5, 12, 4))];
    expect(places(panels)).toEqual(["1 0,0 12x4", "9 0,4 24x1", "2 0,5 12x4"]);
    expect(places(panels, ["9"])).toEqual(["1 0,0 12x4", "9 0,4 24x1", "3 0,5 12x4", "2 0,9 12x4"]);
  });

  test("a repeated row stands with its panels once for each value", () => {
    const row = panel(9, box(0, 0, 24, 1), { type: "row", repeat: { variable: "job", vertical: false, mostPerRow: 4 } });
    expect(places([row, panel(1, box(0, 1, 24, 2))])).toEqual(["9:a 0,0 24x1", "9:a/1 0,1 24x2", "9:b 0,3 24x1", "9:b/1 0,4 24x2", "9:c 0,6 24x1", "9:c/1 0,7 24x2"]);
  });

  test("what is moved pushes down what is in its way, and all goes up as far as it can", () => {
    const panels = [panel(1, box(0, 0, 12, 4)), panel(2, box(12, 0, 12, 4)), panel(3, box(0, 4, 12, 4))];
    const after = (id: number, grid: Grid) => Object.fromEntries(rearranged(panels, id, grid));
    expect(after(1, box(12, 0, 12, 4))).toEqual({ 1: box(12, 0, 12, 4), 2: box(12, 4, 12, 4), 3: box(0, 0, 12, 4) });
    expect(after(1, box(0, 4, 12, 4))).toEqual({ 1: box(0, 4, 12, 4), 2: box(12, 0, 12, 4), 3: box(0, 0, 12, 4) });
    expect(after(3, box(0, 4, 99, 4))[3]).toEqual(box(0, 4, 24, 4));
    expect(after(1, box(0, 1, 12, 4)), "a press of an arrow is enough").toEqual({ 1: box(0, 4, 12, 4), 2: box(12, 0, 12, 4), 3: box(0, 0, 12, 4) });
    expect(after(3, box(0, 3, 12, 4))[3]).toEqual(box(0, 0, 12, 4));
  });
});

describe("texts", () => {
  test("markdown is read as what it means", () => {
    expect(parseMarkdown("# A *b*\n\n- one\n- `two`\n\n> q\n\n```\n<x>\n```\n| a | b |\n|---|---|\n| 1 | 2 |\n\n---")).toEqual([
      { type: "heading", level: 1, children: ["A ", { type: "em", children: ["b"] }] },
      { type: "list", ordered: false, items: [[{ type: "paragraph", children: ["one"] }], [{ type: "paragraph", children: [{ type: "code", text: "two" }] }]] },
      { type: "quote", children: [{ type: "paragraph", children: ["q"] }] },
      { type: "code", text: "<x>" },
      { type: "table", head: [["a"], ["b"]], rows: [[["1"], ["2"]]] },
      { type: "rule" },
    ]);
    expect(parseMarkdown("[a **b**](https://x.org) http://y.org/z")).toEqual([{ type: "paragraph", children: [{ type: "link", href: "https://x.org", children: ["a ", { type: "strong", children: ["b"] }] }, " ", { type: "link", href: "http://y.org/z", children: ["http://y.org/z"] }] }]);
  });

  test("any text ends, however it is nested", () => {
    for (const text of ["> ".repeat(500), "- ".repeat(500), "*".repeat(999), "[".repeat(999), "a_".repeat(500), "`".repeat(301), "|-".repeat(400)]) expect(Array.isArray(parseMarkdown(text))).toBe(true);
  });

  test("HTML is its words, and what runs is gone", () => {
    expect(htmlToMarkdown('<h2>A</h2><script>alert(1)</script><p>b <b>c</b> &lt;d&gt;</p><a href="https://x.org" onclick="y()">e</a><img src=x onerror=z()>').trim()).toBe("## A\n\nb **c** <d>\n\n[e](https://x.org)");
  });

  test("links lead to the web and to dashboards here, and run nothing", () => {
    for (const wrong of ["javascript:alert(1)", " JavaScript:alert(1)", "java\nscript:x", "data:text/html,x", "//evil.example", ""]) expect(safeUrl(wrong), wrong).toBeUndefined();
    const scope = new Map([["job", single("a b")], ["__from", single("1")], ["__to", single("2")]]);
    const href = (url: string) => linkHref(url, scope, { value: 5, name: "n", labels: { x: "y/z" } });
    expect(href("/d/abc/slug?var-job=$job&${__url_time_range}")).toBe("/dashboards/abc?var-job=a%20b&from=1&to=2");
    expect(href("https://x.org/${__field.labels.x}?v=${__value.raw}&${__all_variables}")).toBe("https://x.org/y%2Fz?v=5&var-job=a%20b");
    expect(href("javascript:$job")).toBeUndefined();
  });
});

test("states that follow each other and are the same are one", () => {
  const time = field("Time", "time", [0, 1000, 2000, 9000]);
  const of = field("v", "number", [1, 1, 0, 0]);
  expect(stretchesOf(time, of, 1000, 10_000, true)).toEqual([{ start: 0, end: 2000, value: 1 }, { start: 2000, end: 4000, value: 0 }, { start: 9000, end: 10_000, value: 0 }]);
  expect(stretchesOf(time, of, 1000, 10_000, false)).toHaveLength(4);
});
