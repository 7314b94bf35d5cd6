/**
 * Where panels stand once variables are known: rows hold what is below them, closed rows hide it, repeated panels and rows stand once for
 * each value. Places are those of Grafana: 24 columns, rows of 30 pixels with 8 between.
 */
import type { Grid, Panel } from "../../api/dashboards";
import { single, type Scope } from "./variables";

export const COLUMNS = 24;
export const ROW_PX = 30;
export const GAP_PX = 8;

export interface Placed {
  /** Unique on the page: a repeated panel is there several times. */
  key: string;
  panel: Panel;
  grid: Grid;
  /** The dashboard's variables, with the value that this one stands for. */
  scope: Scope;
  /** Of a row: whether it is open, and how many panels it has. */
  open?: boolean;
  inside?: number;
}

interface Section {
  row?: Panel;
  panels: Panel[];
}

/** A row and the panels that are below it until the next one. */
function sections(panels: readonly Panel[]): Section[] {
  const inOrder = [...panels].sort((a, b) => a.grid.y - b.grid.y || a.grid.x - b.grid.x);
  const all: Section[] = [{ panels: [] }];
  for (const panel of inOrder) {
    const last = all[all.length - 1];
    if (panel.type === "row") all.push({ row: panel, panels: panel.collapsed ? [...(panel.panels ?? [])] : [] });
    else if (last.row?.collapsed) all.push({ panels: [panel] });
    else last.panels.push(panel);
  }
  return all.filter(({ row, panels: inside }) => row !== undefined || inside.length > 0);
}

/** One scope for each value that is chosen of a variable; the scope as it is where there is no such variable. */
export function scopesOf(variable: string | undefined, scope: Scope): [string, Scope][] {
  const chosen = variable ? scope.get(variable) : undefined;
  if (!variable || !chosen || chosen.values.length === 0) return [["", scope]];
  const name = (value: string, i: number) => (chosen.all ? value : (chosen.texts[i] ?? value));
  return chosen.values.map((value, i) => [value, new Map([...scope, [variable, single(value, name(value, i))]])]);
}

/** Everything that is to be drawn, in reading order, packed as high as it goes. `toggled` are rows that are not as the file has them. */
export function layout(panels: readonly Panel[], scope: Scope, toggled: ReadonlySet<string> = new Set()): Placed[] {
  const out: Placed[] = [];
  let y = 0;
  for (const { row, panels: inside } of sections(panels)) {
    for (const [value, rowScope] of scopesOf(row?.repeat?.variable, scope)) {
      if (row) {
        const key = value === "" ? String(row.id) : `${row.id}:${value}`;
        const open = (row.collapsed !== true) !== toggled.has(key);
        out.push({ key, panel: row, grid: { x: 0, y, w: COLUMNS, h: 1 }, scope: rowScope, open, inside: inside.length });
        y += 1;
        if (!open) continue;
      }
      const packed = compact(repeated(inside, rowScope, row && value ? `${row.id}:${value}/` : ""));
      out.push(...packed.map((one) => ({ ...one, grid: { ...one.grid, y: one.grid.y + y } })));
      y += packed.reduce((most, { grid }) => Math.max(most, grid.y + grid.h), 0);
    }
  }
  return out;
}

/** Repeated panels take the place of theirs, and push down what is below. */
function repeated(panels: readonly Panel[], scope: Scope, prefix: string): Placed[] {
  const out: Placed[] = [];
  let shift = 0;
  for (const panel of panels) {
    const grid = { ...panel.grid, y: panel.grid.y + shift };
    const scopes = scopesOf(panel.repeat?.variable, scope);
    if (!panel.repeat || scopes[0][0] === "") {
      out.push({ key: `${prefix}${panel.id}`, panel, grid, scope });
      continue;
    }
    const perRow = panel.repeat.vertical ? 1 : Math.min(scopes.length, panel.repeat.mostPerRow);
    const w = panel.repeat.vertical ? grid.w : Math.floor(COLUMNS / perRow);
    const x = (i: number) => (panel.repeat?.vertical ? grid.x : (i % perRow) * w);
    const keyOf = (value: string) => `${prefix}${panel.id}:${value}`;
    scopes.forEach(([value, own], i) => out.push({ key: keyOf(value), panel, grid: { x: x(i), y: grid.y + Math.floor(i / perRow) * grid.h, w, h: grid.h }, scope: own }));
    shift += (Math.ceil(scopes.length / perRow) - 1) * grid.h;
  }
  return out;
}

/** Moves each as high as those above let it. */
export function compact<T extends { grid: Grid }>(items: readonly T[]): T[] {
  const floor = new Array<number>(COLUMNS).fill(0);
  return [...items]
    .sort((a, b) => a.grid.y - b.grid.y || a.grid.x - b.grid.x)
    .map((item) => {
      const { x, w, h } = item.grid;
      const y = Math.max(0, ...floor.slice(x, x + w));
      floor.fill(y + h, x, x + w);
      return { ...item, grid: { ...item.grid, y } };
    });
}

export const heightPx = (rows: number) => rows * ROW_PX + (rows - 1) * GAP_PX;
