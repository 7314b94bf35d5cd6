/** All spans as a flat list, sortable; what one looks for in the trace filters it. */
import { useMemo } from "preact/hooks";
import { Empty } from "../../components/feedback";
import { ServiceDot } from "../../components/service-tag";
import { VirtualList } from "../../components/virtual-list";
import { formatDuration } from "../../lib/format";
import { FAILED, isFailed, operationName, serviceName, type Trace } from "../../model/trace";
import { sortRows, SPAN_ORDERS, type SpanOrder } from "../../model/trace-list";
import { useKeys } from "../../state/keys";
import { param, setParams } from "../../state/url";
import { selectSpan, toggleOnly } from "./trace-url";
import type { ViewProps } from "./view-props";
import "../../styles/trace-views.css";

const ROW_HEIGHT = 28;

const TITLES: Record<SpanOrder, string> = { start: "Start", service: "Service", operation: "Operation", duration: "Duration", self: "Self time" };

export function SpanList({ trace, state, found, selected }: ViewProps) {
  const text = param("spansort");
  const order = SPAN_ORDERS.find((one) => one === text.replace(/^-/, "")) ?? "start";
  const down = text.startsWith("-");
  const errorsOnly = state.only.has("errors");
  const searched = state.find.trim() !== "";
  const rows = useMemo(() => {
    const shown = (row: number) => (!searched || found.marks[row] === 1) && (!errorsOnly || (trace.flags[row] & FAILED) !== 0) && !state.hidden.has(serviceName(trace, row));
    return sortRows(trace, order, down, shown);
  }, [trace, order, down, searched ? found : null, errorsOnly, [...state.hidden].join()]);
  const at = rows.indexOf(selected);
  const go = (to: number) => rows.length > 0 && selectSpan(trace.keys[rows[Math.min(rows.length - 1, Math.max(0, to))]]);
  useKeys("Spans", [
    { keys: ["j", "ArrowDown"], does: "Next span", run: () => go(at + 1) },
    { keys: ["k", "ArrowUp"], does: "Previous span", run: () => go(at < 0 ? 0 : at - 1) },
    { keys: ["E"], does: "Errors only, or all", run: () => toggleOnly("errors", state) },
  ]);
  return (
    <div class="span-list" data-testid="span-list">
      <div class="span-list-head">
        <div class="segments" role="group" aria-label="Order">
          {SPAN_ORDERS.map((one) => (
            <button key={one} type="button" aria-pressed={one === order} onClick={() => setParams({ spansort: next(one, order, down) }, "replace")}>
              {TITLES[one]} {one === order ? (down ? "↓" : "↑") : ""}
            </button>
          ))}
        </div>
        {trace.errors > 0 && (
          <button type="button" class="button small" aria-pressed={errorsOnly} onClick={() => toggleOnly("errors", state)}>
            Errors only
          </button>
        )}
        <span class="faint" data-testid="span-list-count">
          {rows.length === trace.size ? `${trace.size} spans` : `${rows.length} of ${trace.size} spans`}
        </span>
      </div>
      {rows.length === 0 && <Empty title="No span matches." />}
      <VirtualList
        class="span-list-rows"
        count={rows.length}
        rowHeight={ROW_HEIGHT}
        reveal={at}
        attributes={{ role: "listbox", tabIndex: 0, "aria-label": "Spans", "aria-activedescendant": at >= 0 ? `span-${state.span}` : undefined, "data-testid": "span-list-rows" }}
        row={(i) => <ListRow trace={trace} row={rows[i]} selected={rows[i] === selected} />}
      />
    </div>
  );
}

/** Times from the longest, names from A; again turns the order. */
function next(one: SpanOrder, order: SpanOrder, down: boolean): string | null {
  const turned = one === order ? !down : one === "duration" || one === "self";
  return one === "start" && !turned ? null : `${turned ? "-" : ""}${one}`;
}

function ListRow({ trace, row, selected }: { trace: Trace; row: number; selected: boolean }) {
  const service = serviceName(trace, row);
  return (
    <div
      id={`span-${trace.keys[row]}`}
      role="option"
      aria-selected={selected}
      class={`span-list-row${selected ? " is-selected" : ""}${isFailed(trace, row) ? " is-error" : ""}`}
      data-testid="list-row"
      onClick={() => selectSpan(trace.keys[row])}
    >
      <span class="number faint">+{formatDuration(trace.start[row])}</span>
      <span class="span-list-name">
        <ServiceDot name={service} /> <b>{service}</b> <span class="span-operation">{operationName(trace, row)}</span>
      </span>
      <span class="share" aria-hidden="true">
        <i style={{ width: `${(trace.duration[row] / (trace.total || 1)) * 100}%` }} />
      </span>
      <span class="number">{formatDuration(trace.duration[row])}</span>
      <span class="number faint">{formatDuration(trace.self[row])} self</span>
    </div>
  );
}
