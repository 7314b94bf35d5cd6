/** Rows and columns, sorted by a press on a head; cells are coloured and drawn as their fields say. Only rows in sight are on the page. */
import { useMemo, useRef, useState } from "preact/hooks";
import { withAlpha } from "../lib/color";
import { extent, show } from "../model/dashboard/field";
import { isNumber, nameOf, rowsOf, type Field, type Frame } from "../model/dashboard/frames";
import { compareValues } from "../model/dashboard/transform";
import { textOf } from "../model/dashboard/units";
import { formatDateTime } from "../lib/format";
import { Links } from "./links";
import { Nothing } from "./nothing";
import type { PanelProps } from "./props";

const ROW_PX = 30;
const SPARE = 12;

interface Sorting {
  field: string;
  desc: boolean;
}

export function TablePanel({ panel, frames, scope, height, dark }: PanelProps) {
  const [chosen, setChosen] = useState(0);
  const [sorting, setSorting] = useState<Sorting | null>(panel.options.sort?.[0] ?? null);
  const frame = useMemo(() => tableOf(frames), [frames]);
  const many = !frame && frames.length > 1;
  const shown = frame ?? frames[Math.min(chosen, frames.length - 1)];
  if (!shown || rowsOf(shown) === 0) return <Nothing>No data in this window.</Nothing>;
  return (
    <div class="table-panel">
      <Rows frame={shown} sorting={sorting} setSorting={setSorting} header={panel.options.header !== false} height={height - (many ? 34 : 0)} scope={scope} dark={dark} />
      {many && (
        <select class="table-choice" aria-label="Series" value={chosen} onChange={(event) => setChosen(Number(event.currentTarget.value))}>
          {frames.map((one, i) => (
            <option key={i} value={i}>
              {nameOf(one.fields.find(({ type }) => type === "number") ?? one.fields[0])}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}

/** Tables of the same columns are one; single series of an instant too. */
function tableOf(frames: readonly Frame[]): Frame | undefined {
  if (frames.length <= 1) return frames[0];
  const columns = (frame: Frame) => frame.fields.map(nameOf).join("\n");
  if (frames.some((frame) => columns(frame) !== columns(frames[0]))) return undefined;
  return { ...frames[0], fields: frames[0].fields.map((one, i) => ({ ...one, values: frames.flatMap((frame) => frame.fields[i].values) })) };
}

interface RowsProps {
  frame: Frame;
  sorting: Sorting | null;
  setSorting: (sorting: Sorting) => void;
  header: boolean;
  height: number;
  scope: PanelProps["scope"];
  dark: boolean;
}

function Rows({ frame, sorting, setSorting, header, height, scope, dark }: RowsProps) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const fields = frame.fields.filter((one) => one.config.hidden !== true);
  const by = sorting ? fields.find((one) => nameOf(one) === sorting.field) : undefined;
  const order = useMemo(() => {
    const rows = Array.from({ length: rowsOf(frame) }, (_, i) => i);
    return by ? rows.sort((a, b) => compareValues(by.values[a], by.values[b]) * (sorting?.desc ? -1 : 1)) : rows;
  }, [frame, by, sorting?.desc]);
  const ends = useMemo(() => new Map(fields.map((one) => [one, one.type === "number" ? extent([one]) : ([0, 100] as [number, number])])), [frame]);
  const first = Math.max(0, Math.floor(top / ROW_PX) - SPARE);
  const inSight = order.slice(first, first + Math.ceil(height / ROW_PX) + 2 * SPARE);
  return (
    <div ref={box} class="table-scroll" style={{ height: `${height}px` }} tabIndex={0} role="region" aria-label="Rows" onScroll={(event) => setTop(event.currentTarget.scrollTop)}>
      <table class="panel-table" aria-rowcount={order.length} data-testid="panel-table">
        {header && (
          <thead>
            <tr>
              {fields.map((one) => {
                const name = nameOf(one);
                const sorted = sorting?.field === name ? (sorting.desc ? "descending" : "ascending") : undefined;
                return (
                  <th key={name} scope="col" class={alignOf(one)} aria-sort={sorted} style={one.config.width ? { width: `${one.config.width}px`, minWidth: `${one.config.width}px` } : {}}>
                    <button type="button" onClick={() => setSorting({ field: name, desc: sorted === "ascending" })}>
                      {name}
                      {sorted && <span aria-hidden="true">{sorted === "ascending" ? " ↑" : " ↓"}</span>}
                    </button>
                  </th>
                );
              })}
            </tr>
          </thead>
        )}
        <tbody>
          {first > 0 && <tr style={{ height: `${first * ROW_PX}px` }} />}
          {inSight.map((row) => (
            <tr key={row}>
              {fields.map((one) => (
                <Cell key={nameOf(one)} field={one} row={row} ends={ends.get(one)!} scope={scope} dark={dark} />
              ))}
            </tr>
          ))}
          {first + inSight.length < order.length && <tr style={{ height: `${(order.length - first - inSight.length) * ROW_PX}px` }} />}
        </tbody>
      </table>
    </div>
  );
}

const alignOf = ({ type, config }: Field) => `is-${config.align && config.align !== "auto" ? config.align : type === "number" ? "right" : "left"}`;

function Cell({ field, row, ends, scope, dark }: { field: Field; row: number; ends: [number, number]; scope: PanelProps["scope"]; dark: boolean }) {
  const value = field.values[row];
  const shown = show(value, field.config, dark, ends);
  const { cell = "text", links = [] } = field.config;
  const text = field.type === "time" && isNumber(value) && !field.config.unit ? formatDateTime(value) : textOf(shown);
  const colored = shown.color && (field.type === "number" || shown.mapped) ? shown.color : undefined;
  const style = colored && cell === "color-text" ? { "--value": colored } : colored && cell === "color-background" ? { background: withAlpha(colored, dark ? 0.34 : 0.28) } : {};
  const gauge = cell === "gauge" || cell === "gradient-gauge" || cell === "lcd-gauge";
  const [low, high] = [field.config.min ?? Math.min(0, ends[0]), field.config.max ?? ends[1]];
  const part = isNumber(value) ? Math.min(1, Math.max(0, (value - low) / (high - low || 1))) : 0;
  return (
    <td class={`${alignOf(field)}${colored && cell === "color-text" ? " is-colored" : ""}`} style={style} title={text}>
      {gauge && (
        <span class="cell-gauge" aria-hidden="true">
          <i style={{ width: `${(part * 100).toFixed(1)}%`, ...(colored ? { background: colored } : {}) }} />
        </span>
      )}
      {text}
      <Links links={links} scope={scope} value={value ?? null} name={nameOf(field)} labels={field.labels} />
    </td>
  );
}
