/** The search, and what limits it beside the text. */
import { useState } from "preact/hooks";
import { CloseIcon, SearchIcon } from "../../components/icons";
import { isLogQl } from "../../model/log-query";
import { setParams } from "../../state/url";
import { filterPattern, setText, type LogState } from "./log-state";
import { Holes } from "./patterns";

const HINT = 'Words, "phrases", -without, key=value, key!=value, or LogQL: {service_name="…"} |= "…"';

export function SearchBar({ state }: { state: LogState }) {
  const [typed, setTyped] = useState({ of: state.text, text: state.text });
  const text = typed.of === state.text ? typed.text : state.text;
  return (
    <form class="log-form" role="search" aria-label="Search logs" onSubmit={(event) => (event.preventDefault(), setText(text))}>
      <div class={`log-query${isLogQl(text) ? " is-logql" : ""}`}>
        <SearchIcon />
        <input
          id="log-query"
          type="search"
          value={text}
          spellcheck={false}
          autocomplete="off"
          aria-label="Search the logs"
          placeholder={HINT}
          title={HINT}
          onInput={(event) => setTyped({ of: state.text, text: event.currentTarget.value })}
          onChange={() => setText(text)}
          onKeyDown={(event) => {
            if (event.key !== "Enter") return;
            event.preventDefault();
            setText(event.currentTarget.value);
          }}
        />
        {isLogQl(text) && <span class="log-language">LogQL</span>}
        {text !== "" && (
          <button type="button" class="icon-button small log-clear" aria-label="Clear the search" onClick={() => (setTyped({ of: "", text: "" }), setText(""))}>
            <CloseIcon />
          </button>
        )}
      </div>
      <Chips state={state} />
    </form>
  );
}

function Chips({ state: { beside } }: { state: LogState }) {
  const none = !beside.service && !beside.severity && !beside.trace && beside.patterns.length + beside.notPatterns.length === 0;
  if (none) return null;
  return (
    <div class="log-chips">
      {beside.service && <Chip text={`service ${beside.service}`} remove={() => setParams({ service: null })} />}
      {beside.severity && <Chip text={`${beside.severity} and graver`} remove={() => setParams({ severity: null })} />}
      {beside.trace && <Chip text={`trace ${beside.trace.slice(0, 12)}…`} remove={() => setParams({ trace_id: null })} />}
      {beside.patterns.map((pattern) => (
        <PatternChip key={pattern} pattern={pattern} excluded={false} />
      ))}
      {beside.notPatterns.map((pattern) => (
        <PatternChip key={pattern} pattern={pattern} excluded />
      ))}
    </div>
  );
}

const Chip = ({ text, remove }: { text: string; remove: () => void }) => (
  <span class="chip" data-testid="chip">
    {text}
    <button type="button" aria-label={`Remove the condition ${text}`} onClick={remove}>
      <CloseIcon />
    </button>
  </span>
);

const PatternChip = ({ pattern, excluded }: { pattern: string; excluded: boolean }) => (
  <span class={`chip chip-pattern${excluded ? " is-excluded" : ""}`} title={pattern} data-testid="chip">
    <span>
      {excluded ? "not like " : "like "}
      <Holes text={pattern} />
    </span>
    <button type="button" aria-label={`Remove the pattern ${pattern}`} onClick={() => filterPattern(pattern, excluded)}>
      <CloseIcon />
    </button>
  </span>
);
