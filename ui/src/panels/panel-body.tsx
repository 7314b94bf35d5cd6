/** Which type of panel is drawn by what. What needs answers and has none says so. */
import type { Panel, PanelType } from "../api/dashboards";
import type { ComponentType } from "preact";
import { isNumber } from "../model/dashboard/frames";
import { BarChartPanel } from "./bar-chart";
import { BarGaugePanel } from "./bar-gauge";
import { GaugePanel } from "./gauge";
import { HeatmapPanel } from "./heatmap";
import { LogsPanel } from "./logs";
import { Nothing } from "./nothing";
import { PiePanel } from "./pie";
import type { PanelProps } from "./props";
import { StatPanel } from "./stat";
import { StateTimelinePanel } from "./state-timeline";
import { TablePanel } from "./table";
import { TextPanel } from "./text";
import { TimeSeriesPanel } from "./time-series";
import { TracesPanel } from "./traces";

const PANELS: Partial<Record<PanelType, ComponentType<PanelProps>>> = {
  timeseries: TimeSeriesPanel,
  stat: StatPanel,
  gauge: GaugePanel,
  bargauge: BarGaugePanel,
  barchart: BarChartPanel,
  piechart: PiePanel,
  heatmap: HeatmapPanel,
  table: TablePanel,
  text: TextPanel,
  "state-timeline": StateTimelinePanel,
  logs: LogsPanel,
  traces: TracesPanel,
};

/** Those that ask by themselves, or ask nothing. */
const OWN = new Set<PanelType>(["text", "logs", "traces", "row", "unsupported"]);

export const needsData = ({ type, targets = [] }: Panel) => !OWN.has(type) && targets.some(({ source }) => source === "prometheus" || source === "loki");

export function PanelBody(props: PanelProps & { warnings: string[] }) {
  const { panel, frames, warnings } = props;
  const Body = PANELS[panel.type];
  if (!Body) return <Nothing>{panel.unsupported?.[0]?.what ?? `Panels of type ${panel.written} are not drawn.`}</Nothing>;
  if (!OWN.has(panel.type)) {
    if ((panel.targets ?? []).length === 0) return <Nothing>{panel.unsupported?.[0]?.what ?? "The panel has no query."}</Nothing>;
    const some = frames.some((frame) => frame.fields.some((one) => one.type !== "time" && one.values.some((value) => value !== null && !(isNumber(value) && Number.isNaN(value)))));
    if (!some) {
      return (
        <Nothing>
          {panel.field.noValue ?? "No data in this window."}
          {warnings.map((warning) => (
            <p key={warning} class="faint">
              {warning.replace(/^PromQL (info|warning): /, "").replace(/ \(\d+:\d+\)$/, "")}
            </p>
          ))}
        </Nothing>
      );
    }
  }
  return <Body {...props} />;
}
