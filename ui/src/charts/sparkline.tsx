/** A small line without axes, for a cell of a table. */

const WIDTH = 120;
const HEIGHT = 26;

export function Sparkline({ values, tone = "plain" }: { values: readonly (number | null)[]; tone?: "plain" | "error" | "accent" | "warn" }) {
  const most = Math.max(0, ...values.map((value) => value ?? 0));
  const x = (i: number) => (values.length < 2 ? 0 : (i / (values.length - 1)) * WIDTH);
  const y = (value: number) => HEIGHT - 2 - (most === 0 ? 0 : (value / most) * (HEIGHT - 5));
  const points = values.flatMap((value, i) => (value === null ? [] : [`${x(i).toFixed(1)},${y(value).toFixed(1)}`]));
  if (points.length === 0) return <span class="faint">–</span>;
  const firstX = points[0].split(",")[0];
  const lastX = points[points.length - 1].split(",")[0];
  return (
    <svg class={`sparkline ${most === 0 ? "flat" : tone}`} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} preserveAspectRatio="none" aria-hidden="true">
      <polygon points={`${firstX},${HEIGHT} ${points.join(" ")} ${lastX},${HEIGHT}`} />
      <polyline points={points.join(" ")} />
    </svg>
  );
}
