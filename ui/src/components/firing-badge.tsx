/** How many alerts fire that nobody silenced, in the bar above every page; nothing where there are none. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { fetchFiringCount } from "../api/alerts";
import { href, route } from "../state/url";

const EVERY_MS = 20_000;

const firing = signal(0);

/** Asks now: after what may have changed it. */
export function countFiring(signal?: AbortSignal): void {
  // What can't be known isn't shown; the page of alerts says why.
  void fetchFiringCount(signal).then(
    (count) => (firing.value = count),
    () => undefined,
  );
}

export function FiringBadge() {
  void route.value;
  useEffect(() => {
    const abort = new AbortController();
    countFiring(abort.signal);
    const timer = setInterval(() => document.visibilityState === "visible" && countFiring(abort.signal), EVERY_MS);
    return () => {
      clearInterval(timer);
      abort.abort();
    };
  }, []);
  if (firing.value === 0) return null;
  const said = firing.value === 1 ? "1 alert fires" : `${firing.value} alerts fire`;
  return (
    <a class="firing-badge" href={href("/alerts")} aria-label={said} title={said} data-testid="firing-badge">
      <i aria-hidden="true" />
      {firing.value > 99 ? "99+" : firing.value}
    </a>
  );
}
