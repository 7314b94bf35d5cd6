/** Above the rows: the ways to look, finding, what is shown and what is left out. */
import { useRef } from "preact/hooks";
import { DownIcon, SearchIcon, UpIcon } from "../../components/icons";
import { MenuButton } from "../../components/menu-button";
import { ServiceDot } from "../../components/service-tag";
import { formatCount } from "../../lib/format";
import type { ServiceCount, Trace } from "../../model/trace";
import type { Found } from "../../model/trace-find";
import { failedMarks, opened, type RowChoice } from "../../model/trace-rows";
import { useKeys } from "../../state/keys";
import { setParams } from "../../state/url";
import { joined, setLevel, TABS, toggleIn, toggleOnly, type TraceState } from "./trace-url";

interface Props {
  trace: Trace;
  found: Found;
  state: TraceState;
  choice: RowChoice;
  selected: number;
}

export function TraceTools(props: Props) {
  const { trace, state } = props;
  const rows = state.tab === "waterfall";
  return (
    <div class="trace-tools">
      <div class="segments" role="group" aria-label="Ways to look at the trace">
        {TABS.map((tab) => (
          <button key={tab.id} type="button" aria-pressed={tab.id === state.tab} data-testid={`tab-${tab.id}`} onClick={() => setParams({ as: tab.id === "waterfall" ? null : tab.id })}>
            {tab.title}
          </button>
        ))}
      </div>
      <Find {...props} />
      {rows && <Choices {...props} />}
      {(rows || state.tab === "flame") && <Services trace={trace} state={state} />}
    </div>
  );
}

function Find({ trace, found, state, choice, selected }: Props) {
  const box = useRef<HTMLInputElement>(null);
  useKeys("Search in the trace", [{ keys: ["f"], does: "Find in this trace", run: () => box.current?.focus() }]);
  const go = (by: 1 | -1) => step(trace, found.rows, selected, by, choice);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") box.current?.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const at = found.rows.indexOf(selected);
  return (
    <div class="find" role="search">
      <SearchIcon />
      <input
        ref={box}
        type="search"
        placeholder="Find in this trace"
        aria-label="Find in this trace"
        value={state.find}
        onInput={(event) => setParams({ find: event.currentTarget.value }, "replace")}
        onKeyDown={onKeyDown}
      />
      {state.find && (
        <span class="find-count" aria-live="polite" data-testid="find-count">
          {at >= 0 ? `${formatCount(at + 1)}/` : ""}
          {formatCount(found.rows.length)}
        </span>
      )}
      <button type="button" class="icon-button small" aria-label="Previous match" title="Previous match (p)" disabled={found.rows.length === 0} onClick={() => go(-1)}>
        <UpIcon />
      </button>
      <button type="button" class="icon-button small" aria-label="Next match" title="Next match (n)" disabled={found.rows.length === 0} onClick={() => go(1)}>
        <DownIcon />
      </button>
    </div>
  );
}

function Choices({ trace, state, choice, selected }: Props) {
  const { only, path, level } = state;
  const shown = Math.min(level, trace.maxDepth);
  return (
    <>
      <div class="tool-group" role="group" aria-label="What is shown">
        {state.find !== "" && (
          <button type="button" class="button small" aria-pressed={only.has("matches")} onClick={() => toggleOnly("matches", state)}>
            Matches only
          </button>
        )}
        {trace.errors > 0 && (
          <>
            <button type="button" class="button small" aria-pressed={only.has("errors")} title="Failed spans and those above them (E)" onClick={() => toggleOnly("errors", state)}>
              Errors only
            </button>
            <button type="button" class="button small" title="e" onClick={() => step(trace, failedRows(trace), selected, 1, choice)}>
              Next error
            </button>
          </>
        )}
        <button type="button" class="button small" aria-pressed={path} title="What the duration is made of (c)" onClick={() => setParams({ path: path ? null : "1" }, "replace")}>
          Critical path
        </button>
        {path && (
          <button type="button" class="button small" aria-pressed={only.has("path")} onClick={() => toggleOnly("path", state)}>
            Path only
          </button>
        )}
      </div>
      {trace.maxDepth > 0 && (
        <div class="levels" role="group" aria-label="Levels">
          <button type="button" class="icon-button small" aria-label="One level less" title="Collapse the deepest level (<)" disabled={shown === 0} onClick={() => setLevel(shown - 1)}>
            −
          </button>
          <span class="faint">{shown >= trace.maxDepth ? `${trace.maxDepth + 1} levels` : `${shown + 1} of ${trace.maxDepth + 1} levels`}</span>
          <button type="button" class="icon-button small" aria-label="One level more" title="Open one level more (>)" disabled={shown >= trace.maxDepth} onClick={() => setLevel(shown + 1 >= trace.maxDepth ? Infinity : shown + 1)}>
            +
          </button>
        </div>
      )}
    </>
  );
}

const MOST_SERVICES = 12;

function Services({ trace, state }: { trace: Trace; state: TraceState }) {
  const { services } = trace;
  return (
    <div class="service-legend" role="group" aria-label="Services">
      {services.slice(0, MOST_SERVICES).map((service) => (
        <ServiceMenu key={service.name} service={service} trace={trace} state={state} />
      ))}
      {services.length > MOST_SERVICES && <span class="faint">and {services.length - MOST_SERVICES} more</span>}
      {state.hidden.size > 0 && (
        <button type="button" class="link" onClick={() => setParams({ hideservice: null }, "replace")}>
          Show all services
        </button>
      )}
    </div>
  );
}

function ServiceMenu({ service: { name, spans, errors }, trace, state }: { service: ServiceCount; trace: Trace; state: TraceState }) {
  const hidden = state.hidden.has(name);
  const others = trace.services.map((one) => one.name).filter((one) => one !== name);
  const items = () => [
    { label: hidden ? "Show its spans" : "Hide its spans", run: () => toggleIn("hideservice", name, state.hidden) },
    { label: "Show only its spans", run: () => setParams({ hideservice: others }, "replace") },
    ...(state.tab === "waterfall"
      ? [{ label: state.folded.has(name) ? "Open its spans" : "Collapse its spans", run: () => toggleIn("foldservice", name, state.folded) }]
      : []),
    { label: "Find its spans", run: () => setParams({ find: name }, "replace") },
  ];
  return (
    <MenuButton label={`${name}: ${spans} spans${errors > 0 ? `, ${errors} failed` : ""}`} class={`service-choice${hidden ? " is-hidden" : ""}`} testId={`service-choice-${name}`} items={items}>
      <ServiceDot name={name} />
      <span class={errors > 0 ? "error-text" : ""}>{name}</span>
      <span class="count">{formatCount(spans)}</span>
    </MenuButton>
  );
}

export function failedRows(trace: Trace): number[] {
  const rows: number[] = [];
  failedMarks(trace).forEach((failed, row) => failed && rows.push(row));
  return rows;
}

/** Selects the next of some rows, around the end; whatever hides it is opened. */
export function step(trace: Trace, rows: readonly number[], selected: number, by: 1 | -1, choice: RowChoice): void {
  if (rows.length === 0) return;
  const after = rows.findIndex((row) => (by > 0 ? row > selected : row >= selected));
  const at = by > 0 ? (after < 0 ? 0 : after) : after < 0 ? rows.length - 1 : (after - 1 + rows.length) % rows.length;
  const next = rows[selected < 0 && by < 0 ? rows.length - 1 : at];
  const hideservice = [...choice.hidden].filter((service) => service !== trace.services[trace.service[next]].name);
  setParams({ span: trace.keys[next], fold: joined(opened(trace, next, choice)), hideservice }, "replace");
}
