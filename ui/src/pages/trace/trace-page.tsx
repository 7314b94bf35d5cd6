/** `/traces/{id}`: a trace on a page of its own; `/traces/file/{id}` one of a file that was opened in this page. */
import { MenuButton } from "../../components/menu-button";
import { saveJson } from "../../lib/save";
import { fetchOtlp } from "../../api/traces";
import { isOpened, openedTrace } from "../../state/opened";
import { href } from "../../state/url";
import { TraceView } from "./trace-view";

export function TracePage({ id }: { id: string }) {
  return (
    <main class="page page-fill" id="main">
      <TraceView
        id={id}
        actions={
          <>
            {!isOpened(id) && (
              <a class="button small" href={href("/logs", { trace_id: id })}>
                All its logs
              </a>
            )}
            <a class="button small" href={href("/traces/compare", { a: id })} data-testid="compare">
              Compare
            </a>
            <MenuButton label="Download" class="button small" testId="download" items={() => (isOpened(id) ? ofFile(id) : ofServer(id))}>
              Download
            </MenuButton>
          </>
        }
      />
    </main>
  );
}

const ofServer = (id: string) => [
  { label: "Jaeger JSON", href: `/api/traces/${id}`, download: `trace-${id}.json` },
  { label: "OTLP JSON", run: () => void fetchOtlp(id).then((trace) => saveJson(`trace-${id}.otlp.json`, trace)) },
];

function ofFile(id: string) {
  const trace = openedTrace(id);
  return trace ? [{ label: "Jaeger JSON", run: () => saveJson(`trace-${trace.traceID}.json`, { data: [trace] }) }] : [];
}
