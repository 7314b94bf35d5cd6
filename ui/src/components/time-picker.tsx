/** The window of time and how often it moves on. */
import { useEffect, useRef, useState } from "preact/hooks";
import { formatClock, formatDateTime, formatDay } from "../lib/format";
import { useKeys } from "../state/keys";
import { clock, RANGES, rangeName, DEFAULT_REFRESH, REFRESHES, refreshEvery, refreshNow, setRange, setWindow, timeWindow, zoomOut } from "../state/time-range";
import { setParams } from "../state/url";
import { ClockIcon, RefreshIcon } from "./icons";

export function TimePicker() {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useKeys("Time", [
    { keys: ["r"], does: "Refresh now", run: refreshNow },
    { keys: ["z"], does: "Zoom out in time", run: zoomOut },
    { keys: ["d"], does: "Choose the window of time", run: () => setOpen(true) },
  ]);
  useKeys("Time menu", [{ keys: ["Escape"], does: "Close the menu", run: () => setOpen(false) }], open);
  useEffect(() => {
    if (!open) return;
    box.current?.querySelector<HTMLElement>("[aria-pressed=true], .time-menu button")?.focus();
    const outside = (event: PointerEvent) => !box.current?.contains(event.target as Node) && setOpen(false);
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, [open]);
  const { start, end, moving } = timeWindow.value;
  return (
    <div class="time-picker" ref={box}>
      <button type="button" class="button" aria-haspopup="dialog" aria-expanded={open} data-testid="time-range" onClick={() => setOpen(!open)}>
        <ClockIcon />
        <span>{moving ? `Last ${rangeName.value}` : customName(start, end)}</span>
      </button>
      <button type="button" class="button refresh" title={`Refresh now; as of ${formatClock(clock.value)}`} aria-label="Refresh now" onClick={refreshNow}>
        <RefreshIcon />
      </button>
      <select
        class="refresh-every"
        aria-label="Refresh by itself"
        title={moving ? "Refresh by itself" : "A fixed window doesn't refresh"}
        disabled={!moving}
        value={refreshEvery.value}
        onChange={(event) => setParams({ refresh: event.currentTarget.value === DEFAULT_REFRESH ? null : event.currentTarget.value }, "replace")}
      >
        {REFRESHES.map((every) => (
          <option key={every} value={every}>
            {every === "off" ? "off" : `${every} s`}
          </option>
        ))}
      </select>
      {open && <Menu close={() => setOpen(false)} />}
    </div>
  );
}

const customName = (start: number, end: number) =>
  formatDay(start) === formatDay(end) ? `${formatDay(start).slice(5)} ${formatClock(start)} – ${formatClock(end)}` : `${formatDateTime(start).slice(5, 16)} – ${formatDateTime(end).slice(5, 16)}`;

function Menu({ close }: { close: () => void }) {
  const { start, end } = timeWindow.value;
  const choose = (range: string) => {
    setRange(range);
    close();
  };
  const apply = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const from = Date.parse(String(form.get("from")));
    const to = Date.parse(String(form.get("to")));
    if (!(to > from)) return;
    setWindow({ start: from, end: to });
    close();
  };
  return (
    <div class="menu time-menu" role="dialog" aria-label="Window of time">
      <div class="menu-ranges">
        {RANGES.map((range) => (
          <button key={range} type="button" aria-pressed={rangeName.value === range} onClick={() => choose(range)}>
            Last {range}
          </button>
        ))}
      </div>
      <form onSubmit={apply}>
        <label class="field">
          <span>From</span>
          <input type="datetime-local" name="from" step="1" defaultValue={formatDateTime(start).replace(" ", "T")} />
        </label>
        <label class="field">
          <span>To</span>
          <input type="datetime-local" name="to" step="1" defaultValue={formatDateTime(end).replace(" ", "T")} />
        </label>
        <button type="submit" class="button primary">
          Use these
        </button>
      </form>
    </div>
  );
}
