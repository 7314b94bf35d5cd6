/** Traces in which one service calls another: TraceQL, as Tempo's API takes it. */
import type { Window } from "../state/time-range";
import { getJson } from "./http";

export interface CallTrace {
  id: string;
  service: string;
  name: string;
  startMs: number;
  durationMs: number;
  /** The span of the called one. */
  span: string;
}

interface Answer {
  traces?: {
    traceID: string;
    rootServiceName?: string;
    rootTraceName?: string;
    startTimeUnixNano?: string;
    durationMs?: number;
    spanSet?: { spans?: { spanID?: string }[] };
  }[];
}

const LIMIT = 20;

/** Newest first. */
export async function fetchCallTraces(from: string, to: string, failed: boolean, window: Window, signal?: AbortSignal): Promise<CallTrace[]> {
  const service = (name: string) => `resource.service.name = ${JSON.stringify(name)}`;
  const q = `{ ${service(from)} } > { ${service(to)}${failed ? " && status = error" : ""} }`;
  const query = { q, start: Math.floor(window.start / 1000), end: Math.ceil(window.end / 1000), limit: LIMIT };
  const { traces = [] } = await getJson<Answer>("/api/search", query, signal);
  return traces.map((one) => ({
    id: one.traceID,
    service: one.rootServiceName ?? "",
    name: one.rootTraceName ?? "",
    startMs: Number(one.startTimeUnixNano ?? 0) / 1e6,
    durationMs: one.durationMs ?? 0,
    span: one.spanSet?.spans?.[0]?.spanID ?? "",
  }));
}
