/** Lines that differ in numbers, ids and names only: how many, when, how grave; a click shows just those, or all but those. */
import { useState } from "preact/hooks";
import { fetchLogPatterns, type LogPattern, type LogPatterns } from "../../api/logs";
import { Sparkline } from "../../charts/sparkline";
import { CopyButton } from "../../components/copy-button";
import { Empty, ErrorNote, Skeleton } from "../../components/feedback";
import { ChevronIcon } from "../../components/icons";
import { formatCounted, formatPercent } from "../../lib/format";
import { LEVELS } from "../../lib/severity";
import { useRowKeys } from "../../components/row-keys";
import { useLoad } from "../../state/load";
import type { Window } from "../../state/time-range";
import { estimate, Sampled } from "./facets";
import { FilterIcon, MinusIcon } from "./log-icons";
import { filterPattern, showContext, type LogState } from "./log-state";

export function Patterns({ state, window }: { state: LogState; window: Window }) {
  const loaded = useLoad(`patterns ${JSON.stringify(state.search)}`, `${window.start}-${window.end}`, (signal) => fetchLogPatterns(state.search, window, signal));
  useRowKeys("Patterns", ".pattern-text");
  if (loaded.error) return <ErrorNote error={loaded.error} retry={loaded.retry} what="The patterns" />;
  if (!loaded.data) return <Skeleton rows={10} height={34} />;
  if (loaded.data.patterns.length === 0) return <Empty title="No log record matches, so there are no patterns." />;
  return <PatternList found={loaded.data} state={state} />;
}

function PatternList({ found, state }: { found: LogPatterns; state: LogState }) {
  return (
    <div class="pattern-list" data-testid="pattern-list">
      <div class="pattern-note faint">
        {formatCounted(found.patterns.length, "pattern")} of {estimate(found.records, found)} records
        {found.others > 0 && `, and ${estimate(found.others, found)} records of other patterns`}
        <Sampled looked={found} />
      </div>
      <ul>
        {found.patterns.map((one) => (
          <PatternRow key={one.pattern} one={one} found={found} chosen={state.beside.patterns.includes(one.pattern)} />
        ))}
      </ul>
    </div>
  );
}

const worst = (levels: Record<string, number>) => LEVELS.find((level) => (levels[level] ?? 0) > 0) ?? "";

function PatternRow({ one, found, chosen }: { one: LogPattern; found: LogPatterns; chosen: boolean }) {
  const [open, setOpen] = useState(false);
  const level = worst(one.levels);
  const tone = level === "ERROR" || level === "FATAL" ? "error" : level === "WARN" ? "warn" : "accent";
  return (
    <li class={`pattern-row level-edge-${level.toLowerCase() || "none"}`} data-testid="pattern-row">
      <div class="pattern-main">
        <button type="button" class="icon-button small pattern-open" aria-expanded={open} aria-label="Show an example" onClick={() => setOpen(!open)}>
          <ChevronIcon />
        </button>
        <span class="pattern-count">
          <b>{estimate(one.count, found)}</b>
          <span class="pattern-share">
            <i style={{ width: `${one.share * 100}%` }} />
          </span>
          <span class="faint">{formatPercent(one.share)}</span>
        </span>
        <span class="pattern-line">
          <Sparkline values={one.volume} tone={tone} />
        </span>
        <button type="button" class="pattern-text" title="Show only these records" onClick={() => filterPattern(one.pattern, false)}>
          <Holes text={one.pattern} />
        </button>
        <span class="pattern-tools">
          <button type="button" class="icon-button small" aria-pressed={chosen} aria-label="Show only these records" title="Only these" onClick={() => filterPattern(one.pattern, false)}>
            <FilterIcon />
          </button>
          <button type="button" class="icon-button small" aria-label="Show all but these records" title="Without these" data-testid="pattern-not" onClick={() => filterPattern(one.pattern, true)}>
            <MinusIcon />
          </button>
        </span>
      </div>
      {open && <PatternDetail one={one} />}
    </li>
  );
}

function PatternDetail({ one }: { one: LogPattern }) {
  const levels = Object.entries(one.levels);
  const logql = `|> ${JSON.stringify(one.pattern)}`;
  return (
    <div class="pattern-detail" data-testid="pattern-detail">
      <p class="faint">The newest one:</p>
      <pre>{one.example}</pre>
      <p class="pattern-levels">
        {levels.map(([level, count]) => (
          <span key={level}>
            <i class={`swatch level-${level.toLowerCase()}`} /> {level} <b>{count.toLocaleString("en-US")}</b>
          </span>
        ))}
      </p>
      <p class="pattern-samples">
        {one.samples.map((id, i) => (
          <button key={id} type="button" class="button small" onClick={() => showContext(id)}>
            {i === 0 ? "Context of the newest" : `of the ${i + 1}${i === 1 ? "nd" : i === 2 ? "rd" : "th"} newest`}
          </button>
        ))}
        <span class="copy-json">
          <CopyButton text={logql} label="Copy as a filter of LogQL" />
          <code class="faint">|&gt; in LogQL</code>
        </span>
      </p>
    </div>
  );
}

/** A pattern, with what differs marked. */
export const Holes = ({ text }: { text: string }) => (
  <>
    {text.split("<_>").flatMap((piece, i) =>
      i === 0
        ? [piece]
        : [
            <i key={i} class="hole" title="differs">
              ‹…›
            </i>,
            piece,
          ],
    )}
  </>
);
