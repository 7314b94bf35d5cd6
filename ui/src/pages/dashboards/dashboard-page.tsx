/** One dashboard: loaded, or new; what is shown of it is `dashboard-view.tsx`. */
import { useEffect } from "preact/hooks";
import { fetchDashboard, type Dashboard } from "../../api/dashboards";
import { Empty, ErrorNote, Skeleton, SkeletonBlock } from "../../components/feedback";
import { rangeOf, windowOfTexts } from "../../model/dashboard/variables";
import { useLoad } from "../../state/load";
import { clock, DEFAULT_RANGE, REFRESHES } from "../../state/time-range";
import { href, route, setParams } from "../../state/url";
import { DashboardView } from "./dashboard-view";
import { newDashboard } from "./use-draft";

/** The word in the address of one that is not saved yet. */
const NEW = "new";

export function DashboardPage({ uid }: { uid: string }) {
  const loaded = useLoad(`dashboard ${uid}`, 0, (signal) => (uid === NEW ? newDashboard(signal) : fetchDashboard(uid, signal)));
  const model = loaded.data?.model;
  useEffect(() => {
    if (model) takeTimes(model);
  }, [model]);
  if (loaded.error?.status === 404) {
    return (
      <main class="page" id="main">
        <Empty title="There is no such dashboard.">
          <a href={href("/dashboards")}>All dashboards</a>
        </Empty>
      </main>
    );
  }
  if (!loaded.data) {
    return (
      <main class="page" id="main">
        {loaded.error && <ErrorNote error={loaded.error} retry={loaded.retry} what="The dashboard" />}
        {!loaded.error && <Skeleton rows={1} height={30} />}
        {!loaded.error && <SkeletonBlock height={280} />}
      </main>
    );
  }
  return <DashboardView loaded={loaded.data} reload={loaded.retry} />;
}

/** The window and the rate of refreshing that the dashboard asks for, unless the address says something else. */
function takeTimes({ time, refresh }: Dashboard): void {
  const { params } = route.value;
  const changes: Record<string, string | number | null> = {};
  if (!params.has("range") && !params.has("from") && time.from) {
    const range = rangeOf(time);
    const window = range ? undefined : windowOfTexts(time.from, time.to, clock.value);
    if (range && range !== DEFAULT_RANGE) changes.range = range;
    else if (window) Object.assign(changes, { from: Math.floor(window.start), to: Math.ceil(window.end) });
  }
  const seconds = /^(\d+)s$/.exec(refresh)?.[1] ?? (refresh === "" ? "off" : "30");
  if (!params.has("refresh") && (REFRESHES as readonly string[]).includes(seconds)) changes.refresh = seconds;
  if (Object.keys(changes).length > 0) setParams(changes, "replace");
}
