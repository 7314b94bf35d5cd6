/**
 * Found traces as dots: when, how long (logarithmic), how many spans (size), failed or not (colour). A click opens one, a drag
 * selects a window of time. The list below holds the same, which is why assistive technology skips the picture.
 */
import { useState } from "preact/hooks";
import type { TraceSummary } from "../model/summary";
import type { Window } from "../state/time-range";
import { rangeStyle, useDragSelect } from "../components/drag-select";
import { formatCounted, formatDateTime, formatDuration, formatTick } from "../lib/format";

interface Props {
  traces: TraceSummary[];
  window: Window;
  open: (id: string) => void;
  select: (window: Window) => void;
  /** Asks for more, when there may be older traces than the found ones. */
  more?: () => void;
}

export function Scatter({ traces, window, open, select, more }: Props) {
  const [hovered, setHovered] = useState<TraceSummary | null>(null);
  const span = window.end - window.start;
  const drag = useDragSelect((from, to) => select({ start: window.start + from * span, end: window.start + to * span }));
  const scale = durationScale(traces);
  const left = (trace: TraceSummary) => `${((trace.startMs - window.start) / span) * 100}%`;
  const bottom = (trace: TraceSummary) => `${scale.position(trace.duration) * 100}%`;

  return (
    <figure class="scatter" data-testid="scatter" aria-label="Durations of the found traces over time">
      <div class="scatter-y" aria-hidden="true">
        {scale.ticks.map((tick) => (
          <span key={tick} style={{ bottom: `${scale.position(tick) * 100}%` }}>
            {formatDuration(tick)}
          </span>
        ))}
      </div>
      <div class="scatter-plot" aria-hidden="true" {...drag.handlers}>
        {scale.ticks.map((tick) => (
          <i key={tick} class="grid-line" style={{ bottom: `${scale.position(tick) * 100}%` }} />
        ))}
        {more && (
          <div class="scatter-beyond" style={{ width: left(oldest(traces)) }}>
            <button type="button" tabIndex={-1} onClick={more}>
              older ones not fetched
            </button>
          </div>
        )}
        {traces.map((trace) => (
          <button
            key={trace.id}
            type="button"
            tabIndex={-1}
            data-testid="scatter-dot"
            class={`scatter-dot${trace.errors > 0 ? " is-error" : ""}`}
            style={{ left: left(trace), bottom: bottom(trace), width: `${dotSize(trace)}px`, height: `${dotSize(trace)}px` }}
            onClick={() => open(trace.id)}
            onPointerEnter={() => setHovered(trace)}
            onPointerLeave={() => setHovered(null)}
          />
        ))}
        {drag.range && <div class="drag-range" style={rangeStyle(drag.range)} />}
        {hovered && !drag.range && <Tip trace={hovered} left={left(hovered)} bottom={bottom(hovered)} right={hovered.startMs > window.start + span / 2} />}
      </div>
      <TimeTicks window={window} />
    </figure>
  );
}

function Tip({ trace, left, bottom, right }: { trace: TraceSummary; left: string; bottom: string; right: boolean }) {
  return (
    <div class={`tip${right ? " tip-left" : ""}`} style={{ left, bottom }}>
      <strong>
        {trace.rootService}: {trace.root}
      </strong>
      <span>
        {formatDuration(trace.duration)} · {formatCounted(trace.spans, "span")}{trace.errors > 0 ? ` · ${trace.errors} failed` : ""}
      </span>
      <span class="faint">{formatDateTime(trace.startMs, true)}</span>
    </div>
  );
}

export function TimeTicks({ window, count = 6 }: { window: Window; count?: number }) {
  const span = window.end - window.start;
  return (
    <div class="time-ticks" aria-hidden="true">
      {Array.from({ length: count + 1 }, (_, i) => (
        <span key={i} style={{ left: `${(i / count) * 100}%` }}>
          {formatTick(window.start + (i / count) * span, span)}
        </span>
      ))}
    </div>
  );
}

const oldest = (traces: TraceSummary[]) => traces.reduce((first, trace) => (trace.startMs < first.startMs ? trace : first));

const dotSize = (trace: TraceSummary) => Math.min(20, 5 + Math.sqrt(trace.spans) * 0.6);

/** Powers of ten from below the least to above the most; a few ticks of them. */
function durationScale(traces: TraceSummary[]): { ticks: number[]; position: (micros: number) => number } {
  const durations = traces.map((trace) => Math.max(1, trace.duration));
  const least = Math.log10(Math.min(...durations)) - 0.15;
  const most = Math.log10(Math.max(...durations)) + 0.15;
  const position = (micros: number) => (Math.log10(Math.max(1, micros)) - least) / (most - least);
  const steps = most - least > 2.5 ? [1] : most - least > 1 ? [1, 3] : [1, 2, 5];
  const ticks: number[] = [];
  for (let power = Math.floor(least); power <= most; power++) {
    for (const step of steps) {
      const tick = step * 10 ** power;
      if (position(tick) >= 0 && position(tick) <= 1) ticks.push(tick);
    }
  }
  return { ticks, position };
}
