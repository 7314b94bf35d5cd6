/** JSON to read and to change; it is taken once it is well formed. */
import { useEffect, useState } from "preact/hooks";
import type { Json, JsonObject } from "../../api/dashboards";
import { CopyButton } from "../../components/copy-button";

export function JsonBox({ json, set, label, rows = 16 }: { json: Json; set: (json: JsonObject) => void; label: string; rows?: number }) {
  const given = JSON.stringify(json, undefined, 2);
  const [text, setText] = useState(given);
  const [fault, setFault] = useState("");
  useEffect(() => {
    setText(given);
    setFault("");
  }, [given]);
  const take = () => {
    try {
      const next: unknown = JSON.parse(text);
      if (typeof next !== "object" || next === null || Array.isArray(next)) return setFault("It must be an object.");
      setFault("");
      set(next as JsonObject);
    } catch (cause) {
      setFault(cause instanceof Error ? cause.message : String(cause));
    }
  };
  return (
    <div class="json-box">
      <textarea class="mono" rows={rows} aria-label={label} spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} data-testid="json-box" />
      {fault && (
        <p class="error-text" role="alert">
          {fault}
        </p>
      )}
      <div class="json-actions">
        <CopyButton text={text} label="Copy the JSON" withText />
        <button type="button" class="button small primary" disabled={text === given} onClick={take}>
          Apply
        </button>
      </div>
    </div>
  );
}
