/** Selecting a box by dragging: along one side only, that side is selected alone. */
import { useRef, useState } from "preact/hooks";

/** Fractions of the element, from its left and its bottom; null for a side that is not narrowed. */
export interface Box {
  x: [number, number] | null;
  y: [number, number] | null;
}

const THRESHOLD_PX = 5;
/** A drag that strays less than this from a line is meant to be one. */
const LINE_PX = 14;

interface Start {
  x: number;
  y: number;
  frame: DOMRect;
}

export function useDragBox(select: (box: Box) => void) {
  const start = useRef<Start | null>(null);
  const [box, setBox] = useState<Box | null>(null);
  const boxAt = (event: PointerEvent) => (start.current ? boxBetween(start.current, event.clientX, event.clientY) : null);
  const end = () => {
    start.current = null;
    setBox(null);
  };
  return {
    box,
    handlers: {
      onPointerDown: (event: PointerEvent) => {
        if (event.button !== 0) return;
        start.current = { x: event.clientX, y: event.clientY, frame: (event.currentTarget as Element).getBoundingClientRect() };
      },
      onPointerMove: (event: PointerEvent) => {
        const next = boxAt(event);
        if (next && !box) (event.currentTarget as Element).setPointerCapture(event.pointerId);
        if (next || box) setBox(next);
      },
      onPointerUp: (event: PointerEvent) => {
        const chosen = boxAt(event);
        end();
        if (chosen) select(chosen);
      },
      onPointerCancel: end,
    },
  };
}

export function boxBetween({ x, y, frame }: Start, toX: number, toY: number): Box | null {
  const [width, height] = [Math.abs(toX - x), Math.abs(toY - y)];
  if (width < THRESHOLD_PX && height < THRESHOLD_PX) return null;
  const across = ordered((x - frame.left) / frame.width, (toX - frame.left) / frame.width);
  const up = ordered((frame.bottom - y) / frame.height, (frame.bottom - toY) / frame.height);
  if (height < LINE_PX && height < width) return { x: across, y: null };
  if (width < LINE_PX) return { x: null, y: up };
  return { x: across, y: up };
}

function ordered(a: number, b: number): [number, number] {
  const inside = (fraction: number) => Math.min(1, Math.max(0, fraction));
  return a < b ? [inside(a), inside(b)] : [inside(b), inside(a)];
}

/** How the box is drawn. */
export const boxStyle = ({ x, y }: Box) => ({
  left: `${(x?.[0] ?? 0) * 100}%`,
  right: `${(1 - (x?.[1] ?? 1)) * 100}%`,
  bottom: `${(y?.[0] ?? 0) * 100}%`,
  top: `${(1 - (y?.[1] ?? 1)) * 100}%`,
});
