/** The values of fields with how many records have each: a click asks for one, alt-click or the minus leaves it out. */
import { useState } from "preact/hooks";
import { fetchLogFacets, fetchLogKeys, type LogFacet, type Looked } from "../../api/logs";
import { ErrorNote, Skeleton } from "../../components/feedback";
import { ChevronIcon, CloseIcon } from "../../components/icons";
import { ServiceDot } from "../../components/service-tag";
import { formatCount, formatNumber } from "../../lib/format";
import { dropKey, parseLogQuery, type Filter } from "../../model/log-query";
import { useLoad } from "../../state/load";
import type { Window } from "../../state/time-range";
import { param, route, setParams } from "../../state/url";
import { ColumnIcon, MinusIcon } from "./log-icons";
import { filterBy, setText, toggleColumn, type LogState } from "./log-state";

/** Facets that are open without being asked to be. */
const OPEN = 8;
const FEW = 6;

export function Facets({ state, window }: { state: LogState; window: Window }) {
  const [find, setFind] = useState("");
  const extra = route.value.params.getAll("field");
  const typed = parseLogQuery(state.text);
  const version = `${window.start}-${window.end}`;
  const loaded = useLoad(`facets ${JSON.stringify(state.search)}`, version, (signal) => fetchLogFacets(state.search, window, [], signal));
  const added = useLoad(extra.length > 0 ? `facets ${extra.join()} ${JSON.stringify(state.search)}` : null, version, (signal) => fetchLogFacets(state.search, window, extra, signal));
  const others = useOthers(state, window, typed.filters);
  const keys = useLoad("log keys", 0, fetchLogKeys);

  const facets = [...(added.data?.facets ?? []), ...(loaded.data?.facets.filter((facet) => !extra.includes(facet.key)) ?? [])];
  const wanted = find.trim().toLowerCase();
  const shown = facets.filter((facet) => facet.key.toLowerCase().includes(wanted));
  const unlisted = wanted === "" ? [] : (keys.data ?? []).filter((key) => key.toLowerCase().includes(wanted) && !facets.some((facet) => facet.key === key)).slice(0, 8);
  return (
    <aside class="log-facets" aria-label="Fields" data-testid="facets">
      <input type="search" class="log-facet-find" value={find} placeholder="Find a field" aria-label="Find a field" onInput={(event) => setFind(event.currentTarget.value)} />
      {loaded.data && <Sampled looked={loaded.data} />}
      {loaded.error && <ErrorNote error={loaded.error} retry={loaded.retry} what="The fields" />}
      {!loaded.data && !loaded.error && <Skeleton rows={10} height={18} />}
      {shown.map((facet, i) => (
        <Facet
          key={facet.key}
          facet={others.get(facet.key) ?? facet}
          looked={loaded.data}
          filters={typed.filters.filter((filter) => filter.key === facet.key)}
          openAtFirst={i < OPEN || wanted !== "" || typed.filters.some((filter) => filter.key === facet.key)}
          added={extra.includes(facet.key)}
        />
      ))}
      {unlisted.map((key) => (
        <button key={key} type="button" class="log-facet-more" onClick={() => (setFind(""), setParams({ field: [key, ...extra] }, "replace"))}>
          + {key}
        </button>
      ))}
      {loaded.data && shown.length === 0 && unlisted.length === 0 && <p class="faint pad">No field is called like that.</p>}
    </aside>
  );
}

/** Of a field of which some values were chosen, all values that there would be without that choice: so that one can choose another. */
function useOthers(state: LogState, window: Window, filters: Filter[]): Map<string, LogFacet> {
  const chosen = [...new Set(filters.map((filter) => filter.key))];
  const subject = chosen.length > 0 ? `other values ${chosen.join()} ${JSON.stringify(state.search)}` : null;
  const loaded = useLoad(subject, `${window.start}-${window.end}`, async (signal) => {
    const of = async (key: string) => {
      const rest = parseLogQuery(dropKey(state.text, key)).filters;
      const filter = rest.map((one) => `${one.key}${one.excluded ? "!=" : "="}${one.value}`);
      const { facets } = await fetchLogFacets({ ...state.search, filter }, window, [key], signal);
      return facets;
    };
    return (await Promise.all(chosen.map(of))).flat();
  });
  return new Map((loaded.data ?? []).map((facet) => [facet.key, facet]));
}

