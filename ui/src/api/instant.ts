/** An instant query: one value a series. */
import { getJson } from "./http";
import type { Labels } from "./metrics";

export interface InstantValue {
  metric: Labels;
  value: number;
}

/** At a moment in milliseconds. Values that are no numbers are left out. */
export async function queryInstant(query: string, at: number, signal?: AbortSignal): Promise<InstantValue[]> {
  const answer = await getJson<{ data: { result: { metric: Labels; value?: [number, string] }[] } }>("/api/v1/query", { query, time: at / 1000 }, signal);
  return answer.data.result.flatMap(({ metric, value }) => (value && Number.isFinite(Number(value[1])) ? [{ metric, value: Number(value[1]) }] : []));
}
