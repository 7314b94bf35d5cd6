/** What can be changed of a dashboard itself: its name, its tags, its window, its variables, and its JSON as a whole. */
import type { Json, JsonObject } from "../../api/dashboards";
import { CloseIcon } from "../../components/icons";
import { at, set } from "../../model/dashboard/edit";
import { Check, Choose, Section, TextField } from "./fields";
import { JsonBox } from "./json-box";
import type { Draft } from "./use-draft";

const KINDS = [
  ["query", "Query"],
  ["custom", "List"],
  ["interval", "Interval"],
  ["textbox", "Text"],
  ["constant", "Constant"],
  ["adhoc", "Conditions"],
  ["datasource", "Data source"],
] as const;

const HINTS: Record<string, string> = {
  query: "label_values(up, job)",
  custom: "one, two : 2, three",
  interval: "1m,5m,1h",
  datasource: "prometheus",
};

export function SettingsEditor({ draft, close }: { draft: Draft; close: () => void }) {
  const { json } = draft;
  const change = (path: (string | number)[], value: Json | undefined) => draft.change((now) => set(now, path, value));
  const list = at(json, ["templating", "list"]);
  const variables = Array.isArray(list) ? (list as JsonObject[]) : [];
  const tags = Array.isArray(json.tags) ? json.tags.map(String) : [];
  const time = (key: string) => String(at(json, ["time", key]) ?? "");
  return (
    <aside class="panel-editor" aria-label="Settings of the dashboard" data-testid="settings-editor">
      <header>
        <h2>Settings</h2>
        <button type="button" class="icon-button small" aria-label="Close the settings" onClick={close}>
          <CloseIcon />
        </button>
      </header>
      <div class="editor-body">
        <Section title="Dashboard">
          <TextField label="Title" value={String(json.title ?? "")} set={(value) => change(["title"], value)} />
          <TextField label="Description" value={String(json.description ?? "")} set={(value) => change(["description"], value || undefined)} />
          <TextField label="Tags, with commas" value={tags.join(", ")} set={(value) => change(["tags"], value.split(",").map((tag) => tag.trim()).filter(Boolean))} />
          <div class="editor-pair">
            <TextField label="From" value={time("from")} placeholder="now-1h" set={(value) => change(["time", "from"], value || "now-1h")} />
            <TextField label="To" value={time("to")} placeholder="now" set={(value) => change(["time", "to"], value || "now")} />
            <TextField label="Refresh" value={typeof json.refresh === "string" ? json.refresh : ""} placeholder="10s" set={(value) => change(["refresh"], value)} />
          </div>
        </Section>
        <Section title="Variables">
          {variables.map((variable, i) => (
            <VariableFields key={i} variable={variable} change={(key, value) => change(["templating", "list", i, key], value)} remove={() => change(["templating", "list"], variables.filter((_, j) => j !== i))} />
          ))}
          <button type="button" class="button small" onClick={() => change(["templating", "list"], [...variables, { name: `variable${variables.length + 1}`, type: "query", query: "", refresh: 1 }])} data-testid="add-variable">
            Add a variable
          </button>
        </Section>
        <Section title="JSON">
          <JsonBox json={json} set={(next) => draft.change(() => next)} label="JSON of the dashboard" rows={22} />
        </Section>
      </div>
    </aside>
  );
}

function VariableFields({ variable, change, remove }: { variable: JsonObject; change: (key: string, value: Json | undefined) => void; remove: () => void }) {
  const text = (key: string) => (typeof variable[key] === "string" ? String(variable[key]) : "");
  const kind = text("type") || "query";
  const name = text("name");
  // An editor's query has its text within it.
  const query = typeof variable.query === "object" && variable.query !== null && !Array.isArray(variable.query) ? String(variable.query.query ?? "") : text("query");
  const setQuery = (value: string) => change("query", typeof variable.query === "object" && variable.query !== null && !Array.isArray(variable.query) ? { ...variable.query, query: value } : value);
  return (
    <div class="editor-variable">
      <div class="editor-pair">
        <TextField label="Name" value={name} set={(value) => /^\w+$/.test(value) && change("name", value)} />
        <TextField label="Label" value={text("label")} set={(value) => change("label", value || undefined)} />
        <Choose label="Kind" value={kind} options={KINDS} set={(value) => change("type", value)} />
        <button type="button" class="icon-button small" aria-label={`Remove ${name}`} onClick={remove}>
          <CloseIcon />
        </button>
      </div>
      {kind !== "adhoc" && <TextField label={kind === "query" ? "Query" : "Value"} value={query} placeholder={HINTS[kind] ?? ""} set={setQuery} />}
      {kind === "query" && <TextField label="Only what fits" value={text("regex")} placeholder="/^api-(.*)/" set={(value) => change("regex", value)} />}
      {(kind === "query" || kind === "custom") && (
        <div class="editor-checks">
          <Check label="Several" value={variable.multi === true} set={(value) => change("multi", value)} />
          <Check label="All" value={variable.includeAll === true} set={(value) => change("includeAll", value)} />
        </div>
      )}
    </div>
  );
}