export function Sampled({ looked }: { looked: Looked }) {
  if (looked.complete) return null;
  return (
    <p class="sampled" data-testid="sampled">
      Estimated: {formatNumber(looked.scanned)} of {formatNumber(looked.of)} records were looked at.
    </p>
  );
}

/** What a count of a sample stands for. */
export function estimate(count: number, looked: Looked | undefined): string {
  if (!looked || looked.complete || looked.scanned === 0) return formatCount(count);
  return `~${formatNumber((count * looked.of) / looked.scanned)}`;
}

interface FacetProps {
  facet: LogFacet;
  looked: Looked | undefined;
  filters: Filter[];
  openAtFirst: boolean;
  added: boolean;
}

function Facet({ facet, looked, filters, openAtFirst, added }: FacetProps) {
  const [open, setOpen] = useState<boolean | undefined>(undefined);
  const [all, setAll] = useState(false);
  const isOpen = open ?? openAtFirst;
  const isColumn = route.value.params.getAll("col").includes(facet.key);
  const listed = new Set(facet.values.map((one) => one.value));
  const values = [...facet.values, ...filters.filter((filter) => !listed.has(filter.value)).map(({ value }) => ({ value, count: 0 }))];
  const shown = all ? values : values.filter((one, i) => i < FEW || filters.some((filter) => filter.value === one.value));
  const most = Math.max(1, ...values.map((one) => one.count));
  const remove = () => setParams({ field: route.value.params.getAll("field").filter((key) => key !== facet.key) }, "replace");
  return (
    <section class="log-facet" data-testid={`facet-${facet.key}`}>
      <div class="log-facet-head">
        <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          <ChevronIcon />
          <span class="log-facet-key" title={facet.key}>
            {facet.key}
          </span>
          <span class="count">
            {formatCount(facet.distinct)}
            {facet.has_more ? "+" : ""}
          </span>
        </button>
        {filters.length > 0 && (
          <button type="button" class="link log-facet-clear" onClick={() => setText(dropKey(param("q"), facet.key))}>
            clear
          </button>
        )}
        {facet.attribute && (
          <button type="button" class="icon-button log-facet-tool" aria-pressed={isColumn} aria-label={`${isColumn ? "No column" : "A column"} for ${facet.key}`} title={isColumn ? "Remove the column" : "Show as a column"} onClick={() => toggleColumn(facet.key)}>
            <ColumnIcon />
          </button>
        )}
        {added && (
          <button type="button" class="icon-button log-facet-tool" aria-label={`Remove the field ${facet.key}`} onClick={remove}>
            <CloseIcon />
          </button>
        )}
      </div>
      {isOpen && (
        <ul>
          {shown.map(({ value, count }) => (
            <FacetValue key={value} facet={facet.key} value={value} count={estimate(count, looked)} part={count / most} filter={filters.find((one) => one.value === value)} />
          ))}
          {values.length > FEW && (
            <li>
              <button type="button" class="log-facet-more" onClick={() => setAll(!all)}>
                {all ? "fewer" : `${values.length - shown.length} more`}
              </button>
            </li>
          )}
        </ul>
      )}
    </section>
  );
}

interface ValueProps {
  facet: string;
  value: string;
  count: string;
  /** Of the most frequent value's count. */
  part: number;
  filter: Filter | undefined;
}

function FacetValue({ facet, value, count, part, filter }: ValueProps) {
  const name = value === "" ? "(empty)" : value;
  const level = facet === "severity" ? ` level-${value.toLowerCase()}` : "";
  const mark = filter ? (filter.excluded ? " is-excluded" : " is-chosen") : "";
  return (
    <li class={`log-facet-value${mark}`}>
      <button
        type="button"
        class="log-facet-choose"
        aria-pressed={filter !== undefined && !filter.excluded}
        title={`${name}: click for only these, alt-click for all but these`}
        onClick={(event) => filterBy({ key: facet, value, excluded: event.altKey })}
      >
        <i class={`log-facet-bar${level}`} style={{ width: `${Math.max(part * 100, part > 0 ? 1 : 0)}%` }} />
        <span class="log-facet-name">
          {facet === "service" && <ServiceDot name={value} />}
          {name}
        </span>
        <span class="log-facet-count">{count}</span>
      </button>
      <button type="button" class="icon-button log-facet-not" aria-pressed={filter?.excluded ?? false} aria-label={`Without ${facet} ${name}`} title="Without these" onClick={() => filterBy({ key: facet, value, excluded: true })}>
        <MinusIcon />
      </button>
    </li>
  );
}
