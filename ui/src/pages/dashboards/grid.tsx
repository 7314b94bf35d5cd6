/** Panels where the dashboard has them; below each other where there is no room for columns. While one edits, they can be moved and resized. */
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Grid as Place } from "../../api/dashboards";
import { ChevronIcon } from "../../components/icons";
import { COLUMNS, GAP_PX, heightPx, ROW_PX, type Placed } from "../../model/dashboard/layout";
import { interpolate } from "../../model/dashboard/variables";

interface Props {
  placed: Placed[];
  toggle: (key: string) => void;
  render: (placed: Placed) => ComponentChildren;
  /** Takes a panel's new place; without it nothing moves. */
  move?: (id: number, grid: Place) => void;
  /** Opens what can be changed of a row. */
  editRow?: (id: number) => void;
}

export function Grid({ placed, toggle, render, move, editRow }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [ghost, setGhost] = useState<Place | null>(null);
  // A repeated panel stands where its first one does.
  const seen = new Set<number>();
  return (
    <div ref={box} class={`dashboard-grid${move ? " is-editing" : ""}`} data-testid="dashboard-grid">
      {placed.map((one) => {
        const { x, y, w, h } = one.grid;
        const style = { gridColumn: `${x + 1} / span ${w}`, gridRow: `${y + 1} / span ${h}`, "--panel-height": `${heightPx(h)}px` };
        const first = !seen.has(one.panel.id);
        seen.add(one.panel.id);
        return (
          <div key={one.key} class={`grid-item${one.panel.type === "row" ? " is-row" : ""}`} style={style} data-grid={`${x},${y},${w},${h}`}>
            {one.panel.type === "row" ? <Row placed={one} toggle={toggle} editRow={editRow} /> : render(one)}
            {move && first && <Handles placed={one} box={box} ghost={setGhost} move={move} />}
          </div>
        );
      })}
      {ghost && <div class="grid-ghost" style={{ gridColumn: `${ghost.x + 1} / span ${ghost.w}`, gridRow: `${ghost.y + 1} / span ${ghost.h}` }} />}
    </div>
  );
}

function Row({ placed: { key, panel, scope, open = true, inside = 0 }, toggle, editRow }: { placed: Placed; toggle: (key: string) => void; editRow: Props["editRow"] }) {
  return (
    <h2 class={`grid-row${open ? " is-open" : ""}`}>
      <button type="button" aria-expanded={open} onClick={() => toggle(key)} data-testid={`row-${key}`}>
        <ChevronIcon />
        {interpolate(panel.title, scope, "text") || "Row"}
        {!open && <span class="count">{inside === 1 ? "1 panel" : `${inside} panels`}</span>}
      </button>
      {editRow && (
        <button type="button" class="button small" onClick={() => editRow(panel.id)}>
          Edit the row
        </button>
      )}
    </h2>
  );
}

interface HandleProps {
  placed: Placed;
  box: { current: HTMLDivElement | null };
  ghost: (grid: Place | null) => void;
  move: (id: number, grid: Place) => void;
}

const ARROWS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** What moves a panel and what makes it larger: with the mouse, or with the arrows once they have the focus. */
function Handles({ placed: { panel, grid }, box, ghost, move }: HandleProps) {
  const from = useRef<{ x: number; y: number } | null>(null);
  const name = panel.title || panel.written;
  const at = (dx: number, dy: number, resize: boolean): Place =>
    resize
      ? { ...grid, w: Math.min(COLUMNS - grid.x, Math.max(2, grid.w + dx)), h: Math.max(2, grid.h + dy) }
      : { ...grid, x: Math.min(COLUMNS - grid.w, Math.max(0, grid.x + dx)), y: Math.max(0, grid.y + dy) };
  const cells = (event: PointerEvent): [number, number] => {
    const column = (box.current!.clientWidth + GAP_PX) / COLUMNS;
    return [Math.round((event.clientX - from.current!.x) / column), Math.round((event.clientY - from.current!.y) / (ROW_PX + GAP_PX))];
  };
  const handlers = (resize: boolean) => ({
    onPointerDown: (event: PointerEvent) => {
      if (event.button !== 0) return;
      event.preventDefault();
      (event.currentTarget as HTMLElement).focus();
      (event.currentTarget as Element).setPointerCapture(event.pointerId);
      from.current = { x: event.clientX, y: event.clientY };
    },
    onPointerMove: (event: PointerEvent) => from.current && ghost(at(...cells(event), resize)),
    onPointerUp: (event: PointerEvent) => {
      if (!from.current) return;
      const next = at(...cells(event), resize);
      from.current = null;
      ghost(null);
      if (next.x !== grid.x || next.y !== grid.y || next.w !== grid.w || next.h !== grid.h) move(panel.id, next);
    },
    onPointerCancel: () => {
      from.current = null;
      ghost(null);
    },
    onKeyDown: (event: KeyboardEvent) => {
      const arrow = ARROWS[event.key];
      if (!arrow) return;
      event.preventDefault();
      event.stopPropagation();
      move(panel.id, at(...arrow, resize || event.shiftKey));
    },
  });
  const isRow = panel.type === "row";
  return (
    <>
      <button type="button" class="grid-move" aria-label={`Move ${name}: arrows move it, Shift with them resizes it`} title="Drag to move; arrows move, Shift with arrows resizes" data-testid={`move-${panel.id}`} {...handlers(false)}>
        ⠿
      </button>
      {!isRow && <button type="button" class="grid-resize" aria-label={`Resize ${name}`} title="Drag to resize" tabIndex={-1} {...handlers(true)} />}
    </>
  );
}
