/** `POST /api/correlate/attributes`: how many of some traces have each value of each attribute. */
import { sendJson } from "./http";

export interface AttributeCounts {
  scope: "span" | "resource" | "intrinsic";
  key: string;
  /** How many values there are; those that most traces have are in `values`. */
  distinct: number;
  values: { value: string; traces: number }[];
}

/** So many traces are counted: enough for shares, and soon done. */
export const MOST_COUNTED = 200;

export async function fetchAttributeCounts(ids: readonly string[], signal?: AbortSignal): Promise<AttributeCounts[]> {
  const answer = await sendJson<{ attributes: AttributeCounts[] }>("POST", "/api/correlate/attributes", { traceID: ids.slice(0, MOST_COUNTED), limit: 40 }, {}, signal);
  return answer.attributes;
}
