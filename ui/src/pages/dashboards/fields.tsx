/** The small parts of forms that change a dashboard: each takes effect when it is left, or at once where it is a choice. */
import type { ComponentChildren } from "preact";

interface TextProps {
  label: string;
  value: string;
  set: (value: string) => void;
  placeholder?: string;
  lines?: number;
}

export function TextField({ label, value, set, placeholder = "", lines = 1 }: TextProps) {
  const take = (text: string) => text !== value && set(text);
  return (
    <label class="field">
      <span>{label}</span>
      {lines > 1 ? (
        <textarea rows={lines} value={value} placeholder={placeholder} onChange={(event) => take(event.currentTarget.value)} />
      ) : (
        <input value={value} placeholder={placeholder} onChange={(event) => take(event.currentTarget.value)} />
      )}
    </label>
  );
}

export function NumberField({ label, value, set, placeholder = "auto" }: { label: string; value: number | undefined; set: (value: number | undefined) => void; placeholder?: string }) {
  return (
    <label class="field">
      <span>{label}</span>
      <input type="number" step="any" value={value ?? ""} placeholder={placeholder} onChange={(event) => set(event.currentTarget.value === "" ? undefined : Number(event.currentTarget.value))} />
    </label>
  );
}

export function Choose({ label, value, options, set }: { label: string; value: string; options: readonly (readonly [string, string])[]; set: (value: string) => void }) {
  const known = options.some(([id]) => id === value);
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => set(event.currentTarget.value)}>
        {!known && <option value={value}>{value}</option>}
        {options.map(([id, text]) => (
          <option key={id} value={id}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

export const Check = ({ label, value, set }: { label: string; value: boolean; set: (value: boolean) => void }) => (
  <label class="check">
    <input type="checkbox" checked={value} onChange={(event) => set(event.currentTarget.checked)} /> {label}
  </label>
);

export const Section = ({ title, children }: { title: string; children: ComponentChildren }) => (
  <details class="editor-section" open>
    <summary>{title}</summary>
    <div class="editor-fields">{children}</div>
  </details>
);
