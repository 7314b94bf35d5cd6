/** Where a service runs, and which versions of it: what `target_info` says. */
import type { Window } from "../state/time-range";
import { queryRange, type Labels } from "./metrics";

export interface Instance {
  id: string;
  version: string;
  host: string;
  environment: string;
  runtime: string;
  /** Milliseconds since the Unix epoch: the first and the last time that it reported within the window. */
  first: number;
  last: number;
}

const STEPS = 120;

export async function fetchInstances(service: string, window: Window, signal?: AbortSignal): Promise<Instance[]> {
  const step = Math.max(15, Math.ceil((window.end - window.start) / 1000 / STEPS));
  const expr = `target_info{job=~${JSON.stringify(`(.*/)?${escapeRegex(service)}`)}}`;
  const series = await queryRange({ expr, window, step }, signal);
  return series.map(({ metric, values }) => toInstance(metric, values)).sort((a, b) => b.first - a.first || a.id.localeCompare(b.id));
}

const escapeRegex = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

function toInstance(metric: Labels, values: [number, string][]): Instance {
  const label = (...names: string[]) => names.map((name) => metric[name]).find(Boolean) ?? "";
  const runtime = [label("telemetry_sdk_language"), label("process_runtime_version")].filter(Boolean).join(" ");
  return {
    id: label("instance", "service_instance_id"),
    version: label("service_version"),
    host: label("k8s_pod_name", "container_name", "host_name"),
    environment: label("deployment_environment_name", "deployment_environment"),
    runtime,
    first: (values[0]?.[0] ?? 0) * 1000,
    last: (values.at(-1)?.[0] ?? 0) * 1000,
  };
}
