/** The traces found, in the order one wants. */
import { useMemo } from "preact/hooks";
import type { TraceSummary } from "../../api/trace-summaries";
import { PageList } from "../../components/page-list";
import { param, setParams } from "../../state/url";
import { Pick, usePickKeys } from "./pick";
import { TraceRow } from "./trace-row";

const ORDERS = {
  newest: (a: TraceSummary, b: TraceSummary) => b.startMs - a.startMs,
  longest: (a: TraceSummary, b: TraceSummary) => b.duration - a.duration,
  shortest: (a: TraceSummary, b: TraceSummary) => a.duration - b.duration,
  spans: (a: TraceSummary, b: TraceSummary) => b.spans - a.spans,
  errors: (a: TraceSummary, b: TraceSummary) => b.errors - a.errors,
};
type Order = keyof typeof ORDERS;
const isOrder = (text: string): text is Order => text in ORDERS;
const TITLES: Partial<Record<Order, string>> = { spans: "most spans", errors: "most errors" };

const ROW_PX = 55;
const NARROW_ROW_PX = 120;

export function TraceList({ traces }: { traces: TraceSummary[] }) {
  const chosen = param("order");
  const order = isOrder(chosen) ? chosen : "newest";
  const sorted = useMemo(() => [...traces].sort((a, b) => ORDERS[order](a, b) || b.startMs - a.startMs), [traces, order]);
  const narrow = matchMedia("(max-width: 640px)").matches;
  const longest = traces.reduce((most, trace) => Math.max(most, trace.duration), 1);
  usePickKeys();
  return (
    <section aria-label="Found traces">
      <div class="list-head">
        <span class="faint" id="order-label">
          Order
        </span>
        <div class="segments" role="group" aria-labelledby="order-label">
          {(Object.keys(ORDERS) as Order[]).map((one) => (
            <button key={one} type="button" aria-pressed={one === order} onClick={() => setParams({ order: one === "newest" ? null : one }, "replace")}>
              {TITLES[one] ?? one}
            </button>
          ))}
        </div>
      </div>
      <PageList
        class="trace-list"
        testId="trace-list"
        count={sorted.length}
        rowHeight={narrow ? NARROW_ROW_PX : ROW_PX}
        keyOf={(i) => sorted[i].id}
        row={(i) => (
          <div class="trace-item">
            <Pick trace={sorted[i]} />
            <TraceRow trace={sorted[i]} longest={longest} />
          </div>
        )}
      />
    </section>
  );
}
