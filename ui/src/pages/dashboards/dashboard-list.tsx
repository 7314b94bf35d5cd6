/** All dashboards by folder, found by name, tag or folder; the files that are none, and why; new ones, and those of a file. */
import { useRef, useState } from "preact/hooks";
import { fetchDashboards, type DashboardEntry, type DashboardFault } from "../../api/dashboards";
import { Empty, ErrorNote, Skeleton } from "../../components/feedback";
import { SearchIcon } from "../../components/icons";
import { useRowKeys } from "../../components/row-keys";
import { useKeys } from "../../state/keys";
import { useLoad } from "../../state/load";
import { href, param, route, setParams } from "../../state/url";
import { ImportDialog } from "./import-dialog";

export function DashboardList() {
  void route.value;
  const box = useRef<HTMLInputElement>(null);
  const [importing, setImporting] = useState<File | boolean>(false);
  const [over, setOver] = useState(false);
  const list = useLoad("dashboards", 0, fetchDashboards);
  const [text, tag] = [param("filter"), param("tag")];
  useRowKeys("Dashboards");
  useKeys("Dashboards", [
    { keys: ["f"], does: "Find a dashboard", run: () => box.current?.focus() },
    { keys: ["i"], does: "Import a dashboard", run: () => setImporting(true) },
  ]);
  const all = list.data?.dashboards ?? [];
  const tags = [...new Set(all.flatMap((one) => one.tags))].sort();
  const shown = all.filter((one) => matches(one, text) && (tag === "" || one.tags.includes(tag)));
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const file = event.dataTransfer?.files[0];
    if (file) setImporting(file);
  };
  return (
    <main class={`page dashboards-page${over ? " is-over" : ""}`} id="main" onDragOver={(event) => (event.preventDefault(), setOver(true))} onDragLeave={() => setOver(false)} onDrop={drop}>
      <header class="dashboards-head">
        <h1>Dashboards</h1>
        <div class="dashboards-find">
          <SearchIcon />
          <input ref={box} type="search" value={text} placeholder="Find a dashboard" aria-label="Find a dashboard" onInput={(event) => setParams({ filter: event.currentTarget.value }, "replace")} />
        </div>
        <span class="dashboards-actions">
          <button type="button" class="button" onClick={() => setImporting(true)} data-testid="import">
            Import
          </button>
          <a class="button primary" href={href("/dashboards/new", { edit: "1" })}>
            New dashboard
          </a>
        </span>
      </header>
      {tags.length > 0 && (
        <div class="dashboards-tags" role="group" aria-label="Tags">
          {tags.map((one) => (
            <button key={one} type="button" class="chip chip-toggle" aria-pressed={one === tag} onClick={() => setParams({ tag: one === tag ? null : one })}>
              {one}
            </button>
          ))}
        </div>
      )}
      {list.error && <ErrorNote error={list.error} retry={list.retry} what="The dashboards" />}
      {!list.data && !list.error && <Skeleton rows={8} height={44} />}
      {list.data && <Faults faults={list.data.errors} />}
      {list.data && all.length === 0 && (
        <Empty title="No dashboards yet.">
          Make one, or drop a file that Grafana exported onto this page. A folder of files is shown with <code>tripod up --dashboards DIR</code>.
        </Empty>
      )}
      {all.length > 0 && shown.length === 0 && <Empty title="No dashboard fits.">Try fewer words, or another tag.</Empty>}
      {foldersOf(shown).map(([folder, entries]) => (
        <Folder key={folder} folder={folder} entries={entries} />
      ))}
      {importing !== false && <ImportDialog file={importing === true ? undefined : importing} taken={all} close={() => setImporting(false)} />}
    </main>
  );
}

function matches(one: DashboardEntry, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return words.every((word) => `${one.title} ${one.folder} ${one.tags.join(" ")} ${one.uid}`.toLowerCase().includes(word));
}

/** Folders by name; those that are in none come first. */
function foldersOf(entries: readonly DashboardEntry[]): [string, DashboardEntry[]][] {
  const folders = new Map<string, DashboardEntry[]>();
  for (const one of entries) folders.set(one.folder, [...(folders.get(one.folder) ?? []), one]);
  return [...folders].sort(([a], [b]) => a.localeCompare(b));
}

const ORIGINS = { provisioned: "from the folder of files", saved: "saved here", shipped: "comes with Tripod" };

function Folder({ folder, entries }: { folder: string; entries: DashboardEntry[] }) {
  const id = `folder-${folder.replace(/\W/g, "-")}`;
  return (
    <section aria-labelledby={id}>
      <h2 id={id} class="group-title">
        {folder || "General"} <span class="count">{entries.length}</span>
      </h2>
      <ul class="dashboard-rows" data-testid="dashboard-list">
        {entries.map((one) => (
          <li key={one.uid}>
            <a class="dashboard-row" data-row href={href(`/dashboards/${one.uid}`)} data-testid={`dashboard-${one.uid}`}>
              <b>{one.title}</b>
              <span class="dashboard-row-tags">
                {one.tags.map((tag) => (
                  <span key={tag} class="tag">
                    {tag}
                  </span>
                ))}
              </span>
              <span class="faint" title={one.file}>
                {ORIGINS[one.origin]}
              </span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Faults({ faults }: { faults: DashboardFault[] }) {
  if (faults.length === 0) return null;
  return (
    <div class="note note-error" role="alert" data-testid="dashboard-errors">
      <div>
        <strong>{faults.length === 1 ? "One file is no dashboard." : `${faults.length} files are no dashboards.`}</strong>
        <ul class="note-text">
          {faults.map((fault) => (
            <li key={fault.file + fault.error}>
              {fault.file}
              {fault.line !== undefined && `:${fault.line}:${fault.column}`}: {fault.error}
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
