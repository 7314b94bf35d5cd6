/** A small line chart without axes of a query and the level that an alert waits for. */
import type { Window } from "../state/time-range";

const WIDTH = 200;
const HEIGHT = 44;
const ROOM = 4;

interface Props {
  /** Of each series seconds and value, in order of time. */
  series: [number, number][][];
  bound: number | undefined;
  window: Window;
}

export function ThresholdLine({ series, bound, window }: Props) {
  const values = series.flatMap((points) => points.map(([, value]) => value)).concat(bound ?? []);
  let least = values.reduce((a, b) => Math.min(a, b), Infinity);
  let most = values.reduce((a, b) => Math.max(a, b), -Infinity);
  if (!(most > least)) [least, most] = [least - 1, most + 1];
  const x = (at: number) => ((at * 1000 - window.start) / (window.end - window.start)) * WIDTH;
  const y = (value: number) => HEIGHT - ROOM - ((value - least) / (most - least)) * (HEIGHT - 2 * ROOM);
  return (
    <svg class="threshold-line" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {series.map((points, i) => (
        <polyline key={i} points={points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ")} />
      ))}
      {bound !== undefined && <line x1="0" x2={WIDTH} y1={y(bound)} y2={y(bound)} />}
    </svg>
  );
}
