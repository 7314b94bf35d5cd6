/** The whole trace in a strip: one line a span, coloured by service. A drag zooms the waterfall, a double click shows all again. */
import { useEffect, useRef, useState } from "preact/hooks";
import { rangeStyle, useDragSelect } from "../../components/drag-select";
import { hueColor, serviceHue } from "../../lib/color";
import { formatDuration } from "../../lib/format";
import type { Trace } from "../../model/trace";
import { theme } from "../../state/theme";
import { setZoom } from "./trace-url";

const HEIGHT = 52;

export function Minimap({ trace, zoom }: { trace: Trace; zoom: [number, number] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const drag = useDragSelect((from, to) => setZoom([from, to]));
  const dark = theme.value === "dark";

  useEffect(() => {
    const element = canvas.current!;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (width > 0) draw(canvas.current!, trace, width, dark);
  }, [trace, width, dark]);

  const [from, to] = drag.range ?? zoom;
  return (
    <div class="minimap" data-testid="minimap">
      <div class="minimap-plot" {...drag.handlers} onDblClick={() => setZoom([0, 1])} title="Drag to zoom, double click to see all">
        <canvas ref={canvas} style={{ height: `${HEIGHT}px` }} role="img" aria-label={`Overview of ${trace.spans.length} spans`} />
        <div class="minimap-shade" style={{ left: 0, width: `${from * 100}%` }} />
        <div class="minimap-shade" style={{ left: `${to * 100}%`, right: 0 }} />
        {drag.range && <div class="drag-range" style={rangeStyle(drag.range)} />}
      </div>
      <div class="minimap-ticks faint" aria-hidden="true">
        {[0, 0.25, 0.5, 0.75, 1].map((part) => (
          <span key={part}>{formatDuration(part * trace.duration)}</span>
        ))}
      </div>
    </div>
  );
}

function draw(canvas: HTMLCanvasElement, trace: Trace, width: number, dark: boolean): void {
  const ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = HEIGHT * ratio;
  const context = canvas.getContext("2d")!;
  context.scale(ratio, ratio);
  const line = HEIGHT / trace.spans.length;
  const thickness = Math.min(4, Math.max(1, line * 0.7));
  const total = trace.duration || 1;
  trace.spans.forEach((span, i) => {
    context.fillStyle = span.error ? (dark ? "#ff7b72" : "#cf2f2f") : hueColor(serviceHue(span.service), dark);
    const length = Math.max(1, (span.duration / total) * width);
    context.fillRect((span.start / total) * width, Math.min(HEIGHT - thickness, i * line), length, thickness);
  });
}
