/** Log records a step of time, stacked by severity; a drag selects a window. */
import { useState } from "preact/hooks";
import type { LogVolume } from "../api/logs";
import type { Window } from "../state/time-range";
import { rangeStyle, useDragSelect } from "../components/drag-select";
import { formatClock, formatCount } from "../lib/format";
import { LEVELS } from "../lib/severity";
import { TimeTicks } from "./scatter";

export function VolumeChart({ volume, select }: { volume: LogVolume; select: (window: Window) => void }) {
  const [hovered, setHovered] = useState(-1);
  const window = { start: Number(volume.start_unix_nano) / 1e6, end: Number(volume.end_unix_nano) / 1e6 };
  const span = window.end - window.start;
  const drag = useDragSelect((from, to) => select({ start: window.start + from * span, end: window.start + to * span }));
  const levels = LEVELS.filter((level) => volume.levels[level]?.some((count) => count > 0));
  const totals = Array.from({ length: volume.steps }, (_, i) => levels.reduce((sum, level) => sum + volume.levels[level][i], 0));
  const most = Math.max(1, ...totals);
  const total = (level: string) => volume.levels[level].reduce((sum, count) => sum + count, 0);
  const at = (step: number) => window.start + (step / volume.steps) * span;

  return (
    <figure class="volume" data-testid="volume" aria-label="Log records over time by severity">
      <div class="volume-plot" aria-hidden="true" {...drag.handlers} onPointerLeave={() => setHovered(-1)}>
        <span class="volume-most">{formatCount(most)}</span>
        {totals.map((_, i) => (
          <div key={i} class="volume-step" onPointerEnter={() => setHovered(i)}>
            {levels.map((level) => (
              <i key={level} class={`level-${level.toLowerCase()}`} style={{ height: `${(volume.levels[level][i] / most) * 100}%` }} />
            ))}
          </div>
        ))}
        {drag.range && <div class="drag-range" style={rangeStyle(drag.range)} />}
      </div>
      <TimeTicks window={window} />
      <figcaption class="volume-legend">
        {levels.map((level) => (
          <span key={level}>
            <i class={`swatch level-${level.toLowerCase()}`} />
            {level} <b>{formatCount(hovered < 0 ? total(level) : volume.levels[level][hovered])}</b>
          </span>
        ))}
        <span class="faint">{hovered < 0 ? "" : `${formatClock(at(hovered))} – ${formatClock(at(hovered + 1))}`}</span>
      </figcaption>
    </figure>
  );
}
