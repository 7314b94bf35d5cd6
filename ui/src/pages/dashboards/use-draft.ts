/** A dashboard as it is being changed: its JSON with all states before, and what the server reads of the present one. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { createDashboard, isChanged, readDashboard, replaceDashboard, type JsonObject, type LoadedDashboard, type Read } from "../../api/dashboards";
import { ApiError } from "../../api/http";
import { begin, emptyDashboard, push, redo, undo, withGrid, type History } from "../../model/dashboard/edit";

export interface Draft {
  json: JsonObject;
  /** What is drawn of it; of the state before while the latest is being read. */
  model: Read["model"];
  changed: boolean;
  canUndo: boolean;
  canRedo: boolean;
  error: string;
  /** Somebody else has saved meanwhile. */
  conflict: boolean;
  saving: boolean;
  /** The change is made to the JSON as it is then, whose panels are on a grid. */
  change: (does: (json: JsonObject) => JsonObject) => void;
  /** Of what is kept; a save changes it. */
  revision: string;
  undo: () => void;
  redo: () => void;
  /** Forgets all changes. */
  drop: () => void;
  /** Answers the uid under which it was saved. */
  save: (asCopy: boolean) => Promise<string | undefined>;
}

export function useDraft(loaded: LoadedDashboard): Draft {
  const [base, setBase] = useState<{ json: JsonObject; revision: string }>({ json: loaded.dashboard, revision: loaded.revision });
  const [history, setHistory] = useState<History>(() => begin(loaded.dashboard));
  const [read, setRead] = useState<Read>({ model: loaded.model, dashboard: loaded.dashboard });
  const [error, setError] = useState("");
  const [conflict, setConflict] = useState(false);
  const [saving, setSaving] = useState(false);
  const json = history.states[history.now];
  const latest = useRef({ json, model: read.model });
  latest.current = { json, model: read.model };

  useEffect(() => {
    if (json === read.dashboard) return;
    const abort = new AbortController();
    readDashboard(json, abort.signal).then(
      ({ model }) => (setRead({ model, dashboard: json }), setError("")),
      (cause) => abort.signal.aborted || setError(cause instanceof Error ? cause.message : String(cause)),
    );
    return () => abort.abort();
  }, [json]);

  return useMemo((): Draft => {
    const save = async (asCopy: boolean) => {
      setSaving(true);
      try {
        const fresh = asCopy || loaded.uid === "";
        const saved = fresh ? await createDashboard({ ...json, uid: "", ...(asCopy ? { title: `${String(json.title ?? "")} (copy)` } : {}) }) : await replaceDashboard(loaded.uid, json, base.revision);
        setError("");
        setConflict(false);
        if (!fresh) setBase({ json, revision: saved.revision });
        return saved.uid;
      } catch (cause) {
        setConflict(isChanged(cause));
        setError(cause instanceof ApiError ? cause.message : String(cause));
        return undefined;
      } finally {
        setSaving(false);
      }
    };
    return {
      json,
      revision: base.revision,
      model: read.model,
      changed: json !== base.json,
      canUndo: history.now > 0,
      canRedo: history.now < history.states.length - 1,
      error,
      conflict,
      saving,
      change: (does) => setHistory((before) => push(before, does(withGrid(before.states[before.now], latest.current.model.panels)))),
      undo: () => setHistory(undo),
      redo: () => setHistory(redo),
      drop: () => setHistory(begin(base.json)),
      save,
    };
  }, [json, read, base, history, error, conflict, saving]);
}

/** A dashboard that is not yet anywhere. */
export async function newDashboard(signal: AbortSignal): Promise<LoadedDashboard> {
  const read = await readDashboard(emptyDashboard(), signal);
  return { ...read, uid: "", title: read.model.title, tags: [], folder: "", origin: "saved", file: "", editable: true, revision: "" };
}
