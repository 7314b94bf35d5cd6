/**
 * A box for PromQL: colours, completion of metrics, labels, values and functions of the chosen window, and what is wrong where it is.
 * CodeMirror comes as a file of its own once such a box is on the page; until then, and should it never come, a plain text box of the
 * same look does the same but for the comforts. Enter runs, Shift-Enter breaks the line, Tab takes a completion; Escape, then Tab, leaves.
 */
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { CodeBox } from "./promql-code";
import { problemOf } from "../model/promql-problem";
import "../styles/promql.css";

interface Props {
  value: string;
  onInput: (text: string) => void;
  /** Gets the text, which is the latest `value`. */
  onRun: (text: string) => void;
  /** What assistive technology calls the box. */
  label: string;
  /** What the server said of the query that was run last, with its `line:column:`. It stands until the text changes. */
  error?: string;
  placeholder?: string;
  /** The text holds variables (`$service`), so only the server can say whether it is well formed. */
  unchecked?: boolean;
  testId?: string;
}

export function PromqlEditor(props: Props) {
  const { value, label, error, placeholder = "", testId = "promql" } = props;
  const latest = useRef(props);
  latest.current = props;
  const place = useRef<HTMLDivElement>(null);
  const plain = useRef<HTMLTextAreaElement>(null);
  const [code, setCode] = useState<CodeBox | null>(null);
  const [found, setFound] = useState("");
  const problemId = useId();
  const failed = useFailure(error, value);

  useEffect(() => {
    let gone = false;
    let box: CodeBox | undefined;
    void import("./promql-code").then(
      ({ codeBox }) => {
        if (gone) return;
        box = codeBox(place.current!, plain.current!, {
          testId,
          describedBy: problemId,
          options: () => latest.current,
          found: setFound,
        });
        setCode(box);
      },
      () => undefined,
    );
    return () => {
      gone = true;
      box?.destroy();
    };
  }, []);
  useLayoutEffect(() => code?.show(value), [code, value]);
  useEffect(() => code?.fail(failed ? problemOf(failed, value) : null), [code, failed]);

  const problem = failed ? problemOf(failed, value).message : found;
  return (
    <div class={`promql-editor${problem ? " is-wrong" : ""}`}>
      <div ref={place} class="promql-code" />
      {!code && (
        <textarea
          ref={plain}
          class="promql-plain"
          data-testid={testId}
          aria-label={label}
          aria-describedby={problemId}
          aria-invalid={problem !== ""}
          rows={1}
          spellcheck={false}
          placeholder={placeholder}
          value={value}
          onInput={(event) => props.onInput(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            props.onRun(event.currentTarget.value);
          }}
        />
      )}
      <p id={problemId} class="promql-problem" role="status" data-testid={`${testId}-problem`}>
        {problem}
      </p>
    </div>
  );
}

/** The server's error while the text is still the one it is about. */
function useFailure(error: string | undefined, value: string): string {
  const about = useRef({ error, value });
  if (about.current.error !== error) about.current = { error, value };
  return about.current.value === value ? (error ?? "") : "";
}
