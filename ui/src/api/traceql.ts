/** `GET /api/search?q=`: traces in which TraceQL finds spans, as the summaries that a list shows. */
import type { Window } from "../state/time-range";
import { getJson } from "./http";
import type { Summaries, TraceSummary } from "./trace-summaries";

/** The server gives no more. */
export const MOST_BY_QUERY = 1500;

interface WireTrace {
  traceID: string;
  rootServiceName?: string;
  rootTraceName?: string;
  startTimeUnixNano: string;
  durationMs?: number;
  spanSets?: { spans?: { spanID: string }[]; matched?: number }[];
  serviceStats?: Record<string, { spanCount?: number; errorCount?: number }>;
}

export interface WireAnswer {
  traces?: WireTrace[];
  status?: string;
  message?: string;
}

export async function fetchByQuery(q: string, window: Window, limit: number, signal?: AbortSignal): Promise<Summaries> {
  const asked = Math.min(limit, MOST_BY_QUERY);
  const query = { q, start: Math.floor(window.start / 1000), end: Math.ceil(window.end / 1000), limit: asked, spss: 1 };
  return fromAnswer(await getJson<WireAnswer>("/api/search", query, signal), asked);
}

export function fromAnswer(answer: WireAnswer, asked: number): Summaries {
  const traces = (answer.traces ?? []).map(fromWire).sort((a, b) => b.startMs - a.startMs);
  return { traces, complete: traces.length < asked && answer.status !== "PARTIAL", note: answer.message };
}

function fromWire(wire: WireTrace): TraceSummary {
  const services = Object.entries(wire.serviceStats ?? {}).map(([name, one]) => ({ name, spans: one.spanCount ?? 0, errors: one.errorCount ?? 0 }));
  const sum = (of: "spans" | "errors") => services.reduce((total, one) => total + one[of], 0);
  const sets = wire.spanSets ?? [];
  return {
    id: wire.traceID.padStart(32, "0"),
    root: wire.rootTraceName ?? "",
    rootService: wire.rootServiceName ?? "",
    startMs: Number(wire.startTimeUnixNano) / 1e6,
    duration: (wire.durationMs ?? 0) * 1000,
    spans: sum("spans"),
    errors: sum("errors"),
    failure: "",
    services: services.sort((a, b) => b.spans - a.spans || a.name.localeCompare(b.name)),
    matched: { spans: sets.reduce((total, set) => total + (set.matched ?? 0), 0), first: sets[0]?.spans?.[0]?.spanID ?? "" },
  };
}
