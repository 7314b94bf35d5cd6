/** When an alert was pending and firing over a window, as one strip. */
import { formatDateTime } from "../lib/format";
import { barsOf } from "../model/alerts";
import type { Stretch } from "../api/alerts";
import type { Window } from "../state/time-range";

export function StateStrip({ stretches, window, label }: { stretches: readonly Stretch[]; window: Window; label: string }) {
  const bars = barsOf(stretches, window);
  const firing = bars.filter(({ state }) => state === "firing").length;
  return (
    <div class="state-strip" role="img" aria-label={`${label}: fired ${firing === 1 ? "once" : `${firing} times`} from ${formatDateTime(window.start)} to ${formatDateTime(window.end)}`}>
      {bars.map(({ state, left, width }, i) => (
        <i key={i} class={`is-${state}`} style={{ left: `min(${left * 100}%, 100% - 2px)`, width: `${width * 100}%` }} />
      ))}
    </div>
  );
}
