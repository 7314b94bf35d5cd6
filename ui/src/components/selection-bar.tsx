/** What one can do with a stretch of time, or a box, that was selected on a chart: the traces and the logs in it, what differs, a closer look. */
import type { Selected } from "../api/correlate";
import { formatClock, formatDateTime } from "../lib/format";
import { encodeSelected } from "../model/differs";
import { setWindow, type Window } from "../state/time-range";
import { href, setParams } from "../state/url";
import { CloseIcon } from "./icons";
import { NO_DRAWER } from "./trace-drawer";
import "../styles/explore.css";

export interface Selection extends Window {
  /** Durations, like `120ms`, or "" where the chart shows no durations. */
  min?: string;
  max?: string;
  /** Traces that were measured within it. */
  traces?: string[];
  /** What else was selected, in words. */
  words?: string;
}

interface Props {
  selection: Selection;
  /** The one service the chart is about, or "". */
  service: string;
  operation?: string;
  close: () => void;
}

export function SelectionBar({ selection, service, operation = "", close }: Props) {
  const { start, end, min = "", max = "", traces = [], words } = selection;
  const window = { range: null, from: Math.floor(start), to: Math.ceil(end) };
  const byDuration = min !== "" || max !== "";
  const selected: Selected = { window: { start, end }, service, operation, min, max, traces: byDuration ? [] : traces };
  const differs = () => {
    setParams({ ...NO_DRAWER, differs: encodeSelected(selected) });
    close();
  };
  const zoom = () => {
    setWindow(selection);
    close();
  };
  return (
    <div class="selection-bar" role="group" aria-label="The selected time" data-testid="selection">
      <span class="selection-what" role="status">
        {formatDateTime(start)} – {formatClock(end)}
        {words && <b>{words}</b>}
      </span>
      <a class="button small" href={href("/traces", { ...window, service, operation, min, max })}>
        Traces in this window
      </a>
      <a class="button small" href={href("/logs", { ...window, service })}>
        Logs in this window
      </a>
      <button type="button" class="button small" onClick={differs}>
        What differs here
      </button>
      <button type="button" class="button small primary" onClick={zoom}>
        Zoom in
      </button>
      <button type="button" class="icon-button small" aria-label="Drop the selection" onClick={close}>
        <CloseIcon />
      </button>
    </div>
  );
}
