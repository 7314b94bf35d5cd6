/**
 * The pages: where each is, what it is called, the key that leads there. A new page is a line here and a folder beside this file; one
 * that few visits need comes as a file of its own (`lazy`). `/metric`, not `/metrics`: there the server gives its own metrics to
 * whoever scrapes it.
 */
import type { ComponentType } from "preact";
import { lazy } from "../components/lazy";
import { MetricsPage } from "./metrics/metrics-page";
import { ServicesPage, titleOfServices } from "./services/services-page";
import { TraceRoutes, traceTitle } from "./traces/routes";

const LogsPage = lazy<{ name: string }>("The page of logs", async () => (await import("./logs/logs-page")).LogsPage);
const AlertsPage = lazy("Alerts", async () => (await import("./alerts/alerts-page")).AlertsPage);

export interface Place {
  path: string;
  title: string;
  /** After `g`, goes there. */
  key: string;
  /** Given what stands behind `path/` in the address, or "". */
  page: ComponentType<{ name: string }>;
  /** What the window is called when something of that place is open. */
  titleOf?: (name: string) => string;
}

export const PLACES: Place[] = [
  { path: "/services", title: "Services", key: "s", page: ServicesPage, titleOf: titleOfServices },
  { path: "/traces", title: "Traces", key: "t", page: TraceRoutes, titleOf: traceTitle },
  { path: "/metric", title: "Metrics", key: "m", page: MetricsPage, titleOf: (name) => name },
  { path: "/logs", title: "Logs", key: "l", page: LogsPage },
  { path: "/dashboards", title: "Dashboards", key: "d", page: lazy("Dashboards", async () => (await import("./dashboards")).DashboardsPage) },
  { path: "/alerts", title: "Alerts", key: "a", page: AlertsPage, titleOf: (name) => (name === "new" ? "New alert" : "Alerts") },
];

/** The place of an address and what it names there; the services are what one sees first. */
export function placeOf(address: string): { place: Place | undefined; name: string } {
  const [, first = "", ...rest] = address.split("/");
  const place = first === "" ? PLACES[0] : PLACES.find((one) => one.path === `/${first}`);
  return { place, name: decode(rest.join("/")) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
