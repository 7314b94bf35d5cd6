/** A tiny chart without axes that fills its card: a line over the window, broken where there are no points. */
import type { Window } from "../state/time-range";

const WIDTH = 200;
const HEIGHT = 44;
const TOP = 4;

interface Props {
  /** Seconds and value, in order of time. */
  points: [number, number][];
  window: Window;
  fromZero: boolean;
  /** Seconds between two points; a longer gap breaks the line. */
  step: number;
}

export function MiniLine({ points, window, fromZero, step }: Props) {
  const [least, most] = extent(points, fromZero);
  const x = (at: number) => ((at * 1000 - window.start) / (window.end - window.start)) * WIDTH;
  const y = (value: number) => HEIGHT - 1 - ((value - least) / (most - least)) * (HEIGHT - 1 - TOP);
  const pairs = (run: [number, number][]) => run.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  return (
    <svg class="mini-line" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {runs(points, step).map((run) => (
        <g key={run[0][0]}>
          <polygon points={`${x(run[0][0]).toFixed(1)},${HEIGHT} ${pairs(run)} ${x(run[run.length - 1][0]).toFixed(1)},${HEIGHT}`} />
          <polyline points={pairs(run)} />
        </g>
      ))}
    </svg>
  );
}

/** Never of no height; a level that hardly moves is a line in the middle rather than noise from top to bottom. */
function extent(points: [number, number][], fromZero: boolean): [number, number] {
  const values = points.map(([, value]) => value);
  let least = values.reduce((a, b) => Math.min(a, b), Infinity);
  let most = values.reduce((a, b) => Math.max(a, b), -Infinity);
  if (fromZero) least = Math.min(0, least);
  const room = Math.max(Math.abs(most), Math.abs(least)) * 0.04;
  if (most - least < room) [least, most] = [least - room, most + room];
  return most > least ? [least, most] : [least, least + 1];
}

function runs(points: [number, number][], step: number): [number, number][][] {
  const all: [number, number][][] = [];
  for (const point of points) {
    const run = all[all.length - 1];
    if (run && point[0] - run[run.length - 1][0] <= step * 1.5) run.push(point);
    else all.push([point]);
  }
  return all;
}
