/** What is not drawn of a panel or a dashboard: a mark that opens the list. */
import { useState } from "preact/hooks";
import type { Unsupported } from "../../api/dashboards";
import { useKeys } from "../../state/keys";

export function Notes({ notes, label = "Not drawn" }: { notes: Unsupported[]; label?: string }) {
  const [open, setOpen] = useState(false);
  useKeys("Notes", [{ keys: ["Escape"], does: "Close the notes", run: () => setOpen(false) }], open);
  if (notes.length === 0) return null;
  return (
    <span class="panel-notes">
      <button type="button" class="panel-warning" aria-expanded={open} title={notes.map((note) => `${note.path}: ${note.what}`).join("\n")} aria-label={`${label}: ${notes.length}`} data-testid="unsupported" onClick={() => setOpen(!open)}>
        {notes.length}
      </button>
      {open && (
        <div class="menu panel-notes-list" role="dialog" aria-label={label}>
          <b>{label}</b>
          <ul>
            {notes.map((note) => (
              <li key={note.path + note.what}>
                <code>{note.path}</code> {note.what}
              </li>
            ))}
          </ul>
        </div>
      )}
    </span>
  );
}
