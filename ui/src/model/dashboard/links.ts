/** Where links of dashboards lead: with variables and values put in, Grafana's own paths turned into ours, and nothing but the web. */
import type { Labels } from "../../api/metrics";
import type { Value } from "./frames";
import { interpolate, type Scope } from "./variables";

interface About {
  value: Value;
  name: string;
  labels: Labels;
}

/** The address, or undefined where it leads nowhere that a page may lead. */
export function linkHref(url: string, scope: Scope, { value, name, labels }: About): string | undefined {
  const label = (_: string, key: string) => encodeURIComponent(labels[key.replace(/^["']|["']$/g, "")] ?? "");
  const filled = url
    .replace(/\$\{__field\.labels\.([\w.]+)\}/g, label)
    .replace(/\$\{__field\.labels\[(["'][^"']+["'])\]\}/g, label)
    .replace(/\$\{__(?:series|field)\.name\}|\$__series_name/g, encodeURIComponent(name))
    .replace(/\$\{__value\.(?:raw|numeric|text)\}|\$__cell(?:_0)?|\$\{__value\}/g, encodeURIComponent(String(value ?? "")))
    .replace(/\$\{?__url_time_range\}?/g, `from=${scope.get("__from")?.values[0] ?? ""}&to=${scope.get("__to")?.values[0] ?? ""}`)
    .replace(/\$\{?__all_variables\}?/g, allVariables(scope));
  return ownPath(safeUrl(interpolate(filled, scope, "percentencode")));
}

function allVariables(scope: Scope): string {
  const pairs = [...scope].filter(([name]) => !name.startsWith("__") && name !== "interval");
  return pairs.flatMap(([name, chosen]) => (chosen.all ? ["$__all"] : chosen.values).map((value) => `var-${encodeURIComponent(name)}=${encodeURIComponent(value)}`)).join("&");
}

/** Addresses that begin with another scheme, such as `javascript:`, are none. */
export function safeUrl(url: string): string | undefined {
  // What browsers leave out of an address must not hide its scheme.
  const text = [...url].filter((c) => c.charCodeAt(0) > 32).join("");
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1].toLowerCase();
  if (scheme !== undefined && !["http", "https", "mailto"].includes(scheme)) return undefined;
  return text === "" || text.startsWith("//") ? undefined : url.trim();
}

/** `/d/UID/slug` and `d/UID` are dashboards, here too. */
function ownPath(url: string | undefined): string | undefined {
  const match = /^\/?d\/([A-Za-z0-9_-]{1,40})(?:\/[^?]*)?(\?.*)?$/.exec(url ?? "");
  return match ? `/dashboards/${match[1]}${match[2] ?? ""}` : url;
}
