/** Selecting a stretch of something horizontal by dragging over it. */
import { useRef, useState } from "preact/hooks";

export interface DragSelect {
  /** Fractions of the width, while one drags. */
  range: [number, number] | null;
  handlers: {
    onPointerDown: (event: PointerEvent) => void;
    onPointerMove: (event: PointerEvent) => void;
    onPointerUp: (event: PointerEvent) => void;
    onPointerCancel: () => void;
  };
}

const THRESHOLD_PX = 5;

/** `select` gets the two ends as fractions of the element's width, in order. */
export function useDragSelect(select: (from: number, to: number) => void): DragSelect {
  const from = useRef<{ x: number; left: number; width: number } | null>(null);
  const [range, setRange] = useState<[number, number] | null>(null);

  const rangeAt = (event: PointerEvent): [number, number] | null => {
    const start = from.current;
    if (!start || Math.abs(event.clientX - start.x) < THRESHOLD_PX) return null;
    const fraction = (x: number) => Math.min(1, Math.max(0, (x - start.left) / start.width));
    const ends = [fraction(start.x), fraction(event.clientX)];
    return ends[0] < ends[1] ? [ends[0], ends[1]] : [ends[1], ends[0]];
  };

  return {
    range,
    handlers: {
      onPointerDown: (event) => {
        if (event.button !== 0) return;
        const box = (event.currentTarget as Element).getBoundingClientRect();
        from.current = { x: event.clientX, left: box.left, width: box.width };
      },
      onPointerMove: (event) => {
        const next = rangeAt(event);
        if (next && !range) (event.currentTarget as Element).setPointerCapture(event.pointerId);
        if (next || range) setRange(next);
      },
      onPointerUp: (event) => {
        const ends = rangeAt(event);
        from.current = null;
        setRange(null);
        if (ends) select(...ends);
      },
      onPointerCancel: () => {
        from.current = null;
        setRange(null);
      },
    },
  };
}

/** How the stretch is drawn. */
export const rangeStyle = ([from, to]: [number, number]) => ({ left: `${from * 100}%`, width: `${(to - from) * 100}%` });
