/** When another version of a service came. */
import type { Instance } from "../api/instances";
import type { Window } from "../state/time-range";

export interface Deploy {
  version: string;
  /** Milliseconds since the Unix epoch. */
  at: number;
}

/** The first report of each version within the window, but for those that were the first to be seen. */
export function deploysOf(instances: readonly Instance[], window: Window): Deploy[] {
  const first = new Map<string, number>();
  for (const { version, first: at } of instances) if (version) first.set(version, Math.min(at, first.get(version) ?? Infinity));
  const earliest = [...first.values()].reduce((a, b) => Math.min(a, b), Infinity);
  return [...first].filter(([, at]) => at > earliest && at > window.start).map(([version, at]) => ({ version, at }));
}
