/** A dashboard that is there: its variables, its panels on the grid, one of them alone; and changing it. */
import { useEffect, useState } from "preact/hooks";
import type { Dashboard, Grid as Place, LoadedDashboard, PanelType } from "../../api/dashboards";
import { Empty, ErrorNote, Skeleton } from "../../components/feedback";
import { MenuButton, type MenuItem } from "../../components/menu-button";
import { DownIcon } from "../../components/icons";
import { addPanel, duplicatePanel, findPanel, place, rearranged, removePanel } from "../../model/dashboard/edit";
import { layout, type Placed } from "../../model/dashboard/layout";
import { useKeys } from "../../state/keys";
import { timeWindow } from "../../state/time-range";
import { href, navigate, param, route, setParams } from "../../state/url";
import { Links } from "../../panels/links";
import { EditBar } from "./edit-bar";
import { Grid } from "./grid";
import { Notes } from "./notes";
import { PanelEditor, TYPES } from "./panel-editor";
import { PanelFrame } from "./panel-frame";
import { SettingsEditor } from "./settings-editor";
import { useDraft } from "./use-draft";
import { useVariables } from "./use-variables";
import { VariablesBar } from "./variables-bar";

const CLOSED = { editPanel: null, settings: null };

export function DashboardView({ loaded, reload }: { loaded: LoadedDashboard; reload: () => void }) {
  void route.value;
  const draft = useDraft(loaded);
  const { model } = draft;
  const variables = useVariables(model, loaded.uid);
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const [alone, editing, edited] = [param("viewPanel"), param("edit") === "1", Number(param("editPanel"))];
  useEffect(() => {
    document.title = `${model.title} · Tripod`;
  }, [model.title]);
  useEffect(() => {
    if (!draft.changed) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [draft.changed]);
  useKeys("Panel", [{ keys: ["Escape"], does: "Back to the dashboard", run: () => setParams({ viewPanel: null }) }], alone !== "" && param("trace") === "");
  useKeys("Editor", [{ keys: ["Escape"], does: "Close the editor", run: () => setParams(CLOSED) }], editing && (edited > 0 || param("settings") !== ""));
  useKeys("Dashboard", [{ keys: ["e"], does: "Edit the dashboard, or stop", run: () => setParams({ ...CLOSED, edit: editing ? null : "1" }) }]);
  useKeys(
    "Editing",
    [
      { keys: ["u"], does: "Undo", run: draft.undo },
      { keys: ["U"], does: "Redo", run: draft.redo },
      { keys: ["a"], does: "Add a time series", run: () => add("timeseries") },
    ],
    editing,
  );

  const add = (type: PanelType) => {
    const [, id] = addPanel(draft.json, model.panels, type);
    draft.change((json) => addPanel(json, model.panels, type)[0]);
    setParams({ edit: "1", editPanel: id, settings: null });
  };
  const move = (id: number, grid: Place) => draft.change((json) => place(json, model.panels, moved(placed, model, id, grid)));
  const remove = (id: number) => {
    const panel = findPanel(model.panels, id);
    if (panel) draft.change((json) => removePanel(json, findPanel(model.panels, id)!));
    setParams({ editPanel: null });
  };
  const duplicate = (id: number) => {
    const panel = findPanel(model.panels, id);
    if (!panel) return;
    draft.change((json) => duplicatePanel(json, model.panels, panel)[0]);
  };
  const toggle = (key: string) => {
    const next = new Set(toggled);
    if (!next.delete(key)) next.add(key);
    setToggled(next);
  };

  const scope = variables.data?.scope;
  const placed = scope ? layout(model.panels, scope, toggled) : [];
  const everything = scope && alone ? layout(model.panels, scope, closedRows(model)) : placed;
  const single = everything.find((one) => one.key === alone || String(one.panel.id) === alone);
  const panel = edited > 0 && editing ? findPanel(model.panels, edited) : undefined;
  const settings = editing && param("settings") === "1";
  const menuOf = (one: Placed): MenuItem[] => [
    { label: "Edit", run: () => setParams({ edit: "1", editPanel: one.panel.id, settings: null, viewPanel: null }) },
    ...(editing ? [{ label: "Duplicate", run: () => duplicate(one.panel.id) }, { label: "Remove", run: () => remove(one.panel.id) }] : []),
  ];
  const frame = (one: Placed, isAlone = false) => (
    <PanelFrame key={one.key} placed={one} window={timeWindow.value} filters={variables.data?.filters ?? []} sync={`dashboard ${loaded.uid}`} menu={menuOf(one)} alone={isAlone} chosen={panel?.id === one.panel.id} />
  );
  const addable: MenuItem[] = [...TYPES.map(([type, name]) => ({ label: name, run: () => add(type) })), { label: "Row", run: () => add("row") }];
  return (
    <main class={`page dashboard-page${panel || settings ? " has-editor" : ""}`} id="main">
      <div class="dashboard-main">
        <header class="dashboard-head">
          <a class="dashboard-back" href={href("/dashboards")}>
            Dashboards
          </a>
          <h1 title={model.description}>{model.title}</h1>
          <Notes notes={model.unsupported} />
          {scope && <DashboardLinks model={model} scope={scope} />}
          <div class="dashboard-tools">
            {editing && (
              <MenuButton label="Add a panel" class="button small" items={() => addable} testId="add-panel">
                Add a panel <DownIcon />
              </MenuButton>
            )}
            {editing && (
              <button type="button" class="button small" aria-pressed={settings} onClick={() => setParams({ settings: settings ? null : "1", editPanel: null })} data-testid="settings">
                Settings
              </button>
            )}
            <EditBar draft={draft} loaded={loaded} editing={editing} reload={reload} saved={(uid) => navigate(href(`/dashboards/${uid}`))} />
          </div>
        </header>
        {variables.data && <VariablesBar states={variables.data.states} />}
        {variables.error && <ErrorNote error={variables.error} retry={variables.retry} what="The variables" />}
        {!variables.data && !variables.error && <Skeleton rows={1} height={200} />}
        {alone !== "" && single && <div class="panel-alone">{frame(single, true)}</div>}
        {alone !== "" && variables.data && !single && (
          <Empty title="There is no such panel.">
            <button type="button" class="link" onClick={() => setParams({ viewPanel: null })}>
              Back to the dashboard
            </button>
          </Empty>
        )}
        {alone === "" && variables.data && model.panels.length === 0 && (
          <Empty title="No panels yet.">
            <button type="button" class="button primary" onClick={() => add("timeseries")} data-testid="add-first">
              Add a time series
            </button>
          </Empty>
        )}
        {alone === "" && <Grid placed={placed} toggle={toggle} render={(one) => frame(one)} {...(editing ? { move, editRow: (id: number) => setParams({ editPanel: id, settings: null }) } : {})} />}
      </div>
      {panel && <PanelEditor key={panel.id} panel={panel} draft={draft} variables={model.variables.map(({ name }) => name)} close={() => setParams(CLOSED)} remove={() => remove(panel.id)} duplicate={() => duplicate(panel.id)} />}
      {settings && <SettingsEditor draft={draft} close={() => setParams(CLOSED)} />}
    </main>
  );
}

function DashboardLinks({ model, scope }: { model: Dashboard; scope: Placed["scope"] }) {
  const links = model.links.map((link) => (link.tags ? { ...link, title: link.title || link.tags.join(", "), url: `/dashboards?tag=${encodeURIComponent(link.tags[0] ?? "")}` } : link));
  return links.length > 0 ? <Links links={links} scope={scope} /> : null;
}

/** The rows whose panels are not on the page, so that one of them can be shown alone. */
const closedRows = ({ panels }: Dashboard) => new Set(panels.filter((one) => one.type === "row" && one.collapsed).map((one) => String(one.id)));

/** New places of the panels of the list that the moved one is in; those of a repeated panel are one. */
function moved(placed: readonly Placed[], model: Dashboard, id: number, grid: Place): Map<number, Place> {
  const parent = model.panels.find((one) => one.panels?.some((inner) => inner.id === id));
  const among = parent?.panels ?? model.panels;
  const shown = new Map<number, Place>();
  for (const one of placed) if (!shown.has(one.panel.id)) shown.set(one.panel.id, one.grid);
  return rearranged(among.map((one) => ({ ...one, grid: shown.get(one.id) ?? one.grid })), id, grid);
}
