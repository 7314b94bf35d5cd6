/** `GET /api/status`: the server itself, and how much it holds. */
import { getJson } from "./http";

export interface Status {
  version: string;
  uptime_seconds: number;
  endpoints: { otlp_grpc: string; otlp_http: string; http: string };
  store: {
    spans: number;
    logs: number;
    samples: number;
    series: number;
    exemplars: number;
    memory_bytes: number;
    disk_bytes: number;
    evicted: number;
  };
}

export const fetchStatus = (signal?: AbortSignal) => getJson<Status>("/api/status", {}, signal);

export const isEmpty = ({ store }: Status) => store.spans + store.logs + store.samples === 0;
