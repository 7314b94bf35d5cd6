/** What each way to look at a trace gets. */
import type { Trace } from "../../model/trace";
import type { Found } from "../../model/trace-find";
import type { RowChoice } from "../../model/trace-rows";
import type { TraceState } from "./trace-url";
import type { TraceLogs } from "./use-trace";

export interface ViewProps {
  trace: Trace;
  /** The rows that the waterfall shows. */
  rows: Uint32Array;
  state: TraceState;
  choice: RowChoice;
  found: Found;
  /** A row, or -1. */
  selected: number;
  logs: TraceLogs | undefined;
}
