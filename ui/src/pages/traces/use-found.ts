/** The traces found, without those that one left out: by a condition, or by a box in the picture. */
import { fetchSummaries, type Summaries, type TraceSearch, type TraceSummary } from "../../api/trace-summaries";
import { fetchByQuery } from "../../api/traceql";
import { exclude, readExclusions } from "../../model/trace-search";
import { useLoad, type Loaded } from "../../state/load";
import type { Window } from "../../state/time-range";
import { param, route } from "../../state/url";
import { MOST } from "./search-url";

export interface Found extends Summaries {
  window: Window;
  /** How many were left out. */
  excluded: number;
}

/** `q` is TraceQL, or null when the form asks. */
export function useFoundTraces(search: TraceSearch, q: string | null, window: Window): Loaded<Found> {
  const not = route.value.params.getAll("not");
  const took = param("took");
  const subject = `traces ${JSON.stringify([q ?? search, q === null ? 0 : search.limit, not, took])}`;
  return useLoad(subject, `${window.start}-${window.end}`, async (signal) => {
    const exclusions = readExclusions(not, took);
    const asked = q === null ? fetchSummaries(search, window, signal) : fetchByQuery(q.trim() || "{}", window, search.limit, signal);
    const others = exclusions.attributes.map(({ key, value }) => fetchSummaries({ ...EVERY, tags: { [key]: value } }, window, signal));
    const [found, ...having] = await Promise.all([asked, ...others]);
    const traces = exclude(found.traces, exclusions, new Set(having.flatMap((one) => one.traces.map((trace: TraceSummary) => trace.id))));
    return { ...found, traces, window, excluded: found.traces.length - traces.length };
  });
}

const EVERY: TraceSearch = { service: "", operation: "", tags: {}, minDuration: "", maxDuration: "", limit: MOST };
