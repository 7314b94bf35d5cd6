/**
 * Makes or changes an own rule. While one types, the server says what the rule would have done over the window: when it would have been
 * pending and firing, how often, how many messages. What stands in the form but the expression is lost on reload.
 */
import { useEffect, useState } from "preact/hooks";
import { deleteOwnRule, fetchOwnRules, keepOwnRule, type OwnRule } from "../../api/alerts";
import { CopyButton } from "../../components/copy-button";
import { ErrorNote, Skeleton } from "../../components/feedback";
import { PromqlEditor } from "../../components/promql-editor";
import { EMPTY_RULE, nameFor } from "../../model/alerts";
import { conditionOf, expressionOf, OPERATORS, suggestions, type Operator } from "../../model/condition";
import { formatNumber } from "../../lib/format";
import { useLoad } from "../../state/load";
import { href, navigate, param, route } from "../../state/url";
import { PairsField } from "./pairs-field";
import { RulePreview } from "./rule-preview";

export function RuleEditor({ edit }: { edit?: string }) {
  void route.value;
  const own = useLoad(edit === undefined ? null : `own rule ${edit}`, 0, fetchOwnRules);
  if (edit === undefined) return <Editor start={{ ...EMPTY_RULE, expr: param("expr"), name: nameFor(param("expr")) }} />;
  if (own.error) return <ErrorNote error={own.error} retry={own.retry} what="The rule" />;
  if (!own.data) return <Skeleton rows={8} />;
  const rule = own.data.rules.find(({ name }) => name === edit);
  if (rule) return <Editor start={rule} edit={edit} />;
  return <p class="note">There is no own rule {edit}. Rules of files are changed in their files.</p>;
}

/** What a rule waits for: a query beyond a bound, or an expression that says it itself. */
interface When {
  query: string;
  operator: Operator;
  /** As typed; "" for none. */
  bound: string;
}

function whenOf(expr: string): When {
  const condition = conditionOf(expr);
  if (!condition) return { query: expr, operator: ">", bound: "" };
  return { ...condition, bound: String(condition.bound) };
}

function exprOf({ query, operator, bound }: When): string {
  const value = Number(bound);
  return bound.trim() === "" || !Number.isFinite(value) ? query.trim() : expressionOf({ query, operator, bound: value });
}

const SEVERITIES = ["", "info", "warning", "critical"];

