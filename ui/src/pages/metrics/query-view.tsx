/** A query of one's own, of no metric in particular. */
import { useState } from "preact/hooks";
import { customView } from "../../model/promql";
import type { Window } from "../../state/time-range";
import { param, route } from "../../state/url";
import { ChartCard } from "./chart-card";
import { QueryBox } from "./query-box";
import { SelectionBar } from "./selection-bar";

export function QueryView() {
  void route.value;
  const query = param("q");
  const [failure, setFailure] = useState("");
  const [selection, setSelection] = useState<Window | null>(null);
  return (
    <article class="metric query-view">
      <header class="metric-head">
        <h1>{query ? "Query" : "Metrics"}</h1>
      </header>
      <QueryBox shown={undefined} custom={query} error={failure} />
      {query && <ChartCard view={customView(query)} unit="none" fromZero={false} select={setSelection} selection={selection} failed={setFailure} />}
      {selection && <SelectionBar selection={selection} service="" close={() => setSelection(null)} />}
    </article>
  );
}
