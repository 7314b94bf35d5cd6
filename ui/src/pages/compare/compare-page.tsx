/** `/traces/compare?a=&b=`: two traces side by side, matched by their structure; while one is missing, a way to choose it. */
import { useMemo } from "preact/hooks";
import { ErrorNote, Skeleton } from "../../components/feedback";
import { ServiceTag } from "../../components/service-tag";
import { formatCounted, formatDateTime, formatDuration } from "../../lib/format";
import { operationName, serviceName, type Trace } from "../../model/trace";
import { compareTraces } from "../../model/trace-diff";
import { useKeys } from "../../state/keys";
import type { Loaded } from "../../state/load";
import { href, param, route, setParams } from "../../state/url";
import { useTrace } from "../trace/use-trace";
import { DiffTable } from "./diff-table";
import { signedDuration, signedPercent } from "./signed";
import { TracePicker } from "./trace-picker";
import "./compare.css";

export type SideName = "a" | "b";

export function ComparePage() {
  void route.value;
  const [a, b] = [param("a"), param("b")];
  const left = useTrace(a || null);
  const right = useTrace(b || null);
  const swap = () => setParams({ a: b, b: a }, "replace");
  useKeys("Compare", [{ keys: ["s"], does: "Swap the two", run: swap }]);
  return (
    <main class="page page-fill compare" id="main">
      <header class="page-head">
        <h1>Compare two traces</h1>
        {a && b && (
          <button type="button" class="button small" title="s" onClick={swap}>
            Swap
          </button>
        )}
      </header>
      <div class="compare-sides">
        <SideCard name="a" id={a} trace={left} />
        <Verdict a={left.data} b={right.data} />
        <SideCard name="b" id={b} trace={right} />
      </div>
      {left.data && right.data ? <Differences a={left.data} b={right.data} aId={a} bId={b} /> : <Missing a={a} b={b} left={left} right={right} />}
    </main>
  );
}

function SideCard({ name, id, trace }: { name: SideName; id: string; trace: Loaded<Trace> }) {
  const letter = name.toUpperCase();
  return (
    <section class={`compare-side is-${name}`} aria-label={`Trace ${letter}`} data-testid={`side-${name}`}>
      <b class="compare-letter" aria-hidden="true">
        {letter}
      </b>
      {!id && <p class="faint">Choose a trace below.</p>}
      {id && trace.error && <p class="error-text">{trace.error.message}</p>}
      {trace.data && <Facts id={id} trace={trace.data} />}
      {id && (
        <button type="button" class="button small" onClick={() => setParams({ [name]: null })} aria-label={`Choose another trace ${letter}`}>
          Another
        </button>
      )}
    </section>
  );
}

const Facts = ({ id, trace }: { id: string; trace: Trace }) => (
  <div class="compare-facts">
    <a href={href(`/traces/${id}`)}>
      <ServiceTag name={serviceName(trace, trace.root)} /> {operationName(trace, trace.root)}
    </a>
    <p class="trace-facts">
      <b>{formatDuration(trace.total)}</b>
      <span>{formatCounted(trace.size, "span")}</span>
      {trace.errors > 0 && <span class="error-text">{trace.errors} failed</span>}
      <span class="faint">{formatDateTime(trace.startMs)}</span>
    </p>
  </div>
);

/** What B is beside A, in one look. */
function Verdict({ a, b }: { a: Trace | undefined; b: Trace | undefined }) {
  if (!a || !b) return null;
  const by = b.total - a.total;
  return (
    <p class={`compare-verdict ${by > 0 ? "is-slower" : "is-faster"}`} data-testid="verdict">
      <b>{signedDuration(by)}</b>
      <span>{a.total > 0 ? signedPercent(by / a.total) : ""}</span>
    </p>
  );
}

function Differences({ a, b, aId, bId }: { a: Trace; b: Trace; aId: string; bId: string }) {
  const nodes = useMemo(() => compareTraces(a, b), [a, b]);
  return <DiffTable nodes={nodes} a={aId} b={bId} />;
}

interface MissingProps {
  a: string;
  b: string;
  left: Loaded<Trace>;
  right: Loaded<Trace>;
}

function Missing({ a, b, left, right }: MissingProps) {
  if (left.error) return <ErrorNote error={left.error} retry={left.retry} what="Trace A" />;
  if (right.error) return <ErrorNote error={right.error} retry={right.retry} what="Trace B" />;
  if (a && b) return <Skeleton rows={12} />;
  const other = a ? left.data : right.data;
  if ((a || b) && !other) return <Skeleton rows={12} />;
  return <TracePicker side={a ? "b" : "a"} other={other} taken={a || b} />;
}
