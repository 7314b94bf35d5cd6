/** A query of one's own, of no metric in particular. */
import { useState } from "preact/hooks";
import { customView } from "../../model/promql";
import { param, route } from "../../state/url";
import { ChartCard } from "./chart-card";
import { QueryBox } from "./query-box";

export function QueryView() {
  void route.value;
  const query = param("q");
  const [failure, setFailure] = useState("");
  return (
    <article class="metric query-view">
      <header class="metric-head">
        <h1>{query ? "Query" : "Metrics"}</h1>
      </header>
      <QueryBox shown={undefined} custom={query} error={failure} />
      {query && <ChartCard view={customView(query)} unit="none" fromZero={false} service="" failed={setFailure} />}
    </article>
  );
}
