/** Files of traces: dropped anywhere on the page or chosen, read here and sent nowhere. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { JaegerTrace } from "../../api/traces";
import { CloseIcon } from "../../components/icons";
import { formatBytes, formatCounted } from "../../lib/format";
import { summaryOf } from "../../model/trace-summary";
import { useKeys } from "../../state/keys";
import { addOpened, closeFile, openedFiles, openedId, type OpenedFile } from "../../state/opened";
import { href, navigate } from "../../state/url";
import { TraceRow } from "./trace-row";

export interface Opener {
  open: (files: Iterable<File>) => Promise<void>;
  /** What could not be read, by file. */
  faults: { name: string; message: string }[];
  forget: () => void;
}

/** Opens files; the only trace of the only file is shown at once. */
export function useOpener(): Opener {
  const [faults, setFaults] = useState<Opener["faults"]>([]);
  const open = async (files: Iterable<File>) => {
    const failed: Opener["faults"] = [];
    const opened: OpenedFile[] = [];
    for (const file of files) {
      try {
        opened.push({ name: file.name, traces: await read(file) });
      } catch (error) {
        failed.push({ name: file.name, message: error instanceof Error ? error.message : String(error) });
      }
    }
    opened.forEach(addOpened);
    setFaults(failed);
    if (failed.length === 0 && opened.length === 1 && opened[0].traces.length === 1) navigate(href(`/traces/${openedId(opened[0].traces[0])}`));
  };
  return { open, faults, forget: () => setFaults([]) };
}

/** The reader comes when the first file does. */
async function read(file: File): Promise<JaegerTrace[]> {
  const { MOST_BYTES, readTraces } = await import("../../model/trace-files");
  if (file.size > MOST_BYTES) throw new Error(`It has ${formatBytes(file.size)}; a page can read ${formatBytes(MOST_BYTES)} at most. Send it to the server instead.`);
  return readTraces(await file.text());
}

export function OpenButton({ opener }: { opener: Opener }) {
  const input = useRef<HTMLInputElement>(null);
  useKeys("Traces", [{ keys: ["o"], does: "Open a file of traces", run: () => input.current?.click() }]);
  return (
    <>
      <button type="button" class="button small" title="Jaeger JSON or OTLP JSON; or drop one on the page (o)" onClick={() => input.current?.click()}>
        Open a file
      </button>
      <input
        ref={input}
        type="file"
        class="unseen"
        tabIndex={-1}
        aria-label="Files of traces"
        data-testid="file-input"
        multiple
        accept=".json,.jsonl,.ndjson,application/json"
        onChange={(event) => {
          void opener.open([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = "";
        }}
      />
    </>
  );
}

const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;

/** Covers the page while a file is dragged over it. */
export function DropZone({ opener }: { opener: Opener }) {
  const [over, setOver] = useState(false);
  const latest = useRef(opener);
  latest.current = opener;
  useEffect(() => {
    const drag = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    // Leaving the page names no element that one enters.
    const leave = (event: DragEvent) => event.relatedTarget === null && setOver(false);
    const drop = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      setOver(false);
      void latest.current.open([...(event.dataTransfer?.files ?? [])]);
    };
    addEventListener("dragover", drag);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", drag);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, []);
  if (!over) return null;
  return (
    <div class="drop-zone" data-testid="drop-zone">
      <p>
        <b>Drop it to look at it here.</b>
        <br />
        Jaeger JSON or OTLP JSON. It stays in this page and is sent nowhere.
      </p>
    </div>
  );
}

export function FileFaults({ opener }: { opener: Opener }) {
  return (
    <>
      {opener.faults.map((fault) => (
        <div key={fault.name} class="note note-error" role="alert" data-testid="file-fault">
          <div>
            <strong>{fault.name} could not be read.</strong>
            <p class="note-text">{fault.message}</p>
          </div>
          <button type="button" class="icon-button" aria-label="Close" onClick={opener.forget}>
            <CloseIcon />
          </button>
        </div>
      ))}
    </>
  );
}

/** At most so many traces of a file are listed. */
const LISTED = 100;

export function OpenedFiles() {
  return (
    <>
      {openedFiles.value.map((file) => (
        <section key={file.name} aria-label={`Traces of ${file.name}`} data-testid="opened-file">
          <header class="list-head">
            <h2>{file.name}</h2>
            <span class="faint">{formatCounted(file.traces.length, "trace")}, in this page only{file.traces.length > LISTED ? `; the first ${LISTED}` : ""}</span>
            <button type="button" class="button small" onClick={() => closeFile(file.name)}>
              Close
            </button>
          </header>
          <FileTraces file={file} />
        </section>
      ))}
    </>
  );
}

function FileTraces({ file }: { file: OpenedFile }) {
  const traces = file.traces.slice(0, LISTED).map(summaryOf);
  const longest = traces.reduce((most, trace) => Math.max(most, trace.duration), 1);
  return (
    <ol class="trace-list">
      {traces.map((trace) => (
        <li key={trace.id}>
          <TraceRow trace={trace} longest={longest} />
        </li>
      ))}
    </ol>
  );
}