function Editor({ start, edit }: { start: OwnRule; edit?: string }) {
  const [rule, setRule] = useState<OwnRule>(start);
  const [when, setWhen] = useState<When>(() => whenOf(start.expr));
  const [named, setNamed] = useState(edit !== undefined);
  const [values, setValues] = useState<number[]>([]);
  const [failed, setFailed] = useState("");
  const [busy, setBusy] = useState(false);
  const expr = exprOf(when);
  const draft: OwnRule = { ...rule, name: rule.name.trim(), expr };
  const change = (changes: Partial<OwnRule>) => setRule((before) => ({ ...before, ...changes }));
  const type = (changes: Partial<When>) => {
    const next = { ...when, ...changes };
    setWhen(next);
    if (!named) change({ name: nameFor(next.query) });
  };
  // A whole expression that was typed or pasted shows its bound where bounds are.
  const settle = () => when.bound === "" && conditionOf(when.query) && setWhen(whenOf(when.query));
  const later = useLater(draft, 400);

  const attempt = async (work: () => Promise<void>) => {
    if (busy) return;
    setBusy(true);
    setFailed("");
    try {
      await work();
      navigate(href("/alerts"));
    } catch (cause) {
      setFailed(cause instanceof Error ? cause.message : String(cause));
      setBusy(false);
    }
  };
  const save = () =>
    attempt(async () => {
      await keepOwnRule(draft, draft.name !== edit);
      if (edit !== undefined && draft.name !== edit) await deleteOwnRule(edit);
    });
  const remove = () => attempt(() => deleteOwnRule(edit!));
  const { severity = "", ...labels } = rule.labels;
  const annotation = (name: string) => ({
    value: rule.annotations[name] ?? "",
    onInput: (event: { currentTarget: HTMLInputElement | HTMLTextAreaElement }) => change({ annotations: without({ ...rule.annotations, [name]: event.currentTarget.value }) }),
  });

  return (
    <div class="rule-editor">
      <form
        aria-label="Alert"
        data-testid="rule-form"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <div class="field">
          <label for="rule-expr">Fires when</label>
          <div onFocusOut={settle}>
            <PromqlEditor value={when.query} label="Expression" placeholder="sum by (job) (rate(errors_total[5m]))" onInput={(query) => type({ query })} onRun={settle} testId="rule-expr" />
          </div>
        </div>
        <div class="rule-bound">
          <select aria-label="Compared" value={when.operator} onChange={(event) => type({ operator: event.currentTarget.value as Operator })}>
            {OPERATORS.map((operator) => (
              <option key={operator} value={operator}>
                {operator}
              </option>
            ))}
          </select>
          <input class="short" inputMode="decimal" aria-label="Bound" placeholder="anything" value={when.bound} aria-invalid={!Number.isFinite(Number(when.bound))} onInput={(event) => type({ bound: event.currentTarget.value })} data-testid="rule-bound" />
          {suggestions(values, when.operator).map(({ bound, why }) => (
            <button key={why} type="button" class="chip chip-toggle" title={`In this window ${why}`} aria-pressed={Number(when.bound) === bound && when.bound !== ""} onClick={() => type({ bound: String(bound) })} data-testid="suggestion">
              {formatNumber(bound)} <span class="count">{why}</span>
            </button>
          ))}
        </div>
        <div class="rule-row">
          <div class="field">
            <label for="rule-for">For</label>
            <input id="rule-for" class="short" placeholder="at once" value={rule.for} onInput={(event) => change({ for: event.currentTarget.value.trim() })} data-testid="rule-for" />
          </div>
          <div class="field">
            <label for="rule-keep">Keep firing for</label>
            <input id="rule-keep" class="short" placeholder="not" value={rule.keep_firing_for} onInput={(event) => change({ keep_firing_for: event.currentTarget.value.trim() })} />
          </div>
          <div class="field">
            <label for="rule-interval">Look every</label>
            <input id="rule-interval" class="short" placeholder="as others" value={rule.interval} onInput={(event) => change({ interval: event.currentTarget.value.trim() })} />
          </div>
        </div>
        <div class="rule-row">
          <div class="field field-wide">
            <label for="rule-name">Name</label>
            <input id="rule-name" value={rule.name} placeholder="ManyErrors" onInput={(event) => (setNamed(true), change({ name: event.currentTarget.value }))} data-testid="rule-name" />
          </div>
          <div class="field">
            <label for="rule-severity">Severity</label>
            <select id="rule-severity" value={severity} onChange={(event) => change({ labels: without({ ...rule.labels, severity: event.currentTarget.value }) })}>
              {[...new Set([...SEVERITIES, severity])].map((one) => (
                <option key={one} value={one}>
                  {one || "none"}
                </option>
              ))}
            </select>
          </div>
        </div>
        <PairsField title="Further labels" pairs={labels} change={(pairs) => change({ labels: without({ ...pairs, severity }) })} />
        <div class="field">
          <label for="rule-summary">Summary</label>
          <input id="rule-summary" placeholder="{{ $labels.job }}: {{ $value | humanize }} errors a second" {...annotation("summary")} />
        </div>
        <div class="field">
          <label for="rule-description">Description</label>
          <textarea id="rule-description" rows={2} {...annotation("description")} />
        </div>
        <div class="field">
          <label for="rule-runbook">Runbook</label>
          <input id="rule-runbook" type="url" placeholder="https://…" {...annotation("runbook_url")} />
        </div>
        {failed && (
          <p class="note note-error note-text" role="alert" data-testid="rule-error">
            {failed}
          </p>
        )}
        <div class="rule-actions">
          {edit !== undefined && (
            <button type="button" class="button danger" onClick={() => void remove()} disabled={busy} data-testid="delete-rule">
              Delete
            </button>
          )}
          <a class="button" href={href("/alerts")}>
            Cancel
          </a>
          <button type="submit" class="button primary" disabled={busy || draft.name === "" || expr === ""} data-testid="save-rule">
            {edit === undefined ? "Save" : "Save changes"}
          </button>
        </div>
      </form>
      <RulePreview rule={later} values={setValues} copy={(yaml) => <CopyButton text={yaml} label="Copy as YAML" />} />
    </div>
  );
}

/** Texts that say something. */
const without = (texts: Record<string, string>) => Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== ""));

/** A value that follows once it has rested for so long. */
function useLater<T>(value: T, millis: number): T {
  const key = JSON.stringify(value);
  const [later, setLater] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLater(value), millis);
    return () => clearTimeout(timer);
  }, [key]);
  return later;
}
