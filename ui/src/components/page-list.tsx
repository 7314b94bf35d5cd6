/**
 * A long list that scrolls with the page and keeps only the rows in sight on it, for rows of one height. Cost: the rows in sight and a
 * few around them, whatever the length.
 */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** Rows kept beyond the edges; also how far one scrolls between two renderings. */
const BEYOND = 10;

interface Props {
  count: number;
  rowHeight: number;
  keyOf: (index: number) => string;
  row: (index: number) => ComponentChildren;
  class: string;
  testId: string;
}

export function PageList({ count, rowHeight, keyOf, row, testId, ...rest }: Props) {
  const list = useRef<HTMLOListElement>(null);
  const [block, setBlock] = useState(0);
  const [inSight, setInSight] = useState(BEYOND * 2);
  useLayoutEffect(() => {
    const measure = () => {
      const above = -list.current!.getBoundingClientRect().top;
      setBlock(Math.max(0, Math.floor(above / rowHeight / BEYOND)));
      setInSight(Math.ceil(innerHeight / rowHeight));
    };
    measure();
    addEventListener("scroll", measure, { passive: true });
    addEventListener("resize", measure);
    return () => {
      removeEventListener("scroll", measure);
      removeEventListener("resize", measure);
    };
  }, [rowHeight]);

  const first = Math.min(Math.max(0, (block - 1) * BEYOND), count);
  const last = Math.min(count, (block + 2) * BEYOND + inSight);
  return (
    <ol ref={list} data-testid={testId} class={rest.class} style={{ paddingTop: `${first * rowHeight}px`, paddingBottom: `${(count - last) * rowHeight}px` }}>
      {Array.from({ length: last - first }, (_, i) => first + i).map((i) => (
        <li key={keyOf(i)} aria-setsize={count} aria-posinset={i + 1} style={{ height: `${rowHeight}px` }}>
          {row(i)}
        </li>
      ))}
    </ol>
  );
}
