/** `/traces/{id}`: a trace on a page of its own. */
import { href } from "../../state/url";
import { TraceView } from "./trace-view";

export function TracePage({ id }: { id: string }) {
  return (
    <main class="page page-fill" id="main">
      <TraceView
        id={id}
        actions={
          <>
            <a class="button small" href={href("/logs", { trace_id: id })}>
              All its logs
            </a>
            <a class="button small" href={`/api/traces/${id}`} download={`trace-${id}.json`}>
              Download
            </a>
          </>
        }
      />
    </main>
  );
}
