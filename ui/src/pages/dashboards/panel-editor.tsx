/** What can be changed of a panel, beside the dashboard. Each change is one to its JSON, and nothing else of that is touched. */
import { useRef, useEffect, useState } from "preact/hooks";
import type { Json, JsonObject, Panel, PanelType } from "../../api/dashboards";
import { CloseIcon } from "../../components/icons";
import { PromqlEditor } from "../../components/promql-editor";
import { at, isOld, modernise, set } from "../../model/dashboard/edit";
import { UNIT_CHOICES } from "../../model/dashboard/units";
import { calcName } from "../../model/dashboard/reduce";
import { Check, Choose, NumberField, Section, TextField } from "./fields";
import { JsonBox } from "./json-box";
import type { Draft } from "./use-draft";

export const TYPES: readonly (readonly [PanelType, string])[] = [
  ["timeseries", "Time series"],
  ["stat", "Stat"],
  ["gauge", "Gauge"],
  ["bargauge", "Bar gauge"],
  ["barchart", "Bar chart"],
  ["piechart", "Pie"],
  ["heatmap", "Heatmap"],
  ["table", "Table"],
  ["state-timeline", "State timeline"],
  ["text", "Text"],
  ["logs", "Logs"],
  ["traces", "Traces"],
];

const CALCS = ["lastNotNull", "mean", "max", "min", "sum"].map((calc) => [calc, calcName(calc)] as const);
const OVER_TIME = ["timeseries", "barchart", "piechart"];
const FIGURES = ["stat", "gauge", "bargauge", "piechart"];

interface Props {
  panel: Panel;
  draft: Draft;
  variables: string[];
  close: () => void;
  remove: () => void;
  duplicate: () => void;
}

export function PanelEditor({ panel, draft, variables, close, remove, duplicate }: Props) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.querySelector<HTMLElement>("input")?.focus({ preventScroll: true }), [panel.id]);
  const own = at(draft.json, panel.at) as JsonObject | undefined;
  const change = (path: (string | number)[], value: Json | undefined) => draft.change((json) => set(json, [...panel.at, ...path], value));
  const text = (key: string) => (typeof own?.[key] === "string" ? String(own[key]) : "");
  const isRow = panel.type === "row";
  return (
    <aside class="panel-editor" ref={box} aria-label={`Edit ${panel.title || "the panel"}`} data-testid="panel-editor">
      <header>
        <h2>{isRow ? "Row" : "Panel"}</h2>
        {!isRow && (
          <button type="button" class="button small" onClick={duplicate}>
            Duplicate
          </button>
        )}
        <button type="button" class="button small" onClick={remove} data-testid="remove-panel">
          Remove
        </button>
        <button type="button" class="icon-button small" aria-label="Close the editor" onClick={close}>
          <CloseIcon />
        </button>
      </header>
      <div class="editor-body">
        <Section title="What">
          <TextField label="Title" value={text("title")} set={(value) => change(["title"], value)} />
          {!isRow && <TextField label="Description" value={text("description")} set={(value) => change(["description"], value || undefined)} />}
          {!isRow && !isOld(panel) && <Choose label="Type" value={panel.type} options={TYPES} set={(value) => change(["type"], value)} />}
          <Choose label="Repeat for each" value={text("repeat")} options={[["", "(once)"], ...variables.map((name) => [name, `$${name}`] as const)]} set={(value) => change(["repeat"], value || undefined)} />
        </Section>
        {isOld(panel) && (
          <p class="note">
            <span>This is a panel of type {panel.written}, which Grafana has replaced. Its looks can be changed once it is one of today.</span>
            <button type="button" class="button small" onClick={() => draft.change((json) => modernise(json, panel))}>
              Convert
            </button>
          </p>
        )}
        {panel.type === "text" && !isOld(panel) && (
          <Section title="Text">
            <TextField label="Content" lines={10} value={panel.options.content ?? ""} set={(value) => change("content" in (own ?? {}) ? ["content"] : ["options", "content"], value)} />
          </Section>
        )}
        {!isRow && panel.type !== "text" && <Queries panel={panel} own={own} change={change} />}
        {!isRow && panel.type !== "text" && !isOld(panel) && <Looks panel={panel} own={own} change={change} />}
        <Section title="JSON">
          <JsonBox key={panel.id} json={own ?? {}} set={(json) => draft.change((all) => set(all, panel.at, json))} label="JSON of the panel" />
        </Section>
      </div>
    </aside>
  );
}

