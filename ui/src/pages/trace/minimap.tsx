/** The whole trace in a strip: one line a span, coloured by service. A drag zooms the waterfall, a double click shows all again. */
import { useEffect, useRef, useState } from "preact/hooks";
import { rangeStyle, useDragSelect } from "../../components/drag-select";
import { hueColor, serviceHue } from "../../lib/color";
import { formatDuration } from "../../lib/format";
import { afterPaint, inSlices } from "../../lib/slices";
import { FAILED, type Trace } from "../../model/trace";
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
    if (width === 0) return;
    const abort = new AbortController();
    draw(canvas.current!, trace, width, dark, abort.signal).catch(() => undefined);
    return () => abort.abort();
  }, [trace, width, dark]);

  const [from, to] = drag.range ?? zoom;
  const zoomed = zoom[0] > 0 || zoom[1] < 1;
  return (
    <div class="minimap" data-testid="minimap">
      <div class="minimap-plot" {...drag.handlers} onDblClick={() => setZoom([0, 1])} title="Drag to zoom, double click to see all">
        <canvas ref={canvas} style={{ height: `${HEIGHT}px` }} role="img" aria-label={`Overview of ${trace.size} spans`} />
        <div class="minimap-shade" style={{ left: 0, width: `${from * 100}%` }} />
        <div class="minimap-shade" style={{ left: `${to * 100}%`, right: 0 }} />
        {drag.range && <div class="drag-range" style={rangeStyle(drag.range)} />}
        {zoomed && !drag.range && (
          <button type="button" class="button small minimap-reset" title="Show the whole time (0)" onPointerDown={(event) => event.stopPropagation()} onClick={() => setZoom([0, 1])}>
            Show all
          </button>
        )}
      </div>
      <div class="minimap-ticks faint" aria-hidden="true">
        {[0, 0.25, 0.5, 0.75, 1].map((part) => (
          <span key={part}>{formatDuration(part * trace.total)}</span>
        ))}
      </div>
    </div>
  );
}

/** After the rows are there, in slices; what a line of pixels shows already is not drawn again. */
async function draw(canvas: HTMLCanvasElement, trace: Trace, width: number, dark: boolean, signal: AbortSignal): Promise<void> {
  await afterPaint();
  signal.throwIfAborted();
  const ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = HEIGHT * ratio;
  const context = canvas.getContext("2d")!;
  context.scale(ratio, ratio);
  const line = HEIGHT / trace.size;
  const thickness = Math.min(4, Math.max(1, line * 0.7));
  const scale = width / (trace.total || 1);
  const colors = trace.services.map((service) => hueColor(serviceHue(service.name), dark));
  const failed = dark ? "#ff7b72" : "#cf2f2f";
  const drawn = { color: "", y: -1, from: 0, to: 0 };
  await inSlices(trace.size, signal, (row) => {
    const color = trace.flags[row] & FAILED ? failed : colors[trace.service[row]];
    const y = thickness > 1 ? row * line : Math.floor(row * line * ratio) / ratio;
    const from = trace.start[row] * scale;
    const to = from + Math.max(1, trace.duration[row] * scale);
    if (y === drawn.y && color === drawn.color && from >= drawn.from && to <= drawn.to) return;
    if (color !== drawn.color) context.fillStyle = color;
    context.fillRect(from, y, to - from, thickness);
    Object.assign(drawn, { color, y, from, to });
  });
}
