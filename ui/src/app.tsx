/** Shows the page of the address (`pages/places.tsx`). While the store is empty every page is the waiting page. */
import { useEffect, useState } from "preact/hooks";
import { fetchStatus, isEmpty, type Status } from "./api/status";
import { Empty } from "./components/feedback";
import { Shell } from "./components/shell";
import { placeOf } from "./pages/places";
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
  const { place, name } = placeOf(path.value);
  if (place) return <place.page name={name} />;
  return (
    <main class="page" id="main">
      <Empty title="There is no such page.">
        <a href={href("/services")}>Go to the services</a>
      </Empty>
    </main>
  );
}

function titleOf(address: string): string {
  if (address === "/setup") return "Send data";
  const { place, name } = placeOf(address);
  return (name && place?.titleOf?.(name)) || (place?.title ?? "No such page");
}
