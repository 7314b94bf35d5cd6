/**
 * A list that keeps only the rows in sight on the page, of which some are taller than usual: those are measured when they are seen. What
 * one looks at stays where it is when a row above turns out to be taller. Cost: the rows in sight and a few around them.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { Heights } from "../model/heights";

const OVERSCAN = 12;
/** The end is near when fewer rows than this are left below. */
const NEAR = 60;

interface Props {
  count: number;
  /** What a row is known by, whatever stands before it. */
  keyOf: (index: number) => string;
  rowHeight: number;
  /** Whether a row has a height of its own. */
  isTall: (index: number) => boolean;
  row: (index: number) => ComponentChildren;
  /** Changes when the rows do. */
  version: unknown;
  /** Scrolled into sight when it changes; to the middle where `center` says so. */
  reveal?: number;
  center?: boolean;
  class?: string;
  onScroll?: (top: number) => void;
  onNearEnd?: () => void;
  attributes?: Record<string, string | number | undefined>;
}

export function MeasuredList({ count, keyOf, rowHeight, isTall, row, version, reveal = -1, center = false, onScroll, onNearEnd, attributes, ...rest }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const known = useRef(new Map<string, number>());
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const latest = useRef({ keyOf, reveal });
  latest.current = { keyOf, reveal };

  const heights = useMemo(() => {
    const next = new Heights(count, rowHeight);
    if (known.current.size === 0) return next;
    for (let i = 0; i < count; i++) {
      const own = isTall(i) ? known.current.get(keyOf(i)) : undefined;
      if (own !== undefined) next.set(i, own);
    }
    return next;
  }, [version, count, rowHeight]);
  const current = useRef(heights);
  current.current = heights;

  useLayoutEffect(() => {
    const element = scroller.current!;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    setHeight(element.clientHeight);
    return () => observer.disconnect();
  }, []);

  // One observer for all tall rows in sight.
  const observer = useMemo(
    () =>
      new ResizeObserver((entries) => {
        const element = scroller.current;
        let above = 0;
        let changed = false;
        for (const entry of entries) {
          const box = entry.target as HTMLElement;
          const index = Number(box.dataset["index"]);
          if (!box.isConnected || latest.current.keyOf(index) !== box.dataset["key"]) continue;
          const before = current.current.top(index);
          const grown = current.current.set(index, box.offsetHeight);
          known.current.set(box.dataset["key"]!, box.offsetHeight);
          changed ||= grown !== 0;
          if (!element) continue;
          if (before + box.offsetHeight - grown <= element.scrollTop) above += grown;
          // A row that was just opened shows what it has.
          else if (index === latest.current.reveal && grown > 0) above += hidden(element, before, box.offsetHeight);
        }
        if (!changed) return;
        redraw(null as never);
        if (element && above !== 0) element.scrollTop += above;
      }),
    [],
  );
  useEffect(() => () => observer.disconnect(), []);

  useEffect(() => {
    const element = scroller.current!;
    if (reveal < 0 || reveal >= count) return;
    const from = heights.top(reveal);
    const to = from + heights.of(reveal);
    if (center) element.scrollTop = Math.max(0, from - element.clientHeight / 2);
    else if (from < element.scrollTop) element.scrollTop = Math.max(0, from - rowHeight * 2);
    else if (to > element.scrollTop + element.clientHeight) element.scrollTop = Math.min(from, to - element.clientHeight + rowHeight * 2);
  }, [reveal, center]);

  const first = Math.max(0, heights.at(top) - OVERSCAN);
  const last = count === 0 ? 0 : Math.min(count, heights.at(top + height) + 1 + OVERSCAN);
  useEffect(() => {
    if (count > 0 && count - last < NEAR) onNearEnd?.();
  }, [last, count]);

  const rows: ComponentChildren[] = [];
  for (let i = first; i < last; i++) {
    const tall = isTall(i);
    const key = keyOf(i);
    const style = { transform: `translateY(${heights.top(i)}px)`, ...(tall ? {} : { height: `${rowHeight}px` }) };
    rows.push(
      tall ? (
        <TallRow key={`${key} tall`} id={key} index={i} style={style} observer={observer}>
          {row(i)}
        </TallRow>
      ) : (
        <div key={key} role="presentation" class="virtual-row" style={style}>
          {row(i)}
        </div>
      ),
    );
  }
  return (
    <div
      ref={scroller}
      class={`virtual ${rest.class ?? ""}`}
      onScroll={(event) => {
        setTop(event.currentTarget.scrollTop);
        onScroll?.(event.currentTarget.scrollTop);
      }}
      {...attributes}
    >
      <div role="presentation" class="virtual-space" style={{ height: `${heights.total}px` }}>
        {rows}
      </div>
    </div>
  );
}

/** How far to scroll so that a row is seen, but not so far that its beginning is not. */
function hidden(scroller: HTMLElement, top: number, height: number): number {
  const below = top + height - (scroller.scrollTop + scroller.clientHeight);
  return Math.max(0, Math.min(below, top - scroller.scrollTop));
}

interface TallProps {
  id: string;
  index: number;
  style: Record<string, string>;
  observer: ResizeObserver;
  children: ComponentChildren;
}

function TallRow({ id, index, style, observer, children }: TallProps) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = box.current!;
    observer.observe(element);
    return () => observer.unobserve(element);
  }, []);
  return (
    <div ref={box} role="presentation" class="virtual-row is-tall" data-index={index} data-key={id} style={style}>
      {children}
    </div>
  );
}
