/** What one can do with a stretch of time selected on a chart. */
import { CloseIcon } from "../../components/icons";
import { formatDateTime } from "../../lib/format";
import { setWindow, type Window } from "../../state/time-range";
import { href } from "../../state/url";

export function SelectionBar({ selection, service, close }: { selection: Window; service: string; close: () => void }) {
  const window = { range: null, from: Math.floor(selection.start), to: Math.ceil(selection.end) };
  const zoom = () => {
    setWindow(selection);
    close();
  };
  return (
    <div class="selection-bar" role="status" data-testid="selection">
      <span>
        {formatDateTime(selection.start)} – {formatDateTime(selection.end).slice(11)}
      </span>
      <button type="button" class="button small primary" onClick={zoom}>
        Zoom in
      </button>
      <a class="button small" href={href("/traces", { ...window, service })}>
        Traces in this window
      </a>
      <a class="button small" href={href("/logs", { ...window, service })}>
        Logs in this window
      </a>
      <button type="button" class="icon-button small" aria-label="Drop the selection" onClick={close}>
        <CloseIcon />
      </button>
    </div>
  );
}
