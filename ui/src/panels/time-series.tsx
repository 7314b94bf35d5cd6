/** Lines, bars and points over time, on one axis or two, stacked or not, with exemplars and what a click finds. */
import { useMemo, useState } from "preact/hooks";
import { ExploreChart } from "../components/explore-chart";
import { extent, thresholdValues } from "../model/dashboard/field";
import { asPercent, axisField, isStacked, measuresDurations, seriesOf, type Series } from "../model/dashboard/series";
import { formatText, roundOf } from "../model/dashboard/units";
import type { Measure } from "../model/measure";
import { Legend, legendSize } from "./legend";
import type { PanelProps } from "./props";

const RIGHT_PX = 0.3;

export function TimeSeriesPanel({ panel, title, frames, window, step, exemplars, query, width, height, dark, sync }: PanelProps) {
  const all = useMemo(() => seriesOf(frames, dark), [frames, dark]);
  const [only, setOnly] = useState<ReadonlySet<string>>(new Set());
  const percent = all.some((one) => one.field.config.stacking?.mode === "percent");
  const shown = useMemo(() => {
    const visible = only.size === 0 ? all : all.filter((one) => only.has(one.name));
    return (percent ? asPercent(visible) : visible).map((one) => ({ ...one, query }));
  }, [all, only, percent, query]);
  const config = axisField(all, false) ?? axisField(all, true) ?? {};
  const right = axisField(all, true);
  const measure: Measure = percent ? PERCENT : measureOf(config.unit, config.decimals);
  const legend = panel.options.legend ?? { show: true, table: false, right: false, calcs: [], sortDesc: false };
  const listed = all.filter((one) => one.field.config.hideLegend !== true);
  const beside = legend.show && legend.right && width > 480;
  const below = legend.show && !beside ? legendSize(legend, listed.length, height) : 0;
  const style = config.thresholdStyle;
  const lines = style === "line" || style === "both" || style === "area" ? thresholdValues(config, extent(all.map((one) => one.field))) : [];
  const fromZero = config.min === undefined && all.every((one) => one.field.values.every((value) => typeof value !== "number" || value >= 0)) && (config.fill ?? 0) > 0;
  return (
    <div class={`panel-chart${beside ? " is-beside" : ""}`}>
      <div class="panel-plot" style={beside ? { width: `${Math.round(width * (1 - RIGHT_PX))}px` } : {}}>
        {config.axisLabel && <span class="axis-label">{config.axisLabel}</span>}
        <ExploreChart
          title={title}
          series={shown}
          window={window}
          measure={measure}
          {...(right ? { rightMeasure: measureOf(right.unit, right.decimals) } : {})}
          {...(config.log ? { log: config.log } : {})}
          height={Math.max(60, height - below)}
          draw={config.draw === "bars" ? "bars" : "line"}
          stacked={isStacked(shown)}
          nulls={config.spanGaps !== undefined ? "join" : "gap"}
          step={step}
          fromZero={fromZero}
          {...(config.min !== undefined ? { least: config.min } : config.softMin !== undefined && lowest(all) >= config.softMin ? { least: config.softMin } : {})}
          {...(percent ? { most: 100 } : config.max !== undefined ? { most: config.max } : config.softMax !== undefined && highest(all) <= config.softMax ? { most: config.softMax } : {})}
          thresholds={lines.map(({ value, color }) => ({ value, tone: /red/.test(color) ? "error" : /green|blue/.test(color) ? "ok" : "warn" }))}
          compact
          legend="none"
          sync={sync}
          exemplars={exemplars}
          exemplarsOnScale={measuresDurations(panel)}
        />
      </div>
      {legend.show && <Legend options={legend} series={listed} only={only} setOnly={setOnly} beside={beside} height={beside ? height : below} />}
    </div>
  );
}

const measureOf = (unit?: string, decimals?: number): Measure => ({ format: (value) => formatText(value, unit, decimals), round: roundOf(unit) });

const PERCENT: Measure = { format: (value) => `${Math.round(value)}%`, round: "decimal" };

const lowest = (all: readonly Series[]) => extent(all.map((one) => one.field))[0];
const highest = (all: readonly Series[]) => extent(all.map((one) => one.field))[1];