type Change = (path: (string | number)[], value: Json | undefined) => void;

function Queries({ panel, own, change }: { panel: Panel; own: JsonObject | undefined; change: Change }) {
  const targets = Array.isArray(own?.targets) ? own.targets.filter((one): one is JsonObject => typeof one === "object" && one !== null && !Array.isArray(one)) : [];
  const add = () => {
    const taken = new Set(targets.map((one) => one.refId));
    const refId = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].find((letter) => !taken.has(letter)) ?? `Q${targets.length}`;
    change(["targets"], [...targets, { refId, expr: "" }]);
  };
  return (
    <Section title="Queries">
      {targets.map((target, i) => (
        <Query key={i} target={target} change={(key, value) => change(["targets", i, key], value)} remove={() => change(["targets"], targets.filter((_, j) => j !== i))} table={panel.type === "table" || panel.type === "heatmap"} />
      ))}
      <button type="button" class="button small" onClick={add} data-testid="add-query">
        Add a query
      </button>
    </Section>
  );
}

function Query({ target, change, remove, table }: { target: JsonObject; change: (key: string, value: Json | undefined) => void; remove: () => void; table: boolean }) {
  const given = String(target.expr ?? target.query ?? "");
  const key = target.expr === undefined && target.query !== undefined ? "query" : "expr";
  const [draft, setDraft] = useState({ given, text: given });
  const text = draft.given === given ? draft.text : given;
  const take = (value: string) => value !== given && change(key, value);
  const name = String(target.refId ?? "");
  return (
    <div class="editor-query" onFocusOut={(event) => !(event.currentTarget as Element).contains(event.relatedTarget as Node | null) && take(text)}>
      <div class="editor-query-head">
        <b>{name}</b>
        <Check label="Hide" value={target.hide === true} set={(value) => change("hide", value || undefined)} />
        <Check label="Instant" value={target.instant === true} set={(value) => change("instant", value || undefined)} />
        <button type="button" class="icon-button small" aria-label={`Remove query ${name}`} onClick={remove}>
          <CloseIcon />
        </button>
      </div>
      <PromqlEditor label={`Query ${name}`} value={text} onInput={(value) => setDraft({ given, text: value })} onRun={take} unchecked testId={`query-${name}`} placeholder="sum by (job) (rate(requests_total[$__rate_interval]))" />
      <div class="editor-pair">
        <TextField label="Legend" value={String(target.legendFormat ?? "")} placeholder="{{job}}" set={(value) => change("legendFormat", value || undefined)} />
        {table && <Choose label="Answer as" value={String(target.format ?? "time_series")} options={[["time_series", "series"], ["table", "table"], ["heatmap", "heatmap"]]} set={(value) => change("format", value)} />}
      </div>
    </div>
  );
}

