/** Which spans "what differs here" is about, as one parameter of the address. */
import type { Selected } from "../api/correlate";

const MOST_TRACES = 50;

export function encodeSelected({ window, service, operation, min, max, traces }: Selected): string {
  const params = new URLSearchParams({ from: String(Math.floor(window.start)), to: String(Math.ceil(window.end)) });
  for (const [name, value] of Object.entries({ service, operation, min, max })) if (value) params.set(name, value);
  if (traces.length > 0) params.set("traces", traces.slice(0, MOST_TRACES).join("."));
  return params.toString();
}

export function decodeSelected(text: string): Selected | null {
  const params = new URLSearchParams(text);
  const window = { start: Number(params.get("from")), end: Number(params.get("to")) };
  if (!(window.start > 0 && window.end > window.start)) return null;
  const get = (name: string) => params.get(name) ?? "";
  return { window, service: get("service"), operation: get("operation"), min: get("min"), max: get("max"), traces: get("traces").split(".").filter(Boolean) };
}
