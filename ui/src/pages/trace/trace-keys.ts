/** The keys of a trace: moving among its spans, opening and closing them, zooming. */
import { childrenOf, type Trace } from "../../model/trace";
import type { Found } from "../../model/trace-find";
import { isCollapsed, type RowChoice } from "../../model/trace-rows";
import { useKeys } from "../../state/keys";
import { setParams } from "../../state/url";
import { failedRows, step } from "./trace-tools";
import { selectSpan, setLevel, setZoom, TABS, toggleOnly, toggleSpan, type TraceState } from "./trace-url";
import { scaled, shifted, spanZoom } from "./zoom";

interface Props {
  trace: Trace;
  rows: Uint32Array;
  found: Found;
  state: TraceState;
  choice: RowChoice;
  selected: number;
}

export function useTraceKeys({ trace, rows, found, state, choice, selected }: Props): void {
  const at = rows.indexOf(selected);
  const go = (to: number) => rows.length > 0 && selectSpan(trace.keys[rows[Math.min(rows.length - 1, Math.max(0, to))]]);
  const collapsed = selected >= 0 && isCollapsed(trace, selected, choice);
  const toggleSelected = () => selected >= 0 && trace.below[selected] > 0 && toggleSpan(trace.keys[selected], state);
  const left = () => {
    if (selected < 0) return;
    if (trace.below[selected] > 0 && !collapsed) toggleSelected();
    else if (trace.parent[selected] >= 0) selectSpan(trace.keys[trace.parent[selected]]);
  };
  const right = () => {
    if (selected < 0) return go(0);
    if (collapsed) toggleSelected();
    else if (childrenOf(trace, selected).length > 0) go(at + 1);
  };
  const level = Math.min(state.level, trace.maxDepth);
  const waterfall = state.tab === "waterfall";
  useKeys("Trace", [
    { keys: ["e"], does: "Next failed span", run: () => step(trace, failedRows(trace), selected, 1, choice) },
    { keys: ["n"], does: "Next match", run: () => step(trace, found.rows, selected, 1, choice) },
    { keys: ["p"], does: "Previous match", run: () => step(trace, found.rows, selected, -1, choice) },
    { keys: ["Enter"], does: "Read the span's details", run: () => document.querySelector<HTMLElement>(".span-panel")?.focus() },
    ...TABS.map((tab, i) => ({ keys: [String(i + 1)], does: tab.title, run: () => setParams({ as: i === 0 ? null : tab.id }) })),
  ]);
  useKeys(
    "Waterfall",
    [
      { keys: ["j", "ArrowDown"], does: "Next span", run: () => go(at + 1) },
      { keys: ["k", "ArrowUp"], does: "Previous span", run: () => go(at < 0 ? 0 : at - 1) },
      { keys: ["ArrowLeft"], does: "Collapse, or go to the parent", run: left },
      { keys: ["ArrowRight"], does: "Expand, or go to the first child", run: right },
      { keys: ["x"], does: "Collapse or expand", run: toggleSelected },
      { keys: ["<"], does: "Collapse the deepest level", run: () => level > 0 && setLevel(level - 1) },
      { keys: [">"], does: "Open one level more", run: () => setLevel(level + 1 >= trace.maxDepth ? Infinity : level + 1) },
      { keys: ["E"], does: "Errors only, or all", run: () => toggleOnly("errors", state) },
      { keys: ["c"], does: "Critical path on or off", run: () => setParams({ path: state.path ? null : "1" }, "replace") },
      { keys: ["z"], does: "Zoom to the span", run: () => selected >= 0 && setZoom(spanZoom(trace, selected)) },
      { keys: ["+", "="], does: "Zoom in", run: () => setZoom(scaled(state.zoom, 0.5, selected < 0 ? undefined : spanZoom(trace, selected))) },
      { keys: ["-"], does: "Zoom out", run: () => setZoom(scaled(state.zoom, 2)) },
      { keys: ["["], does: "Move to earlier", run: () => setZoom(shifted(state.zoom, -0.25)) },
      { keys: ["]"], does: "Move to later", run: () => setZoom(shifted(state.zoom, 0.25)) },
      { keys: ["0"], does: "Show the whole time", run: () => setZoom([0, 1]) },
    ],
    waterfall,
  );
}