function Looks({ panel, own, change }: { panel: Panel; own: JsonObject | undefined; change: Change }) {
  const { field, options } = panel;
  const defaults = (key: string, value: Json | undefined) => change(["fieldConfig", "defaults", ...key.split(".")], value);
  const units = [["", "(none)"] as const, ...UNIT_CHOICES.flatMap(([group, list]) => list.map(([id, name]) => [id, `${group}: ${name}`] as const))];
  const steps = at(own, ["fieldConfig", "defaults", "thresholds", "steps"]);
  return (
    <>
      <Section title="Values">
        <div class="editor-pair">
          <Choose label="Unit" value={field.unit ?? ""} options={units} set={(value) => defaults("unit", value || undefined)} />
          <NumberField label="Decimals" value={field.decimals} set={(value) => defaults("decimals", value)} />
        </div>
        <div class="editor-pair">
          <NumberField label="Min" value={field.min} set={(value) => defaults("min", value)} />
          <NumberField label="Max" value={field.max} set={(value) => defaults("max", value)} />
        </div>
        {FIGURES.includes(panel.type) && <Choose label="Figure" value={options.reduce?.calcs[0] ?? "lastNotNull"} options={CALCS} set={(value) => change(["options", "reduceOptions", "calcs"], [value])} />}
        {panel.type === "timeseries" && (
          <div class="editor-pair">
            <Choose label="Draw" value={field.draw ?? "line"} options={[["line", "Lines"], ["bars", "Bars"], ["points", "Points"]]} set={(value) => defaults("custom.drawStyle", value)} />
            <Choose label="Stack" value={field.stacking?.mode ?? "none"} options={[["none", "No"], ["normal", "Sums"], ["percent", "Percent"]]} set={(value) => defaults("custom.stacking", { mode: value, group: "A" })} />
            <NumberField label="Fill %" value={field.fill} set={(value) => defaults("custom.fillOpacity", value)} placeholder="0" />
          </div>
        )}
      </Section>
      <Section title="Thresholds">
        <Thresholds steps={Array.isArray(steps) ? (steps as JsonObject[]) : []} set={(value) => change(["fieldConfig", "defaults", "thresholds"], { mode: field.thresholds?.percent ? "percentage" : "absolute", steps: value })} />
        {panel.type === "timeseries" && <Choose label="On the chart" value={field.thresholdStyle ?? "off"} options={[["off", "not shown"], ["line", "lines"]]} set={(value) => defaults("custom.thresholdsStyle", { mode: value })} />}
      </Section>
      {OVER_TIME.includes(panel.type) && (
        <Section title="Legend">
          <Check label="Show it" value={options.legend?.show !== false} set={(value) => change(["options", "legend", "showLegend"], value)} />
          <div class="editor-pair">
            <Choose label="Where" value={options.legend?.right ? "right" : "bottom"} options={[["bottom", "Below"], ["right", "Beside"]]} set={(value) => change(["options", "legend", "placement"], value)} />
            <Choose label="As" value={options.legend?.table ? "table" : "list"} options={[["list", "List"], ["table", "Table"]]} set={(value) => change(["options", "legend", "displayMode"], value)} />
          </div>
          <div class="editor-checks">
            {CALCS.map(([calc, name]) => {
              const calcs = options.legend?.calcs ?? [];
              return <Check key={calc} label={name} value={calcs.includes(calc)} set={(value) => change(["options", "legend", "calcs"], value ? [...calcs, calc] : calcs.filter((one) => one !== calc))} />;
            })}
          </div>
        </Section>
      )}
    </>
  );
}

const COLORS = ["green", "yellow", "orange", "red", "blue", "purple", "text", "transparent"].map((color) => [color, color] as const);

function Thresholds({ steps, set }: { steps: JsonObject[]; set: (steps: JsonObject[]) => void }) {
  const all = steps.length > 0 ? steps : [{ value: null, color: "green" }];
  const replace = (i: number, change: JsonObject) => set(all.map((one, j) => (i === j ? { ...one, ...change } : one)));
  const value = (one: JsonObject) => (typeof one.value === "number" ? one.value : undefined);
  return (
    <>
      {all.map((one, i) => (
        <div key={i} class="editor-threshold">
          {i === 0 ? <span class="faint">From the start</span> : <NumberField label={`From ${i}`} value={value(one)} set={(next) => replace(i, { value: next ?? 0 })} />}
          <Choose label={`Colour ${i}`} value={String(one.color ?? "green")} options={COLORS} set={(color) => replace(i, { color })} />
          {i > 0 && (
            <button type="button" class="icon-button small" aria-label={`Remove threshold ${i}`} onClick={() => set(all.filter((_, j) => j !== i))}>
              <CloseIcon />
            </button>
          )}
        </div>
      ))}
      <button type="button" class="button small" onClick={() => set([...all, { value: (value(all[all.length - 1]) ?? 0) + 10, color: "red" }])} data-testid="add-threshold">
        Add a threshold
      </button>
    </>
  );
}
