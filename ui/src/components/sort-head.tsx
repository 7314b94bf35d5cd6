/** The head of a table's column, which sorts by it; the choice is in the address (`spansort=-total`). */
import { param, setParams } from "../state/url";

export interface Column<Row> {
  key: string;
  title: string;
  value: (row: Row) => number | string;
}

export interface Sort<Row> {
  /** The parameter of the address. */
  name: string;
  column: Column<Row>;
  down: boolean;
}

export function useSort<Row>(name: string, columns: readonly Column<Row>[], initial: { key: string; down: boolean }): Sort<Row> {
  const text = param(name);
  const key = text.replace(/^-/, "");
  const column = columns.find((one) => one.key === key);
  if (column) return { name, column, down: text.startsWith("-") };
  return { name, column: columns.find((one) => one.key === initial.key)!, down: initial.down };
}

export function sorted<Row>(rows: readonly Row[], { column, down }: Sort<Row>): Row[] {
  const sign = down ? -1 : 1;
  return [...rows].sort((a, b) => sign * compare(column.value(a), column.value(b)));
}

function compare(a: number | string, b: number | string): number {
  return typeof a === "string" || typeof b === "string" ? String(a).localeCompare(String(b)) : a - b;
}

interface Props<Row> {
  column: Column<Row>;
  sort: Sort<Row>;
  number?: boolean;
}

/** Figures sort from the most down first, names from A. */
export function SortHead<Row>({ column, sort, number = false }: Props<Row>) {
  const chosen = column.key === sort.column.key;
  const down = chosen ? !sort.down : number;
  return (
    <th scope="col" class={number ? "number" : ""} aria-sort={chosen ? (sort.down ? "descending" : "ascending") : undefined}>
      <button type="button" class="sort" data-testid={`sort-${column.key}`} onClick={() => setParams({ [sort.name]: `${down ? "-" : ""}${column.key}` }, "replace")}>
        {column.title}
        <span class="sort-mark" aria-hidden="true">
          {chosen ? (sort.down ? "↓" : "↑") : ""}
        </span>
      </button>
    </th>
  );
}
