/** Undo, save, save a copy, download; and what stands in the way of saving. */
import { useState } from "preact/hooks";
import { deleteDashboard, type LoadedDashboard } from "../../api/dashboards";
import { MenuButton, type MenuItem } from "../../components/menu-button";
import { DownIcon } from "../../components/icons";
import { href, navigate, setParams } from "../../state/url";
import type { Draft } from "./use-draft";

interface Props {
  draft: Draft;
  loaded: LoadedDashboard;
  editing: boolean;
  reload: () => void;
  /** Goes to one that has just been saved. */
  saved: (uid: string) => void;
}

export function EditBar({ draft, loaded, editing, reload, saved }: Props) {
  const [done, setDone] = useState(false);
  const fresh = loaded.uid === "";
  const save = async (asCopy: boolean) => {
    const uid = await draft.save(asCopy);
    if (uid === undefined) return;
    if (asCopy || fresh) return saved(uid);
    setDone(true);
    setTimeout(() => setDone(false), 2000);
  };
  const stop = () => {
    draft.drop();
    setParams({ edit: null, editPanel: null, settings: null });
  };
  const remove = async () => {
    if (!confirm(`Delete “${draft.model.title}”?`)) return;
    await deleteDashboard(loaded.uid, draft.revision).then(
      () => navigate(href("/dashboards")),
      (cause: unknown) => alert(cause instanceof Error ? cause.message : String(cause)),
    );
  };
  const items: MenuItem[] = [
    ...(fresh ? [] : [{ label: "Save a copy", run: () => void save(true) }]),
    { label: "Download JSON", run: () => download(draft) },
    { label: "Settings and JSON", run: () => setParams({ edit: "1", settings: "1", editPanel: null }) },
    ...(loaded.editable && !fresh ? [{ label: "Delete", run: () => void remove() }] : []),
  ];
  return (
    <>
      {draft.error && (
        <span class="error-text edit-error" role="alert" data-testid="save-error">
          {draft.error}
          {draft.conflict && (
            <button type="button" class="link" onClick={reload}>
              Load it again
            </button>
          )}
        </span>
      )}
      {editing && (
        <>
          <button type="button" class="button small" disabled={!draft.canUndo} title="Undo (u)" onClick={draft.undo} data-testid="undo">
            Undo
          </button>
          <button type="button" class="button small" disabled={!draft.canRedo} title="Redo (U)" onClick={draft.redo}>
            Redo
          </button>
          <button type="button" class="button small" onClick={stop}>
            {draft.changed ? "Drop the changes" : "Stop editing"}
          </button>
          <button type="button" class="button small primary" disabled={draft.saving || (!draft.changed && !fresh)} title={loaded.editable ? "" : "It is kept elsewhere: a copy is saved"} onClick={() => void save(!loaded.editable)} data-testid="save">
            {done && !draft.changed ? "Saved" : loaded.editable ? "Save" : "Save a copy"}
          </button>
        </>
      )}
      {!editing && (
        <button type="button" class="button small" title="Edit (e)" onClick={() => setParams({ edit: "1" })} data-testid="edit">
          Edit
        </button>
      )}
      <MenuButton label="More of the dashboard" class="button small" items={() => items} testId="dashboard-menu">
        More <DownIcon />
      </MenuButton>
    </>
  );
}

/** As Grafana imports it. */
function download({ json, model }: Draft): void {
  const url = URL.createObjectURL(new Blob([`${JSON.stringify(json, undefined, 2)}\n`], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${model.title.replace(/[^\w.-]+/g, "-") || "dashboard"}.json`;
  link.click();
  URL.revokeObjectURL(url);
}
