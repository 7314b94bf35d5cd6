/** Keyboard: pages say which keys they answer; the key map shows just those that work at present. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

export interface Binding {
  /** As in `KeyboardEvent.key`, or two letters of a sequence such as `g t`. */
  keys: string[];
  does: string;
  run: () => void;
}

interface Layer {
  title: string;
  bindings: Binding[];
}

export const layers = signal<Layer[]>([]);

/** Keys that work while the component is on the page; the latest layer wins. */
export function useKeys(title: string, bindings: Binding[], active = true): void {
  const latest = useRef(bindings);
  latest.current = bindings;
  useEffect(() => {
    if (!active) return;
    const layer: Layer = {
      title,
      bindings: bindings.map((binding, i) => ({ ...binding, run: () => latest.current[i]?.run() })),
    };
    layers.value = [...layers.peek(), layer];
    return () => {
      layers.value = layers.peek().filter((other) => other !== layer);
    };
  }, [title, active]);
}

const isTyping = (target: EventTarget | null) =>
  target instanceof Element && target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;

/** A focused link or button keeps its own Enter and Space. */
const isPressing = (event: KeyboardEvent) =>
  (event.key === "Enter" || event.key === " ") && event.target instanceof Element && event.target.closest("a, button, summary") !== null;

export function startKeys(): void {
  let pending = "";
  let pendingSince = 0;
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key !== "Escape" && (isTyping(event.target) || isPressing(event))) return;
    const sequence = pending && event.timeStamp - pendingSince < 1200 ? `${pending} ${event.key}` : event.key;
    const binding = find(sequence) ?? find(event.key);
    pending = event.key === "g" ? "g" : "";
    pendingSince = event.timeStamp;
    if (!binding) return;
    event.preventDefault();
    pending = "";
    binding.run();
  });
}

function find(keys: string): Binding | undefined {
  for (const layer of [...layers.peek()].reverse()) {
    const binding = layer.bindings.find((one) => one.keys.includes(keys));
    if (binding) return binding;
  }
  return undefined;
}
