/** The box for PromQL with CodeMirror: only `promql-editor.tsx` loads this file, and only when such a box is shown. */
import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap, completionStatus, moveCompletionSelection, selectedCompletion } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, insertNewline } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { forceLinting, linter, type Diagnostic } from "@codemirror/lint";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { PromQLExtension } from "@prometheus-io/codemirror-promql";
import type { Problem } from "../model/promql-problem";
import { completionSource } from "./promql-completion";

interface Options {
  onInput: (text: string) => void;
  onRun: (text: string) => void;
  label: string;
  placeholder?: string;
  unchecked?: boolean;
}

interface Setup {
  testId: string;
  describedBy: string;
  /** The latest ones. */
  options: () => Options;
  /** Tells what is wrong with the text as it stands, or "". */
  found: (message: string) => void;
}

export interface CodeBox {
  /** Shows a text that came from outside. */
  show: (text: string) => void;
  /** Marks what the server objected to. */
  fail: (problem: Problem | null) => void;
  destroy: () => void;
}

/** How long one may type before what is wrong is said. */
const PAUSE_MS = 600;

/** Takes the plain box's place: its text, its selection and the focus, should it have that. */
export function codeBox(parent: HTMLElement, plain: HTMLTextAreaElement, setup: Setup): CodeBox {
  const { options } = setup;
  const language = new PromQLExtension().setComplete({ remote: completionSource() }).activateLinter(false);
  const grammar = language.getLinter().promQL();
  let failure: Problem | null = null;
  const check = async (view: EditorView): Promise<Diagnostic[]> => {
    const own = options().unchecked || view.state.doc.length === 0 ? [] : [...(await grammar(view))];
    setup.found(own[0]?.message ?? "");
    const length = view.state.doc.length;
    const server = failure && failure.to > failure.from && failure.to <= length ? [{ ...failure, severity: "error" as const }] : [];
    return server.length > 0 ? server : own;
  };
  const run = (view: EditorView) => {
    closeCompletion(view);
    options().onRun(view.state.doc.toString());
    return true;
  };
  const focused = document.activeElement === plain;
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: plain.value,
      selection: { anchor: plain.selectionStart, head: plain.selectionEnd },
      extensions: [
        Prec.highest(keymap.of([{ key: "Enter", run: (at) => takeChosen(at) || run(at) }, { key: "Mod-Enter", run }, { key: "Shift-Enter", run: insertNewline }, { key: "Tab", run: takeFirst }])),
        // Nothing is chosen until one moves to it, so that Enter runs what one typed.
        autocompletion({ selectOnOpen: false, interactionDelay: 0, icons: false, maxRenderedOptions: 60 }),
        keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
        history(),
        closeBrackets(),
        bracketMatching(),
        language.asExtension(),
        linter(check, { delay: PAUSE_MS }),
        syntaxHighlighting(COLORS),
        THEME,
        EditorView.lineWrapping,
        placeholder(options().placeholder ?? ""),
        EditorView.contentAttributes.of({ "aria-label": options().label, "aria-describedby": setup.describedBy, "data-testid": setup.testId, spellcheck: "false" }),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          failure = null;
          options().onInput(update.state.doc.toString());
        }),
      ],
    }),
  });
  if (focused) view.focus();
  return {
    show: (text) => {
      const shown = view.state.doc.toString();
      if (text !== shown) view.dispatch({ changes: { from: 0, to: shown.length, insert: text }, selection: { anchor: text.length } });
    },
    fail: (problem) => {
      failure = problem;
      forceLinting(view);
    },
    destroy: () => {
      view.destroy();
      language.destroy();
    },
  };
}

const takeChosen = (view: EditorView) => selectedCompletion(view.state) !== null && acceptCompletion(view);

function takeFirst(view: EditorView): boolean {
  if (completionStatus(view.state) !== "active") return false;
  if (selectedCompletion(view.state) === null) moveCompletionSelection(true)(view);
  return acceptCompletion(view);
}

const hue = (degrees: number) => `oklch(calc(var(--hue-l) - 0.04) var(--hue-c) ${degrees})`;

const COLORS = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier], color: hue(300) },
  { tag: [tags.function(tags.variableName), tags.operatorKeyword], color: hue(255) },
  { tag: tags.string, color: hue(150) },
  { tag: tags.number, color: hue(60) },
  { tag: tags.labelName, color: hue(335) },
  { tag: tags.operator, color: "var(--soft)" },
  { tag: tags.comment, color: "var(--faint)", fontStyle: "italic" },
]);

const THEME = EditorView.theme({
  "&": { font: "12.5px/1.5 var(--mono)", color: "var(--text)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "inherit", lineHeight: "inherit", maxHeight: "40vh" },
  ".cm-content": { padding: "8px 0", caretColor: "var(--text)" },
  ".cm-line": { padding: "0 10px" },
  ".cm-placeholder": { color: "var(--faint)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-wash)", outline: "1px solid var(--accent)" },
  "&.cm-focused .cm-nonmatchingBracket": { backgroundColor: "var(--error-wash)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--error) 1px", textUnderlineOffset: "3px" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", border: "1px solid var(--line-strong)", borderRadius: "7px", boxShadow: "var(--shadow)", overflow: "hidden", zIndex: "50" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { font: "12px/1.5 var(--mono)", maxWidth: "min(520px, 92vw)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { display: "flex", gap: "12px", padding: "2px 9px", color: "var(--text)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent-wash)", color: "var(--accent-text)" },
  ".cm-completionLabel": { overflow: "hidden", textOverflow: "ellipsis" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-completionDetail": { marginLeft: "auto", color: "var(--faint)", fontStyle: "normal", fontFamily: "var(--font)", fontSize: "11px" },
  ".cm-tooltip.cm-completionInfo": { font: "12px/1.4 var(--font)", padding: "6px 9px", maxWidth: "300px" },
  ".cm-diagnostic": { font: "12px/1.4 var(--font)", borderLeft: "3px solid var(--error)", padding: "5px 9px" },
});
