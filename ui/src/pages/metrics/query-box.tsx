/** The PromQL behind the chart, to read, to copy, to change. A changed query is part of the URL. */
import { useState } from "preact/hooks";
import { CopyButton } from "../../components/copy-button";
import { PromqlEditor } from "../../components/promql-editor";
import { NO_DRAWER } from "../../components/trace-drawer";
import type { View } from "../../model/promql";
import { hrefWith, setParams } from "../../state/url";

/** What the URL holds besides the query: the window of time, and what is open beside the chart. */
const PASSING = { range: null, from: null, to: null, refresh: null, ...NO_DRAWER };

interface Props {
  shown: View | undefined;
  custom: string;
  /** Why the query that is in the URL failed. */
  error?: string;
}

export function QueryBox({ shown, custom, error }: Props) {
  const given = custom || shown?.queries[shown.queries.length > 1 ? 1 : 0]?.expr || "";
  // What was typed stands until another query is chosen, not until the default's window is known better.
  const choice = hrefWith(PASSING);
  const [draft, setDraft] = useState<{ choice: string; text: string } | null>(null);
  const text = draft?.choice === choice ? draft.text : given;
  const run = (query: string) => setParams({ q: query.trim() });
  return (
    <form
      class="query-box"
      aria-label="PromQL"
      onSubmit={(event) => {
        event.preventDefault();
        run(text);
      }}
    >
      <span class="query-label" aria-hidden="true">
        PromQL
      </span>
      <PromqlEditor
        label="PromQL"
        placeholder="sum by (job) (rate(requests_total[1m]))"
        value={text}
        onInput={(next) => setDraft({ choice, text: next })}
        onRun={run}
        {...(error === undefined ? {} : { error })}
      />
      <div class="query-actions">
        <span class="faint">Enter runs it, Shift-Enter breaks the line</span>
        <CopyButton text={text} label="Copy the query" />
        {custom && (
          <button type="button" class="button small" onClick={() => setParams({ q: null })}>
            {shown ? "Back to the default" : "Clear"}
          </button>
        )}
        <button type="submit" class="button small primary">
          Run
        </button>
      </div>
    </form>
  );
}
