/** Exemplars above a chart: real measurements that know their trace. One is in the tab order; arrows go from one to the next. */
import { useRef, useState } from "preact/hooks";
import { formatClock } from "../lib/format";

export interface ExemplarPoint {
  /** Seconds since the Unix epoch. */
  at: number;
  value: number;
  traceId: string;
  spanId: string;
  labels: Record<string, string>;
}

export interface Placed {
  exemplar: ExemplarPoint;
  x: number;
  y: number;
  /** Its value is above what the chart shows. */
  beyond: boolean;
}

interface Props {
  placed: Placed[];
  format: (value: number) => string;
  open: (exemplar: ExemplarPoint) => void;
  openTrace?: string;
}

export function ExemplarDots({ placed, format, open, openTrace }: Props) {
  const [hovered, setHovered] = useState<Placed | null>(null);
  const [current, setCurrent] = useState(0);
  const dots = useRef<(HTMLButtonElement | null)[]>([]);
  const move = (to: number) => {
    const next = Math.min(placed.length - 1, Math.max(0, to));
    setCurrent(next);
    dots.current[next]?.focus();
  };
  const onKeyDown = (event: KeyboardEvent, i: number) => {
    if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
    event.preventDefault();
    move(event.key === "ArrowRight" ? i + 1 : i - 1);
  };
  const tabbable = Math.min(current, placed.length - 1);
  return (
    <div class="exemplars" role="group" aria-label="Exemplars: measurements with a trace" onMouseDown={passOn}>
      {placed.map((one, i) => (
        <button
          key={`${one.exemplar.traceId}${one.exemplar.at}`}
          ref={(element) => {
            dots.current[i] = element;
          }}
          type="button"
          data-testid="exemplar"
          data-trace-id={one.exemplar.traceId}
          tabIndex={i === tabbable ? 0 : -1}
          class={`exemplar${one.beyond ? " is-beyond" : ""}${one.exemplar.traceId === openTrace ? " is-open" : ""}`}
          style={{ left: `${one.x}px`, top: `${one.y}px` }}
          aria-label={`Exemplar ${format(one.exemplar.value)} at ${formatClock(one.exemplar.at * 1000)}, open its trace`}
          onClick={() => open(one.exemplar)}
          onKeyDown={(event) => onKeyDown(event, i)}
          onPointerEnter={() => setHovered(one)}
          onPointerLeave={() => setHovered(null)}
          onFocus={() => setHovered(one)}
          onBlur={() => setHovered(null)}
        />
      ))}
      {hovered && <ExemplarTip placed={hovered} format={format} />}
    </div>
  );
}

/** A drag that happens to begin on a dot selects a window as any other does. */
function passOn(event: MouseEvent): void {
  const { clientX, clientY, button } = event;
  const plot = (event.currentTarget as Element).parentElement?.querySelector(".u-over");
  plot?.dispatchEvent(new MouseEvent("mousedown", { clientX, clientY, button }));
}

function ExemplarTip({ placed: { exemplar, x, y }, format }: { placed: Placed; format: (value: number) => string }) {
  const labels = Object.entries(exemplar.labels).filter(([name]) => name !== "__name__" && name !== "le");
  return (
    <div class={`tip${x > 420 ? " tip-left" : ""}`} style={{ left: `${x}px`, top: `${y}px`, bottom: "auto" }}>
      <strong>{format(exemplar.value)}</strong>
      <span class="mono">trace {exemplar.traceId.slice(0, 16)}…</span>
      {labels.map(([name, value]) => (
        <span key={name} class="faint">
          {name}={value}
        </span>
      ))}
      <span class="faint">{formatClock(exemplar.at * 1000, true)} · click opens the trace</span>
    </div>
  );
}
