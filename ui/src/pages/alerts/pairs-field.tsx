/** Names and values, a row each; an empty row at the end becomes the next one. */
import { useState } from "preact/hooks";

interface Props {
  title: string;
  pairs: Record<string, string>;
  change: (pairs: Record<string, string>) => void;
}

export function PairsField({ title, pairs, change }: Props) {
  // Rows stay as they are typed: two may have one name for a moment, and one no name.
  const [rows, setRows] = useState<[string, string][]>(() => Object.entries(pairs));
  const all: [string, string][] = [...rows, ["", ""]];
  const set = (at: number, row: [string, string]) => {
    const next = all.map((one, i) => (i === at ? row : one)).filter(([name, value], i) => name !== "" || value !== "" || i < at);
    setRows(next);
    change(Object.fromEntries(next.filter(([name, value]) => name.trim() !== "" && value !== "").map(([name, value]) => [name.trim(), value])));
  };
  return (
    <fieldset class="pairs">
      <legend>{title}</legend>
      {all.map(([name, value], i) => (
        <div key={i} class="pair">
          <input aria-label={`${title}: name ${i + 1}`} placeholder="team" value={name} onInput={(event) => set(i, [event.currentTarget.value, value])} />
          <span aria-hidden="true">=</span>
          <input aria-label={`${title}: value ${i + 1}`} placeholder="payments" value={value} onInput={(event) => set(i, [name, event.currentTarget.value])} />
        </div>
      ))}
    </fieldset>
  );
}
