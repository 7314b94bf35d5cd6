/** "What differs here": attributes of the selected spans beside those of the rest of the page's window, the most telling first. */
import { useEffect, useRef } from "preact/hooks";
import { fetchDifferences, type DifferentAttribute, type DifferentValue, type Selected } from "../api/correlate";
import { fetchServices } from "../api/traces";
import { formatClock, formatCount, formatDateTime, formatPercent } from "../lib/format";
import { decodeSelected, encodeSelected } from "../model/differs";
import { useKeys } from "../state/keys";
import { useLoad } from "../state/load";
import { timeWindow } from "../state/time-range";
import { href, param, route, setParams } from "../state/url";
import { breakable } from "./breakable";
import { Empty, ErrorNote, Skeleton } from "./feedback";
import { CloseIcon } from "./icons";

export function DifferencesDrawer() {
  void route.value;
  const selected = decodeSelected(param("differs"));
  return selected && <OpenDifferences selected={selected} />;
}

function OpenDifferences({ selected }: { selected: Selected }) {
  const box = useRef<HTMLElement>(null);
  const close = () => setParams({ differs: null });
  useKeys("Differences", [{ keys: ["Escape"], does: "Close the differences", run: close }]);
  useEffect(() => {
    const before = document.activeElement;
    box.current?.focus({ preventScroll: true });
    return () => before instanceof HTMLElement && before.isConnected && before.focus({ preventScroll: true });
  }, []);
  // What is compared stays what it was, however the page's window moves.
  const baseline = useRef(timeWindow.peek()).current;
  const services = useLoad("services to compare", 0, fetchServices);
  const found = useLoad(`differences ${encodeSelected(selected)}`, 0, (signal) => fetchDifferences(selected, baseline, signal));
  const { window, min, max, traces, operation } = selected;
  const durations = [min && `at least ${min}`, max && `at most ${max}`].filter(Boolean).join(", ");
  return (
    <section class="drawer differences" role="dialog" aria-label="What differs here" ref={box} tabIndex={-1} data-testid="differences">
      <header class="near-head">
        <h2>What differs here</h2>
        <button type="button" class="icon-button" aria-label="Close the differences" title="Close (Esc)" onClick={close}>
          <CloseIcon />
        </button>
      </header>
      <p class="differences-what">
        Spans of{" "}
        <select aria-label="Service" value={selected.service} onChange={(event) => setParams({ differs: encodeSelected({ ...selected, service: event.currentTarget.value, operation: "" }) }, "replace")}>
          <option value="">every service</option>
          {[...new Set([...(services.data ?? []), ...(selected.service ? [selected.service] : [])])].map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>{" "}
        {operation && <b>{operation} </b>}
        {traces.length > 0 ? `in ${traces.length} chosen traces` : `from ${formatDateTime(window.start)} to ${formatClock(window.end)}${durations ? `, ${durations}` : ""}`}, beside the others from{" "}
        {formatClock(baseline.start)} to {formatClock(baseline.end)}.
      </p>
      {found.error && <ErrorNote error={found.error} retry={found.retry} what="The differences" />}
      {!found.data && !found.error && <Skeleton rows={10} height={34} />}
      {found.data && (
        <div class="differences-body">
          <p class="differences-key">
            <span>
              <i class="share-selected" /> selected <b>{formatCount(found.data.selection.spans)}</b>
            </span>
            <span>
              <i class="share-rest" /> the rest <b>{formatCount(Math.max(0, found.data.baseline.sampled))}</b>
            </span>
            {found.data.notes.map((note) => (
              <span key={note}>{note}</span>
            ))}
          </p>
          {found.data.attributes.length === 0 && (
            <Empty title="Nothing tells them apart.">The selected spans have the same attributes as the rest, or there are none on one of the sides.</Empty>
          )}
          <ol class="difference-list">
            {found.data.attributes.map((attribute) => (
              <li key={attribute.scope + attribute.key} data-testid="difference">
                <Attribute attribute={attribute} selected={selected} />
              </li>
            ))}
          </ol>
        </div>
      )}
    </section>
  );
}

const SHOWN = 4;

function Attribute({ attribute, selected }: { attribute: DifferentAttribute; selected: Selected }) {
  const shown = attribute.values.slice(0, SHOWN);
  return (
    <section aria-label={attribute.key}>
      <h3>
        {breakable(attribute.key)} {attribute.scope !== "span" && <small>{attribute.scope === "resource" ? "of the resource" : "of the span itself"}</small>}
      </h3>
      <ul>
        {shown.map((value) => (
          <li key={value.value} class="difference-value">
            <Value attribute={attribute} value={value} selected={selected} />
            <Shares value={value} />
          </li>
        ))}
      </ul>
      {attribute.distinct > shown.length && <p class="faint">{formatCount(attribute.distinct - shown.length)} more values</p>}
    </section>
  );
}

function Value({ attribute, value, selected }: { attribute: DifferentAttribute; value: DifferentValue; selected: Selected }) {
  const text = value.value === "" ? '""' : value.value;
  const condition = conditionOf(attribute, value.value);
  if (!condition) return <span class="difference-name">{breakable(text)}</span>;
  const { window, service, min, max } = selected;
  return (
    <a class="difference-name" title={`Traces with ${attribute.key}=${value.value}`} href={href("/traces", { range: null, from: Math.floor(window.start), to: Math.ceil(window.end), service, min, max, ...condition })}>
      {breakable(text)}
    </a>
  );
}

/** How the search of traces says it, where it can. */
function conditionOf({ scope, key }: DifferentAttribute, value: string): Record<string, string | string[]> | null {
  if (scope !== "intrinsic") return { tag: [`${key}=${value}`] };
  if (key === "name") return { operation: value };
  if (key === "status" && value === "error") return { errors: "1" };
  return null;
}

const Shares = ({ value: { selection, baseline } }: { value: DifferentValue }) => (
  <span class="shares">
    <span class="share" title={`${formatCount(selection.spans)} of the selected spans`}>
      <i class="share-selected" style={{ width: `${selection.ratio * 100}%` }} />
      <b>{formatPercent(selection.ratio)}</b>
    </span>
    <span class="share" title={`${formatCount(baseline.spans)} of the rest`}>
      <i class="share-rest" style={{ width: `${baseline.ratio * 100}%` }} />
      <span>{formatPercent(baseline.ratio)}</span>
    </span>
  </span>
);
