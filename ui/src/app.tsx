/**
 * Which page an address shows. `/metric`, not `/metrics`: there the server gives its own metrics to whoever scrapes it. While the store
 * is empty every page is the waiting page.
 */
import { useEffect, useState } from "preact/hooks";
import { fetchStatus, isEmpty, type Status } from "./api/status";
import { Empty } from "./components/feedback";
import { Shell } from "./components/shell";
import { LogsPage } from "./pages/logs/logs-page";
import { MetricsPage } from "./pages/metrics/metrics-page";
import { ServicesPage } from "./pages/services/services-page";
import { TracePage } from "./pages/trace/trace-page";
import { TracesPage } from "./pages/traces/traces-page";
import { WaitingPage } from "./pages/waiting/waiting-page";
import { refreshNow } from "./state/time-range";
import { href, path } from "./state/url";

const POLL_MS = 1000;

export function App() {
  const setup = path.value === "/setup";
  const status = useStatus(setup);
  const waiting = status !== undefined && isEmpty(status);
  useEffect(() => {
    document.title = `${titleOf(path.value)} · Tripod`;
  }, [path.value]);
  return <Shell>{waiting || setup ? <WaitingPage status={status} waiting={waiting} /> : <Page />}</Shell>;
}

/** Asked once; again every second while the store is empty or somebody watches the counters. */
function useStatus(watched: boolean): Status | undefined {
  const [status, setStatus] = useState<Status>();
  const empty = status !== undefined && isEmpty(status);
  useEffect(() => {
    const abort = new AbortController();
    const ask = () => fetchStatus(abort.signal).then(setStatus, () => undefined);
    void ask();
    if (!empty && !watched) return () => abort.abort();
    const timer = setInterval(ask, POLL_MS);
    return () => {
      clearInterval(timer);
      abort.abort();
      if (empty) refreshNow();
    };
  }, [empty, watched]);
  return status;
}

function Page() {
  const [, place = "", rest = ""] = path.value.split("/");
  const name = decode(rest);
  if (place === "" || place === "services") return <ServicesPage />;
  if (place === "traces") return name ? <TracePage id={name} /> : <TracesPage />;
  if (place === "metric") return <MetricsPage name={name} />;
  if (place === "logs") return <LogsPage />;
  return (
    <main class="page" id="main">
      <Empty title="There is no such page.">
        <a href={href("/services")}>Go to the services</a>
      </Empty>
    </main>
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function titleOf(address: string): string {
  const [, place = "", rest = ""] = address.split("/");
  if (place === "traces" && rest) return `Trace ${rest.slice(0, 8)}`;
  if (place === "metric" && rest) return decode(rest);
  return { traces: "Traces", metrics: "Metrics", logs: "Logs", setup: "Send data" }[place] ?? "Services";
}
