/** Two traces of the list, picked to be compared. */
import type { TraceSummary } from "../../api/trace-summaries";
import { useKeys } from "../../state/keys";
import { href, param, setParams } from "../../state/url";

const picked = () => param("pick").split(",").filter(Boolean);

/** A third one takes the place of the first. */
function toggle(id: string): void {
  const ids = picked();
  const next = ids.includes(id) ? ids.filter((one) => one !== id) : [...ids, id].slice(-2);
  setParams({ pick: next.join(",") || null }, "replace");
}

export function Pick({ trace }: { trace: TraceSummary }) {
  return (
    <label class="pick" title="Pick it to compare (c)">
      <input type="checkbox" checked={picked().includes(trace.id)} data-testid="pick" aria-label={`Compare ${trace.rootService} ${trace.root} ${trace.id.slice(0, 8)}`} onChange={() => toggle(trace.id)} />
    </label>
  );
}

export function usePickKeys(): void {
  useKeys("Traces", [
    {
      keys: ["c"],
      does: "Pick the trace to compare",
      run: () => {
        const row = document.activeElement?.closest("[data-trace]");
        if (row instanceof HTMLElement && row.dataset.trace) toggle(row.dataset.trace);
      },
    },
  ]);
}

/** What one picked, and the way to the comparison. */
export function PickBar() {
  const [a, b] = picked();
  if (!a) return null;
  return (
    <div class="pick-bar" role="status" data-testid="pick-bar">
      <span>{b ? "Two traces are picked." : "One trace is picked; pick another."}</span>
      <a class={`button small${b ? " primary" : ""}`} href={href("/traces/compare", { a, b })}>
        {b ? "Compare them" : "Compare with…"}
      </a>
      <button type="button" class="button small" onClick={() => setParams({ pick: null }, "replace")}>
        Clear
      </button>
    </div>
  );
}
