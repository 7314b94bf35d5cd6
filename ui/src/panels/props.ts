/** What a panel is drawn of: its answers, transformed and configured, and the room there is. */
import type { Panel } from "../api/dashboards";
import type { ExemplarPoint } from "../charts/exemplar-dots";
import type { Frame } from "../model/dashboard/frames";
import type { Scope } from "../model/dashboard/variables";
import type { Window } from "../state/time-range";

export interface PanelProps {
  panel: Panel;
  title: string;
  frames: Frame[];
  window: Window;
  /** Seconds. */
  step: number;
  exemplars: ExemplarPoint[];
  scope: Scope;
  /** The first query as it was asked, with variables put in. */
  query: string;
  width: number;
  height: number;
  dark: boolean;
  /** Panels of one name share the crosshair. */
  sync: string;
  /** Time ends here, for queries of other APIs. */
  version: string;
}
