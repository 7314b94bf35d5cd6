/** The variables above a dashboard. What is chosen stands in the address. */
import { useEffect, useRef, useState } from "preact/hooks";
import { CloseIcon, DownIcon } from "../../components/icons";
import { ALL } from "../../model/dashboard/variables";
import { useKeys } from "../../state/keys";
import { route, setParams } from "../../state/url";
import { filterParam, filtersOf, paramOf, type VariableState } from "./use-variables";

const MANY = 8;

export function VariablesBar({ states }: { states: VariableState[] }) {
  const shown = states.filter(({ variable }) => variable.hide !== "variable" && variable.type !== "constant" && variable.type !== "datasource");
  if (shown.length === 0) return null;
  return (
    <div class="variables" role="group" aria-label="Variables" data-testid="variables">
      {shown.map((state) => (
        <Box key={state.variable.name} state={state} />
      ))}
    </div>
  );
}

function Box({ state }: { state: VariableState }) {
  const { variable, error } = state;
  const label = variable.label || variable.name;
  return (
    <div class={`variable${error ? " is-wrong" : ""}`} title={error ?? ""} data-testid={`var-${variable.name}`}>
      {variable.hide !== "label" && <span class="variable-name">{label}</span>}
      <Control state={state} label={label} />
      {error && <span class="error-text variable-error">{error}</span>}
    </div>
  );
}

function Control({ state, label }: { state: VariableState; label: string }) {
  const { variable, choices, chosen } = state;
  const name = paramOf(variable.name);
  if (variable.type === "textbox") return <input aria-label={label} value={chosen.values[0] ?? ""} onChange={(event) => setParams({ [name]: event.currentTarget.value })} />;
  if (variable.type === "adhoc") return <Filters state={state} label={label} />;
  if (variable.multi) return <Several state={state} label={label} />;
  const asked = chosen.all ? ALL : (choices.find(({ value, text }) => value === chosen.values[0] || text === chosen.texts[0])?.value ?? "");
  return (
    <select aria-label={label} value={asked} disabled={choices.length < 2 && !variable.includeAll} onChange={(event) => setParams({ [name]: event.currentTarget.value })}>
      {variable.includeAll && <option value={ALL}>All</option>}
      {choices.length === 0 && <option value="">none</option>}
      {choices.map(({ value, text }) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </select>
  );
}

function Several({ state, label }: { state: VariableState; label: string }) {
  const { variable, choices, chosen } = state;
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const box = useRef<HTMLDivElement>(null);
  useKeys("Choices", [{ keys: ["Escape"], does: "Close the choices", run: () => setOpen(false) }], open);
  useEffect(() => {
    if (!open) return;
    box.current?.querySelector<HTMLElement>(".variable-menu input")?.focus();
    const outside = (event: PointerEvent) => !box.current?.contains(event.target as Node) && setOpen(false);
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, [open]);
  const set = (values: string[]) => setParams({ [paramOf(variable.name)]: values }, "replace");
  const toggle = (value: string) => {
    const now = chosen.all ? [] : chosen.values;
    set(now.includes(value) ? now.filter((one) => one !== value) : [...now, value]);
  };
  const words = text.toLowerCase();
  const listed = choices.filter((choice) => choice.text.toLowerCase().includes(words)).slice(0, 300);
  const summary = chosen.all ? "All" : chosen.texts.length > 2 ? `${chosen.texts.length} chosen` : chosen.texts.join(", ") || "none";
  return (
    <div class="variable-several" ref={box}>
      <button type="button" class="button small" aria-haspopup="dialog" aria-expanded={open} aria-label={`${label}: ${summary}`} onClick={() => setOpen(!open)}>
        {summary}
        <DownIcon />
      </button>
      {open && (
        <div class="menu variable-menu" role="dialog" aria-label={label}>
          {choices.length > MANY && <input type="search" placeholder="Find" aria-label={`Find in ${label}`} value={text} onInput={(event) => setText(event.currentTarget.value)} />}
          <div class="variable-choices">
            {variable.includeAll && (
              <label>
                <input type="checkbox" checked={chosen.all} onChange={() => set([ALL])} /> All
              </label>
            )}
            {listed.map(({ value, text: name }) => (
              <label key={value}>
                <input type="checkbox" checked={!chosen.all && chosen.values.includes(value)} onChange={() => toggle(value)} /> {name}
              </label>
            ))}
          </div>
        </div>
      )}
    </div>
  );
}

/** Conditions on labels that hold for all queries. */
function Filters({ state: { variable }, label }: { state: VariableState; label: string }) {
  const filters = filtersOf(variable, route.value.params.getAll(paramOf(variable.name)));
  const set = (next: typeof filters) => setParams({ [paramOf(variable.name)]: next.map(filterParam) });
  const add = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const match = /^\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"?([^"]*?)"?\s*$/.exec(String(new FormData(form).get("filter")));
    if (!match) return form.querySelector("input")?.setAttribute("aria-invalid", "true");
    set([...filters, { key: match[1], operator: match[2], value: match[3] }]);
    form.reset();
  };
  return (
    <form class="variable-filters" onSubmit={add}>
      {filters.map((filter, i) => (
        <span key={filterParam(filter)} class="chip">
          {filter.key} {filter.operator} {filter.value}
          <button type="button" aria-label={`Drop ${filter.key}`} onClick={() => set(filters.filter((_, at) => at !== i))}>
            <CloseIcon />
          </button>
        </span>
      ))}
      <input name="filter" aria-label={`${label}: a condition such as job="api"`} placeholder='label="value"' onInput={(event) => event.currentTarget.removeAttribute("aria-invalid")} />
    </form>
  );
}
