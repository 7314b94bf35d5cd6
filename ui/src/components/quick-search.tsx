/** Go anywhere: paste a trace id, or type a part of a service's or a metric's name. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { fetchMetricNames, fetchMetadata } from "../api/metrics";
import { fetchServices } from "../api/traces";
import { listMetrics } from "../model/promql";
import { parseTraceId } from "../model/search";
import { useKeys } from "../state/keys";
import { timeWindow } from "../state/time-range";
import { href, navigate } from "../state/url";
import { SearchIcon } from "./icons";

interface Target {
  kind: string;
  name: string;
  href: string;
}

const MOST = 12;

export function QuickSearch() {
  const box = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const [known, setKnown] = useState<Target[]>([]);
  useKeys("Everywhere", [{ keys: ["/"], does: "Go to a trace, service or metric", run: () => box.current?.focus() }]);

  useEffect(() => {
    if (!open) return;
    const abort = new AbortController();
    loadTargets(abort.signal).then(setKnown, () => undefined);
    return () => abort.abort();
  }, [open]);

  const targets = useMemo(() => match(text, known), [text, known]);
  const leave = () => {
    setOpen(false);
    setText("");
    box.current?.blur();
  };
  const go = (target: Target | undefined) => {
    if (!target) return;
    navigate(target.href);
    leave();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(at + 1, targets.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
    else if (event.key === "Enter") go(targets[at]);
    else if (event.key === "Escape") leave();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="quick-search" role="search">
      <SearchIcon />
      <input
        ref={box}
        data-testid="quick-search"
        role="combobox"
        aria-expanded={open && targets.length > 0}
        aria-controls="quick-targets"
        aria-activedescendant={targets[at] ? `target-${at}` : undefined}
        aria-label="Go to a trace id, a service or a metric"
        placeholder="Trace id, service or metric"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onFocus={() => setOpen(true)}
        onBlur={() => setTimeout(() => setOpen(false), 150)}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <kbd aria-hidden="true">/</kbd>
      {open && text.trim() !== "" && (
        <ul class="menu quick-targets" id="quick-targets" role="listbox" aria-label="Where to go">
          {targets.map((target, i) => (
            <li key={target.kind + target.name} id={`target-${i}`} role="option" aria-selected={i === at} onPointerDown={() => go(target)}>
              <span class="target-kind">{target.kind}</span>
              <span class="target-name">{target.name}</span>
            </li>
          ))}
          {targets.length === 0 && <li class="faint">Nothing is called that. A trace id has 32 hexadecimal digits.</li>}
        </ul>
      )}
    </div>
  );
}

async function loadTargets(signal: AbortSignal): Promise<Target[]> {
  const [services, metadata, names] = await Promise.all([fetchServices(signal), fetchMetadata(signal), fetchMetricNames(timeWindow.peek(), signal)]);
  return [
    ...services.map((name) => ({ kind: "service", name, href: href(`/services/service/${encodeURIComponent(name)}`) })),
    ...listMetrics(metadata, names).map(({ name }) => ({ kind: "metric", name, href: href(`/metric/${encodeURIComponent(name)}`) })),
  ];
}

function match(text: string, known: Target[]): Target[] {
  const id = parseTraceId(text);
  const trace = id ? [{ kind: "trace", name: id, href: href(`/traces/${id}`) }] : [];
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const named = known.filter(({ name }) => words.length > 0 && words.every((word) => name.toLowerCase().includes(word)));
  return [...trace, ...named].slice(0, MOST);
}
