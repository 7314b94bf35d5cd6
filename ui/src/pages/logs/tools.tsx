/** What one does with the list: columns, wrapped lines, JSON spread out, a file of what is shown. */
import { useState } from "preact/hooks";
import { fetchLogKeys, type LogRecord } from "../../api/logs";
import { asJsonLines, moved } from "../../model/log-columns";
import { useKeys } from "../../state/keys";
import { useLoad } from "../../state/load";
import { setParams } from "../../state/url";
import { ColumnIcon, DownloadIcon } from "./log-icons";
import { toggleColumn, type LogState } from "./log-state";

/** Columns that are no attributes. */
const FIELDS = ["trace_id", "span_id", "scope", "event_name"];

export function Tools({ state, logs }: { state: LogState; logs: readonly LogRecord[] }) {
  const flag = (name: "wrap" | "json") => setParams({ [name]: state[name] ? null : "1" }, "replace");
  useKeys("How logs are shown", [
    { keys: ["w"], does: "Wrap long lines or not", run: () => flag("wrap") },
    { keys: ["J"], does: "Spread JSON out or not", run: () => flag("json") },
  ]);
  return (
    <div class="log-tools">
      <Columns state={state} />
      <button type="button" class="button small" aria-pressed={state.wrap} title="Wrap long lines (w)" onClick={() => flag("wrap")}>
        Wrap
      </button>
      <button type="button" class="button small" aria-pressed={state.json} title="Spread JSON out (J)" onClick={() => flag("json")}>
        JSON
      </button>
      <button type="button" class="button small" disabled={logs.length === 0} title="Download what is shown, a record a line, as JSON" data-testid="download" onClick={() => download(logs)}>
        <DownloadIcon /> <span class="tool-name">Download</span>
      </button>
    </div>
  );
}

function download(logs: readonly LogRecord[]): void {
  const url = URL.createObjectURL(new Blob([asJsonLines(logs)], { type: "application/x-ndjson" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `logs-${new Date().toISOString().slice(0, 19).replace(/:/g, "-")}.jsonl`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function Columns({ state }: { state: LogState }) {
  const [open, setOpen] = useState(false);
  const [find, setFind] = useState("");
  const keys = useLoad(open ? "log keys" : null, 0, fetchLogKeys);
  useKeys("Columns", [{ keys: ["Escape"], does: "Close the list of columns", run: () => setOpen(false) }], open);
  const all = [...FIELDS, ...(keys.data ?? [])].filter((key) => !state.columns.includes(key));
  const found = all.filter((key) => key.toLowerCase().includes(find.trim().toLowerCase())).slice(0, 200);
  return (
    <div class="columns-picker" onFocusOut={(event) => !event.currentTarget.contains(event.relatedTarget as Node | null) && event.relatedTarget && setOpen(false)}>
      <button type="button" class="button small" aria-expanded={open} data-testid="columns" onClick={() => setOpen(!open)}>
        <ColumnIcon /> <span class="tool-name">Columns</span>
        {state.columns.length > 0 && <span class="count">{state.columns.length}</span>}
      </button>
      {open && (
        <div class="menu columns-menu" data-testid="columns-menu">
          <input type="search" autoFocus value={find} placeholder="Find an attribute" aria-label="Find an attribute" onInput={(event) => setFind(event.currentTarget.value)} />
          <ul>
            {state.columns.map((key, i) => (
              <li key={key} class="is-chosen">
                <label>
                  <input type="checkbox" checked onChange={() => toggleColumn(key)} />
                  <span title={key}>{key}</span>
                </label>
                <button type="button" class="icon-button small" disabled={i === 0} aria-label={`Move ${key} up`} onClick={() => setParams({ col: moved(state.columns, key, -1) }, "replace")}>
                  ↑
                </button>
                <button type="button" class="icon-button small" disabled={i === state.columns.length - 1} aria-label={`Move ${key} down`} onClick={() => setParams({ col: moved(state.columns, key, 1) }, "replace")}>
                  ↓
                </button>
              </li>
            ))}
            {found.map((key) => (
              <li key={key}>
                <label>
                  <input type="checkbox" checked={false} onChange={() => toggleColumn(key)} />
                  <span title={key}>{key}</span>
                </label>
              </li>
            ))}
            {found.length === 0 && <li class="faint pad">{keys.loading ? "Loading…" : "No attribute is called like that."}</li>}
          </ul>
        </div>
      )}
    </div>
  );
}
