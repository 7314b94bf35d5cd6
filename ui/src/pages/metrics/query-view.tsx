/** A query of one's own, of no metric in particular. */
import { useState } from "preact/hooks";
import { QueryChart } from "../../components/query-chart";
import { measureOf } from "../../model/measure";
import { customView } from "../../model/promql";
import { param, route } from "../../state/url";
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
      {query && <QueryChart view={customView(query)} measure={measureOf("none", customView(query).perSecond ? " /s" : "")} fromZero={false} service="" failed={setFailure} />}
    </article>
  );
}
