/** Columns' heads that sort. The choice is in the URL: `key`, or `-key` for the greatest first. */
import { param, setParams } from "../state/url";

export interface SortColumn<Row> {
  key: string;
  title: string;
  value: (row: Row) => number | string;
  /** It holds words, and begins with the first of the alphabet. */
  words?: boolean;
}

interface Sorted<Row> {
  column: SortColumn<Row>;
  direction: 1 | -1;
  rows: Row[];
}

/** Rows as the parameter says; those alike by name. */
export function useSorted<Row>(rows: readonly Row[], columns: readonly SortColumn<Row>[], name: string, fallback: string, title: (row: Row) => string): Sorted<Row> {
  const text = param(name) || fallback;
  const direction = text.startsWith("-") ? -1 : 1;
  const column = columns.find((one) => one.key === text.replace(/^-/, "")) ?? columns[0];
  const sorted = [...rows].sort((a, b) => compare(column.value(a), column.value(b)) * direction || title(a).localeCompare(title(b)));
  return { column, direction, rows: sorted };
}

const compare = (a: number | string, b: number | string) => (typeof a === "string" ? a.localeCompare(String(b)) : a - Number(b));

interface Props<Row> {
  columns: readonly SortColumn<Row>[];
  sorted: Sorted<Row>;
  /** The parameter of the URL, and its value when it is left out. */
  name: string;
  fallback: string;
}

/** The heads of all columns. */
export function SortHeaders<Row>({ columns, sorted, name, fallback }: Props<Row>) {
  return (
    <>
      {columns.map(({ key, title, words = false }) => {
        const active = sorted.column.key === key;
        const other = sorted.direction === 1 ? "-" : "";
        const next = (active ? other : words ? "" : "-") + key;
        return (
          <th key={key} scope="col" aria-sort={active ? (sorted.direction === 1 ? "ascending" : "descending") : "none"} class={words ? "" : "number"}>
            <button type="button" class="sort" onClick={() => setParams({ [name]: next === fallback ? null : next }, "replace")}>
              {title}
              <span class="sort-mark" aria-hidden="true">
                {active ? (sorted.direction === 1 ? "↑" : "↓") : ""}
              </span>
            </button>
          </th>
        );
      })}
    </>
  );
}
