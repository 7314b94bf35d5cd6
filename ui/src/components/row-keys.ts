/** j and k move among the links that a page marks as its rows; Enter then opens, as links do. */
import { useKeys } from "../state/keys";

export function useRowKeys(title: string, selector = "[data-row]"): void {
  const move = (by: number) => {
    const rows = [...document.querySelectorAll<HTMLElement>(selector)];
    const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
    const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  useKeys(title, [
    { keys: ["j", "ArrowDown"], does: "Next row", run: () => move(1) },
    { keys: ["k", "ArrowUp"], does: "Previous row", run: () => move(-1) },
  ]);
}
