/** Beside the list: what the traces found have in common, with counts. A click narrows the search to a value or leaves it out. */
import { useState } from "preact/hooks";
import { fetchAttributeCounts, MOST_COUNTED, type AttributeCounts } from "../../api/trace-attributes";
import type { TraceSummary } from "../../api/trace-summaries";
import { ErrorNote, Skeleton } from "../../components/feedback";
import { CloseIcon } from "../../components/icons";
import { ServiceDot } from "../../components/service-tag";
import { formatCount } from "../../lib/format";
import { facetsOf, type Facet } from "../../model/trace-search";
import { useLoad } from "../../state/load";
import { setParams } from "../../state/url";
import { excluding, including } from "./search-url";

export function Facets({ traces }: { traces: TraceSummary[] }) {
  const facets = facetsOf(traces);
  const ids = traces.slice(0, MOST_COUNTED).map((trace) => trace.id);
  // Whenever another trace is the newest, the first or the last, others were found.
  const attributes = useLoad("facets of traces", `${ids.length} ${ids[0]} ${ids[ids.length - 1]}`, (signal) => fetchAttributeCounts(ids, signal));
  return (
    <aside class="facets" aria-label="What the traces have in common" data-testid="facets">
      {facets.map((facet) => (
        <FacetSection key={facet.key} facet={facet} total={traces.length} />
      ))}
      <h2 class="facets-title">Attributes{traces.length > ids.length && <span class="faint"> of the newest {formatCount(ids.length)}</span>}</h2>
      {attributes.error && <ErrorNote error={attributes.error} retry={attributes.retry} what="The attributes" />}
      {!attributes.data && !attributes.error && <Skeleton rows={4} height={18} />}
      {attributes.data?.filter((one) => one.scope !== "intrinsic").map((one) => <FacetSection key={one.scope + one.key} facet={asFacet(one)} total={ids.length} distinct={one.distinct} />)}
    </aside>
  );
}

const asFacet = ({ key, values }: AttributeCounts): Facet => ({ title: key, key: `.${key}`, values: values.map((one) => ({ ...one, failed: 0 })) });

const SHOWN = 6;

function FacetSection({ facet, total, distinct = facet.values.length }: { facet: Facet; total: number; distinct?: number }) {
  const [all, setAll] = useState(false);
  const values = all ? facet.values : facet.values.slice(0, SHOWN);
  return (
    <details class="facet" open={!facet.key.startsWith(".")} data-testid={`facet-${facet.key}`}>
      <summary title={facet.title}>
        <span class="facet-title">{facet.title}</span> <span class="count">{formatCount(distinct)}</span>
      </summary>
      <ul>
        {values.map((one) => (
          <Value key={one.value} facet={facet} one={one} total={total} />
        ))}
      </ul>
      {facet.values.length > SHOWN && (
        <button type="button" class="link facet-more" onClick={() => setAll(!all)}>
          {all ? "Fewer" : `${facet.values.length - SHOWN} more`}
        </button>
      )}
    </details>
  );
}

function Value({ facet, one, total }: { facet: Facet; one: Facet["values"][number]; total: number }) {
  const { value, traces, failed } = one;
  const name = value === "" ? '""' : value;
  return (
    <li class="facet-value">
      <button type="button" class="facet-choose" title={`Only traces with ${name}${failed > 0 ? `; ${failed} of its ${traces} failed` : ""}`} onClick={() => setParams(including(facet.key, value))}>
        <i class={`facet-bar${facet.key === "status" && value === "failed" ? " is-error" : ""}`} style={{ width: `${(traces / total) * 100}%` }} aria-hidden="true" />
        {facet.key === "service" && <ServiceDot name={value} />}
        <span class="facet-name">{name}</span>
        {failed > 0 && facet.key !== "status" && <span class="facet-failed error-text">{formatCount(failed)}</span>}
        <span class="count">{formatCount(traces)}</span>
      </button>
      <button type="button" class="icon-button small facet-not" aria-label={`Leave out ${name}`} title={`Leave out traces with ${name}`} onClick={() => setParams(excluding(facet.key, value))}>
        <CloseIcon />
      </button>
    </li>
  );
}
