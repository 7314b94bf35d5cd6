/** A row a series, in it how long it was in which state. */
import { useMemo } from "preact/hooks";
import { formatClock, formatDateTime, formatDuration, formatTick } from "../lib/format";
import { extent, show } from "../model/dashboard/field";
import { paletteByName } from "../model/dashboard/colors";
import { nameOf } from "../model/dashboard/frames";
import { stretchesOf } from "../model/dashboard/states";
import { textOf } from "../model/dashboard/units";
import { Nothing } from "./nothing";
import type { PanelProps } from "./props";

const MOST_ROWS = 100;

export function StateTimelinePanel({ panel, title, frames, window, step, width, dark }: PanelProps) {
  const { merge = true, showValue = "auto" } = panel.options;
  const rows = useMemo(() => {
    const all = frames.flatMap((frame) => {
      const time = frame.fields.find((one) => one.type === "time");
      return time ? frame.fields.filter((one) => one.type !== "time").map((one) => ({ one, stretches: stretchesOf(time, one, step * 1000, window.end, merge) })) : [];
    });
    return all.slice(0, MOST_ROWS);
  }, [frames, step, window.end, merge]);
  if (rows.length === 0) return <Nothing>No data in this window.</Nothing>;
  const span = window.end - window.start;
  const x = (at: number) => Math.min(100, Math.max(0, ((at - window.start) / span) * 100));
  const ends = extent(rows.map(({ one }) => one));
  return (
    <div class="states" data-testid="states">
      <div class="states-rows" tabIndex={0} role="region" aria-label={`${title} over time`}>
        {rows.map(({ one, stretches }) => (
          <div key={nameOf(one)} class="states-row">
            <span class="states-name" title={nameOf(one)}>
              {nameOf(one)}
            </span>
            <span class="states-line">
              {stretches.map((stretch) => {
                const shown = show(stretch.value, one.config, dark, ends);
                const text = textOf(shown);
                const part = x(stretch.end) - x(stretch.start);
                const color = shown.color ?? paletteByName(text, dark);
                return (
                  <i key={stretch.start} style={{ left: `${x(stretch.start)}%`, width: `${part}%`, "--state": color }} title={`${text}: ${formatDateTime(stretch.start)} – ${formatClock(stretch.end)} (${formatDuration((stretch.end - stretch.start) * 1000)})`}>
                    {showValue !== "never" && (showValue === "always" || (part / 100) * width * 0.75 > text.length * 7 + 8) && <b>{text}</b>}
                  </i>
                );
              })}
            </span>
          </div>
        ))}
      </div>
      <div class="states-times" aria-hidden="true">
        {[0, 0.25, 0.5, 0.75, 1].map((part) => (
          <span key={part} style={{ left: `${part * 100}%` }}>
            {formatTick(window.start + part * span, span)}
          </span>
        ))}
      </div>
    </div>
  );
}
