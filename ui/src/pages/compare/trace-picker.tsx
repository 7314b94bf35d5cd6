/** Choosing the other trace: by id, or of the newest that begin alike, with how much longer each took. */
import { useState } from "preact/hooks";
import { fetchSummaries, type TraceSearch } from "../../api/trace-summaries";
import { Empty, ErrorNote, Skeleton } from "../../components/feedback";
import { useRowKeys } from "../../components/row-keys";
import { formatAgo, formatClock, formatCounted, formatDuration } from "../../lib/format";
import { parseTraceId } from "../../model/search";
import { operationName, serviceName, type Trace } from "../../model/trace";
import { useLoad } from "../../state/load";
import { openedFiles, openedId } from "../../state/opened";
import { clock, timeWindow } from "../../state/time-range";
import { hrefWith, setParams } from "../../state/url";
import type { SideName } from "./compare-page";
import { signedDuration } from "./signed";

interface Props {
  side: SideName;
  other: Trace | undefined;
  /** The id of the other. */
  taken: string;
}

export function TracePicker({ side, other, taken }: Props) {
  useRowKeys("Traces");
  const window = timeWindow.value;
  const search = searchFor(other);
  const found = useLoad(`like ${JSON.stringify(search)}`, `${window.start}-${window.end}`, (signal) => fetchSummaries(search, window, signal));
  const candidates = (found.data?.traces ?? []).filter((one) => one.id !== taken && (!other || (one.root === search.operation && one.rootService === search.service)));
  return (
    <section class="picker" aria-label={`Choose trace ${side.toUpperCase()}`} data-testid="picker">
      <IdField side={side} />
      <OpenedTraces side={side} taken={taken} />
      <h2>{other ? `Traces that begin with ${search.service} ${search.operation}` : "The newest traces"}</h2>
      {found.error && <ErrorNote error={found.error} retry={found.retry} what="The traces" />}
      {!found.data && !found.error && <Skeleton rows={6} />}
      {found.data && candidates.length === 0 && <Empty title="There is no other in this window of time.">Choose a longer one above, or paste an id.</Empty>}
      <ol class="picker-list">
        {candidates.map((one) => (
          <li key={one.id}>
            <a data-row data-testid="candidate" href={hrefWith({ [side]: one.id })}>
              <span class="mono">{one.id.slice(0, 8)}</span>
              {!other && (
                <span class="picker-name">
                  <b>{one.rootService}</b> {one.root}
                </span>
              )}
              <b class="number">{formatDuration(one.duration)}</b>
              {other && <span class={one.duration > other.total ? "is-slower" : "is-faster"}>{signedDuration(one.duration - other.total)}</span>}
              <span class="faint">{formatCounted(one.spans, "span")}</span>
              <span class="error-text">{one.errors > 0 ? `${one.errors} failed` : ""}</span>
              <time class="faint">
                {formatClock(one.startMs)} · {formatAgo(one.startMs, clock.value)}
              </time>
            </a>
          </li>
        ))}
      </ol>
    </section>
  );
}

const MOST = 100;

const searchFor = (other: Trace | undefined): TraceSearch => ({
  service: other ? serviceName(other, other.root) : "",
  operation: other ? operationName(other, other.root) : "",
  tags: {},
  minDuration: "",
  maxDuration: "",
  limit: MOST,
});

function IdField({ side }: { side: SideName }) {
  const [wrong, setWrong] = useState(false);
  return (
    <form
      class="picker-id"
      onSubmit={(event) => {
        event.preventDefault();
        const id = parseTraceId(String(new FormData(event.currentTarget).get("id")));
        setWrong(!id);
        if (id) setParams({ [side]: id });
      }}
    >
      <label class="field">
        <span>Trace id</span>
        <input name="id" class="mono" autocomplete="off" spellcheck={false} placeholder="32 hexadecimal digits" aria-invalid={wrong} />
      </label>
      <button type="submit" class="button">
        Compare
      </button>
      {wrong && <span class="error-text">A trace id has 16 to 32 hexadecimal digits.</span>}
    </form>
  );
}

function OpenedTraces({ side, taken }: { side: SideName; taken: string }) {
  const all = openedFiles.value.flatMap((file) => file.traces.map((trace) => ({ id: openedId(trace), file: file.name })));
  const others = all.filter((one) => one.id !== taken).slice(0, MOST);
  if (others.length === 0) return null;
  return (
    <>
      <h2>Of opened files</h2>
      <ol class="picker-list">
        {others.map((one) => (
          <li key={one.id}>
            <a data-row href={hrefWith({ [side]: one.id })}>
              <span class="mono">{one.id.replace("file/", "").slice(0, 16)}</span> <span class="faint">{one.file}</span>
            </a>
          </li>
        ))}
      </ol>
    </>
  );
}
