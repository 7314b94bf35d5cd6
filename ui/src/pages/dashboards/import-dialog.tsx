/** A dashboard of a file or a text: what would be drawn of it is said before it is saved. */
import { useEffect, useRef, useState } from "preact/hooks";
import { createDashboard, readDashboard, type DashboardEntry, type Panel, type Read } from "../../api/dashboards";
import { ApiError } from "../../api/http";
import { CloseIcon } from "../../components/icons";
import { href, navigate } from "../../state/url";

interface Props {
  file: File | undefined;
  taken: DashboardEntry[];
  close: () => void;
}

/** As the server has it. */
const MOST_BYTES = 4 << 20;

export function ImportDialog({ file, taken, close }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [read, setRead] = useState<Read | null>(null);
  const [fault, setFault] = useState("");
  useEffect(() => dialog.current?.showModal(), []);
  const look = async (json: string) => {
    setText(json);
    setRead(null);
    setFault("");
    if (json.trim() === "") return;
    try {
      setRead(await readDashboard(json));
    } catch (cause) {
      setFault(cause instanceof ApiError ? cause.message : String(cause));
    }
  };
  const open = async (chosen: File | undefined) => {
    if (!chosen) return;
    if (chosen.size > MOST_BYTES) return setFault(`${chosen.name} is larger than ${MOST_BYTES >> 20} MiB.`);
    await look(await chosen.text());
  };
  useEffect(() => void open(file), [file]);
  const uid = read?.model.uid ?? "";
  const clash = taken.find((one) => one.uid === uid);
  const save = async () => {
    if (!read) return;
    try {
      const saved = await createDashboard(clash ? { ...read.dashboard, uid: "", title: `${read.model.title} (copy)` } : read.dashboard);
      navigate(href(`/dashboards/${saved.uid}`));
    } catch (cause) {
      setFault(cause instanceof ApiError ? cause.message : String(cause));
    }
  };
  return (
    <dialog ref={dialog} class="dialog import-dialog" aria-label="Import a dashboard" onClose={close} onClick={(event) => event.target === event.currentTarget && event.currentTarget.close()}>
      <header>
        <h2>Import a dashboard</h2>
        <button type="button" class="icon-button" aria-label="Close" onClick={() => dialog.current?.close()}>
          <CloseIcon />
        </button>
      </header>
      <p class="faint">JSON as Grafana exports it, or as its API answers it: choose a file, drop one, or paste it.</p>
      <input type="file" accept=".json,application/json" aria-label="A file" onChange={(event) => void open(event.currentTarget.files?.[0])} />
      <textarea
        rows={8}
        class="mono"
        aria-label="JSON"
        spellcheck={false}
        placeholder='{ "title": "…", "panels": [ … ] }'
        value={text}
        onInput={(event) => void look(event.currentTarget.value)}
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => (event.preventDefault(), event.stopPropagation(), void open(event.dataTransfer?.files[0]))}
        data-testid="import-json"
      />
      {fault && (
        <p class="error-text" role="alert" data-testid="import-error">
          {fault}
        </p>
      )}
      {read && <Preview read={read} clash={clash} />}
      <footer>
        <button type="button" class="button" onClick={() => dialog.current?.close()}>
          Cancel
        </button>
        <button type="button" class="button primary" disabled={!read} onClick={() => void save()} data-testid="import-save">
          {clash ? "Import as a copy" : "Import"}
        </button>
      </footer>
    </dialog>
  );
}

const flat = (panels: readonly Panel[]): Panel[] => panels.flatMap((one) => [one, ...flat(one.panels ?? [])]);

function Preview({ read: { model }, clash }: { read: Read; clash: DashboardEntry | undefined }) {
  const panels = flat(model.panels).filter((one) => one.type !== "row");
  const notes = [...model.unsupported, ...flat(model.panels).flatMap((one) => one.unsupported ?? [])];
  return (
    <div class="import-preview" role="status" data-testid="import-preview">
      <b>{model.title}</b> {panels.length} panels, {model.variables.length} variables.
      {clash && <p>There is one with this uid, “{clash.title}”: this one is saved as a copy.</p>}
      {notes.length > 0 && (
        <details>
          <summary>{notes.length === 1 ? "One thing is not drawn" : `${notes.length} things are not drawn`}</summary>
          <ul>
            {notes.map((note) => (
              <li key={note.path + note.what}>
                <code>{note.path}</code> {note.what}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}
