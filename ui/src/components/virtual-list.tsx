/**
 * A list that keeps only the rows in sight on the page. Rows have one height; one row may have a detail below it, whose height is
 * measured. Cost: the rows in sight and a few around them, whatever the length.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const OVERSCAN = 12;
/** So many rows one scrolls between two renderings. */
const STEP = 4;

interface Props {
  count: number;
  rowHeight: number;
  row: (index: number) => ComponentChildren;
  detail?: { index: number; node: ComponentChildren } | null;
  /** Scrolled into sight when it changes. */
  reveal?: number;
  class?: string;
  onScroll?: (top: number) => void;
  attributes?: Record<string, string | number | undefined>;
}

export function VirtualList({ count, rowHeight, row, detail, reveal = -1, onScroll, attributes, ...rest }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const detailBox = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const [detailHeight, setDetailHeight] = useState(0);
  const detailIndex = detail?.index ?? -1;

  useLayoutEffect(() => {
    const element = scroller.current!;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    setHeight(element.clientHeight);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    const element = detailBox.current;
    if (!element) return setDetailHeight(0);
    const observer = new ResizeObserver(() => setDetailHeight(element.offsetHeight));
    observer.observe(element);
    setDetailHeight(element.offsetHeight);
    return () => observer.disconnect();
  }, [detailIndex]);

  const offset = (index: number) => index * rowHeight + (detailIndex >= 0 && index > detailIndex ? detailHeight : 0);

  useEffect(() => {
    const element = scroller.current!;
    if (reveal < 0 || reveal >= count) return;
    const from = offset(reveal);
    if (from < element.scrollTop) element.scrollTop = Math.max(0, from - rowHeight * 2);
    else if (from + rowHeight > element.scrollTop + element.clientHeight) {
      element.scrollTop = from - element.clientHeight + rowHeight * 3;
    }
  }, [reveal, count]);

  const first = Math.max(0, Math.floor((top - detailHeight) / rowHeight) - OVERSCAN);
  const last = Math.min(count, Math.ceil((top + height) / rowHeight) + STEP + OVERSCAN);
  const rows: ComponentChildren[] = [];
  for (let i = first; i < last; i++) {
    rows.push(
      <div key={i} role="presentation" class="virtual-row" style={{ transform: `translateY(${offset(i)}px)`, height: `${rowHeight}px` }}>
        {row(i)}
      </div>,
    );
  }

  return (
    <div
      ref={scroller}
      class={`virtual ${rest.class ?? ""}`}
      onScroll={(event) => {
        setTop(Math.floor(event.currentTarget.scrollTop / (rowHeight * STEP)) * rowHeight * STEP);
        onScroll?.(event.currentTarget.scrollTop);
      }}
      {...attributes}
    >
      <div role="presentation" class="virtual-space" style={{ height: `${count * rowHeight + detailHeight}px` }}>
        {rows}
        {detail && detailIndex >= 0 && (
          <div ref={detailBox} role="presentation" class="virtual-detail" style={{ transform: `translateY(${(detailIndex + 1) * rowHeight}px)` }}>
            {detail.node}
          </div>
        )}
      </div>
    </div>
  );
}
