/**
 * Found traces as dots: when, how long (logarithmic), how many spans (size), failed or not (colour). A click opens one, a drag
 * selects a window of time, a range of durations, or both. The list below holds the same, which is why assistive technology skips the picture.
 */
import { useMemo, useState } from "preact/hooks";
import type { TraceSummary } from "../api/trace-summaries";
import { boxStyle, useDragBox } from "../components/drag-box";
import { formatCounted, formatDateTime, formatDuration, formatTick } from "../lib/format";
import type { Window } from "../state/time-range";

interface Props {
  traces: TraceSummary[];
  /** The stretch of time that is drawn. */
  axis: Window;
  open: (trace: TraceSummary) => void;
  select: (selection: Selection) => void;
  /** There are older traces than these, which were not fetched. */
  older: boolean;
}

/** What was dragged over; null where that narrows nothing. Durations in microseconds. */
export interface Selection {
  window: Window | null;
  durations: [number, number] | null;
}

/** Of the width. */
const ROOM_FOR_WORDS = 0.15;

export function Scatter({ traces, axis, open, select, older }: Props) {
  const [hovered, setHovered] = useState<TraceSummary | null>(null);
  const span = axis.end - axis.start;
  const scale = useMemo(() => durationScale(traces), [traces]);
  const drag = useDragBox(({ x, y }) =>
    select({
      window: x && { start: axis.start + x[0] * span, end: axis.start + x[1] * span },
      durations: y && [scale.duration(y[0]), scale.duration(y[1])],
    }),
  );
  const left = (trace: TraceSummary) => `${(((trace.startMs - axis.start) / span) * 100).toFixed(3)}%`;
  const bottom = (trace: TraceSummary) => `${(scale.position(trace.duration) * 100).toFixed(2)}%`;
  const byId = useMemo(() => new Map(traces.map((trace) => [trace.id, trace])), [traces]);
  // Thousands of them: made once, not again whenever the pointer meets one.
  const dots = useMemo(() => traces.map((trace) => <Dot key={trace.id} trace={trace} left={left(trace)} bottom={bottom(trace)} />), [traces, axis.start, axis.end]);
  const traceOf = (event: Event) => byId.get((event.target as HTMLElement).dataset.dot ?? "");

  return (
    <figure class="scatter" data-testid="scatter" aria-label="Durations of the found traces over time">
      <div class="scatter-y" aria-hidden="true">
        {scale.ticks.map((tick) => (
          <span key={tick} style={{ bottom: `${scale.position(tick) * 100}%` }}>
            {formatDuration(tick)}
          </span>
        ))}
      </div>
      <div
        class="scatter-plot"
        aria-hidden="true"
        {...drag.handlers}
        onClick={(event) => {
          const trace = traceOf(event);
          if (trace) open(trace);
        }}
        onPointerOver={(event) => setHovered(traceOf(event) ?? null)}
        onPointerLeave={() => setHovered(null)}
      >
        {scale.ticks.map((tick) => (
          <i key={tick} class="grid-line" style={{ bottom: `${scale.position(tick) * 100}%` }} />
        ))}
        {older && (
          <div class="scatter-beyond" style={{ width: left(oldest(traces)) }}>
            {oldest(traces).startMs - axis.start > span * ROOM_FOR_WORDS && <span>older ones not fetched</span>}
          </div>
        )}
        {dots}
        {drag.box && <div class={`drag-range${drag.box.y ? " is-box" : ""}`} style={boxStyle(drag.box)} />}
        {hovered && !drag.box && <Tip trace={hovered} left={left(hovered)} bottom={bottom(hovered)} right={hovered.startMs > axis.start + span / 2} />}
      </div>
      <TimeTicks window={axis} />
    </figure>
  );
}

function Dot({ trace, left, bottom }: { trace: TraceSummary; left: string; bottom: string }) {
  const size = `${dotSize(trace).toFixed(1)}px`;
  return <i data-dot={trace.id} data-testid="scatter-dot" class={`scatter-dot${trace.errors > 0 ? " is-error" : ""}`} style={{ left, bottom, width: size, height: size }} />;
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

const dotSize = (trace: TraceSummary) => Math.min(18, 4.5 + Math.sqrt(trace.spans) * 0.5);

/** Powers of ten from below the least to above the most; a few ticks of them. */
function durationScale(traces: TraceSummary[]): { ticks: number[]; position: (micros: number) => number; duration: (position: number) => number } {
  const durations = traces.map((trace) => Math.max(1, trace.duration));
  const least = Math.log10(durations.reduce((a, b) => Math.min(a, b))) - 0.15;
  const most = Math.log10(durations.reduce((a, b) => Math.max(a, b))) + 0.15;
  const position = (micros: number) => (Math.log10(Math.max(1, micros)) - least) / (most - least);
  const duration = (at: number) => 10 ** (least + at * (most - least));
  const steps = most - least > 2.5 ? [1] : most - least > 1 ? [1, 3] : [1, 2, 5];
  const ticks: number[] = [];
  for (let power = Math.floor(least); power <= most; power++) {
    for (const step of steps) {
      const tick = step * 10 ** power;
      if (position(tick) >= 0 && position(tick) <= 1) ticks.push(tick);
    }
  }
  return { ticks, position, duration };
}
