/**
 * The address bar is the state: where one is and everything one chose. Pages read `route` and change it with `navigate` and
 * `setParams`; back, forward, reload and a pasted link therefore work without further code.
 */
import { computed, signal } from "@preact/signals";

export interface Route {
  path: string;
  params: URLSearchParams;
}

/** Parameters that stay when one goes from page to page. */
const SHARED = ["range", "from", "to", "refresh"];

/**
 * `/metrics/NAME` is what people guess, and it reaches the page; `/metrics` alone does not, as the server answers that itself.
 * `/trace/ID` is where links in alerts lead, and those to Jaeger.
 */
export const canonical = (path: string) => path.replace(/^\/metrics(?=\/|$)/, "/metric").replace(/^\/trace(?=\/)/, "/traces");

const read = (): Route => ({ path: canonical(location.pathname), params: new URLSearchParams(location.search) });

export const route = signal<Route>(read());

export const path = computed(() => route.value.path);

export const param = (name: string) => route.value.params.get(name) ?? "";

export type Changes = Record<string, string | number | readonly string[] | null | undefined>;

/** Returns the parameters with the changes made; null and "" remove one, a list repeats it. */
export function changed(params: URLSearchParams, changes: Changes): URLSearchParams {
  const next = new URLSearchParams(params);
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    if (value === null || value === undefined || value === "") continue;
    if (typeof value === "object") value.forEach((one) => next.append(name, one));
    else next.set(name, String(value));
  }
  return next;
}

/** Colons, slashes and commas are legal in a query and easier to read as they are. */
export function encode(params: URLSearchParams): string {
  const text = params.toString().replace(/%3A/g, ":").replace(/%2F/g, "/").replace(/%2C/g, ",");
  return text === "" ? "" : `?${text}`;
}

/** An address of another page, which keeps the time range. */
export function href(target: string, changes: Changes = {}): string {
  const shared = new URLSearchParams();
  for (const name of SHARED) {
    const value = route.value.params.get(name);
    if (value !== null) shared.set(name, value);
  }
  return target + encode(changed(shared, changes));
}

/** The present address with some parameters changed. */
export const hrefWith = (changes: Changes) => route.value.path + encode(changed(route.value.params, changes));

export function navigate(target: string, how: "push" | "replace" = "push"): void {
  if (target === location.pathname + location.search) return;
  if (how === "push") history.pushState(null, "", target);
  else history.replaceState(null, "", target);
  route.value = read();
}

/** Changes parameters in place. Typing and moving a selection replace; what deserves a step back pushes. */
export function setParams(changes: Changes, how: "push" | "replace" = "push"): void {
  navigate(hrefWith(changes), how);
}

/** Follows back, forward and plain clicks on links of our own. */
export function startRouter(): void {
  addEventListener("popstate", () => (route.value = read()));
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest?.("a[href]");
    if (!(link instanceof HTMLAnchorElement) || link.origin !== location.origin || link.target || link.hasAttribute("download")) return;
    if (link.pathname.startsWith("/api/")) return;
    event.preventDefault();
    const moved = link.pathname !== location.pathname;
    navigate(link.pathname + link.search);
    if (moved) scrollTo(0, 0);
  });
}
