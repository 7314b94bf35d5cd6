/** The rows of a trace: the tree on the left, each span's bar on the right. Only rows in sight exist, and only those that change render. */
import type { ComponentChild } from "preact";
import { useMemo } from "preact/hooks";
import { rangeStyle, useDragSelect } from "../../components/drag-select";
import { Empty } from "../../components/feedback";
import { VirtualList } from "../../components/virtual-list";
import { formatDuration } from "../../lib/format";
import type { Trace } from "../../model/trace";
import { criticalPath } from "../../model/trace-path";
import { setParams } from "../../state/url";
import { joined, setZoom } from "./trace-url";
import type { ViewProps } from "./view-props";
import { SpanRow } from "./waterfall-row";
import type { Zoom } from "./zoom";

const ROW_HEIGHT = 28;

export function Waterfall({ trace, rows, state, choice, found, selected, logs }: ViewProps) {
  const path = state.path ? criticalPath(trace) : undefined;
  const matches = state.find.trim() === "" ? undefined : found.marks;
  const [from, to] = state.zoom;
  // A row looks the same until one of these changes; a node that is given again costs nothing.
  const made = useMemo(() => new Map<number, ComponentChild>(), [trace, choice, joined(state.toggled), path, matches, from, to, logs]);
  const node = (row: number, isSelected: boolean) => (
    <SpanRow trace={trace} row={row} state={state} choice={choice} selected={isSelected} matched={matches?.[row] === 1} path={path?.get(row)} logs={logs?.bySpan.get(trace.keys[row])} />
  );
  const rowAt = (i: number) => {
    const row = rows[i];
    if (row === selected) return node(row, true);
    let known = made.get(row);
    if (!known) made.set(row, (known = node(row, false)));
    return known;
  };
  const at = rows.indexOf(selected);
  return (
    <div class="waterfall">
      <Head trace={trace} zoom={state.zoom} />
      {rows.length === 0 && (
        <Empty title="No span is left to show.">
          <button type="button" class="link" onClick={() => setParams({ only: null, hideservice: null }, "replace")}>
            Show all
          </button>
        </Empty>
      )}
      <VirtualList
        class="waterfall-rows"
        count={rows.length}
        rowHeight={ROW_HEIGHT}
        reveal={at}
        attributes={{
          role: "tree",
          tabIndex: 0,
          "aria-label": `Spans of the trace, ${rows.length} rows`,
          "aria-activedescendant": at >= 0 ? `span-${state.span}` : undefined,
          "data-testid": "waterfall",
        }}
        row={rowAt}
      />
    </div>
  );
}

/** The scale; a drag over it zooms, too. */
function Head({ trace, zoom: [from, to] }: { trace: Trace; zoom: Zoom }) {
  const width = to - from;
  const drag = useDragSelect((a, b) => setZoom([from + a * width, from + b * width]));
  return (
    <div class="waterfall-head" aria-hidden="true">
      <span class="waterfall-title">Service and operation</span>
      <div class="waterfall-ticks" title="Drag to zoom, double click to see all" {...drag.handlers} onDblClick={() => setZoom([0, 1])}>
        {[0, 0.25, 0.5, 0.75].map((part) => (
          <span key={part} style={{ left: `${part * 100}%` }}>
            {formatDuration((from + part * width) * trace.total)}
          </span>
        ))}
        {drag.range && <div class="drag-range" style={rangeStyle(drag.range)} />}
      </div>
    </div>
  );
}
