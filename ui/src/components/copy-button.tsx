/** Copies a text and says so. */
import { useState } from "preact/hooks";
import { CheckIcon, CopyIcon } from "./icons";

export function CopyButton({ text, label = "Copy", withText = false }: { text: string; label?: string; withText?: boolean }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await writeClipboard(text);
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return (
    <button type="button" class={withText ? "button small" : "icon-button small"} aria-label={done ? "Copied" : label} title={label} onClick={copy}>
      {done ? <CheckIcon /> : <CopyIcon />}
      {withText && (done ? "Copied" : "Copy")}
    </button>
  );
}

/** Pages that aren't served from localhost or over TLS have no clipboard; a selection does there. */
export async function writeClipboard(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
