/** A query in TraceQL, asked with Enter; a fault is shown where it is. */
import { useEffect, useRef } from "preact/hooks";
import type { ApiError } from "../../api/http";
import { faultAt } from "../../model/trace-search";
import { param, setParams } from "../../state/url";

const EXAMPLES = ["{ status = error }", "{ duration > 500ms }", '{ kind = server } >> { status = error }', "{ .http.response.status_code >= 500 }", "{ } | count() > 50"];

export function QueryBox({ error }: { error: ApiError | undefined }) {
  const box = useRef<HTMLInputElement>(null);
  const q = param("q");
  useEffect(() => box.current?.focus({ preventScroll: true }), []);
  const fault = error && error.status === 400 ? error.message : "";
  const at = faultAt(fault);
  return (
    <div class="query-box">
      <form
        class="query-line"
        role="search"
        aria-label="Search traces with TraceQL"
        onSubmit={(event) => {
          event.preventDefault();
          setParams({ q: box.current!.value.trim() || "{ }" });
        }}
      >
        <label class="unseen" for="traceql">
          TraceQL
        </label>
        <input ref={box} key={q} id="traceql" class="mono" data-testid="traceql" defaultValue={q} placeholder="{ status = error && duration > 100ms }" spellcheck={false} autocomplete="off" aria-invalid={fault !== ""} aria-describedby={fault ? "traceql-fault" : undefined} />
        <button type="submit" class="button primary">
          Search
        </button>
      </form>
      {fault ? (
        <div class="note note-error query-fault" id="traceql-fault" role="alert" data-testid="traceql-fault">
          <div>
            {at >= 0 && at <= q.length && <pre>{`${q}\n${" ".repeat(at)}^`}</pre>}
            <p>{fault}</p>
          </div>
        </div>
      ) : (
        <p class="query-examples faint">
          {EXAMPLES.map((example) => (
            <button key={example} type="button" class="chip chip-toggle mono" onClick={() => setParams({ q: example })}>
              {example}
            </button>
          ))}
        </p>
      )}
    </div>
  );
}
