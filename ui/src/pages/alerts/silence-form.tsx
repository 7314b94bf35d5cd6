/** Makes a silence: which alerts, for how long, by whom and why. */
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { makeSilence, type Matcher } from "../../api/alerts";
import { countFiring } from "../../components/firing-badge";
import { formatMatcher, parseDuration, parseMatchers, silenceFrom } from "../../model/alerts";

const DURATIONS = ["30m", "2h", "8h", "1d", "7d"];
/** Who made the last silence in this browser. */
const AUTHOR = "tripod.silence.author";

interface Props {
  matchers: Matcher[];
  /** `made`: there is a new silence. */
  done: (made: boolean) => void;
}

export function SilenceForm({ matchers, done }: Props) {
  const id = useId();
  const [text, setText] = useState(matchers.map(formatMatcher).join("\n"));
  const [duration, setDuration] = useState("2h");
  const [author, setAuthor] = useState(() => localStorage.getItem(AUTHOR) ?? "");
  const [comment, setComment] = useState("");
  const [failed, setFailed] = useState("");
  const [busy, setBusy] = useState(false);
  const first = useRef<HTMLTextAreaElement & HTMLInputElement>(null);
  // At once: a key pressed right after is meant for the form.
  useLayoutEffect(() => first.current?.focus(), []);
  const parsed = parseMatchers(text);
  const millis = parseDuration(duration);
  const wrong = parsed.error || (millis === undefined ? "How long: 30m, 2h, 1d" : "");

  const make = async () => {
    if (wrong || millis === undefined || busy) return;
    setBusy(true);
    try {
      await makeSilence(silenceFrom(parsed.matchers, millis, author.trim(), comment.trim(), Date.now()));
      localStorage.setItem(AUTHOR, author.trim());
      countFiring();
      done(true);
    } catch (cause) {
      setFailed(cause instanceof Error ? cause.message : String(cause));
      setBusy(false);
    }
  };

  return (
    <form
      class="silence-form"
      aria-label="Silence"
      data-testid="silence-form"
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        done(false);
      }}
    >
      <div class="field silence-matchers">
        <label for={`${id}-matchers`}>Alerts with all of these labels (=, !=, =~, !~)</label>
        <textarea ref={matchers.length === 0 ? first : null} id={`${id}-matchers`} rows={Math.min(8, Math.max(2, text.split("\n").length))} class="mono" spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </div>
      <div class="field">
        <label for={`${id}-duration`}>For</label>
        <input id={`${id}-duration`} class="short" list={`${id}-durations`} value={duration} aria-invalid={millis === undefined} onInput={(event) => setDuration(event.currentTarget.value)} />
        <datalist id={`${id}-durations`}>
          {DURATIONS.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      </div>
      <div class="field">
        <label for={`${id}-author`}>By</label>
        <input id={`${id}-author`} class="short" value={author} onInput={(event) => setAuthor(event.currentTarget.value)} />
      </div>
      <div class="field field-wide">
        <label for={`${id}-comment`}>Why</label>
        <input ref={matchers.length > 0 ? first : null} id={`${id}-comment`} value={comment} placeholder="moving the database" onInput={(event) => setComment(event.currentTarget.value)} />
      </div>
      <div class="silence-actions">
        {(wrong || failed) && (
          <span class="error-text" role="alert">
            {wrong || failed}
          </span>
        )}
        <button type="button" class="button" onClick={() => done(false)}>
          Cancel
        </button>
        <button type="submit" class="button primary" disabled={wrong !== "" || busy}>
          Silence
        </button>
      </div>
    </form>
  );
}
