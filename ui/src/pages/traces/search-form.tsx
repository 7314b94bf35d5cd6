/** The conditions of a trace search. Each is a parameter of the URL; text counts when one leaves its box or presses Enter. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { fetchOperations } from "../../api/traces";
import { CloseIcon } from "../../components/icons";
import { normaliseDuration, parseTag } from "../../model/search";
import { useLoad } from "../../state/load";
import { clock } from "../../state/time-range";
import { param, route, setParams } from "../../state/url";
import { DEFAULT_LIMIT, LIMITS } from "./search-url";

export function SearchForm({ services, limit }: { services: string[]; limit: string }) {
  void route.value;
  const service = param("service");
  const operations = useLoad(service ? `operations of ${service}` : null, clock.value, (signal) => fetchOperations(service, signal));
  return (
    <form class="search-form" role="search" aria-label="Search traces" onSubmit={(event) => event.preventDefault()}>
      <Field label="Service">
        <select data-testid="service" value={service} onChange={(event) => setParams({ service: event.currentTarget.value, operation: null })}>
          <option value="">any</option>
          {withChosen(services, service).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </Field>
      <Field label="Operation">
        <select value={param("operation")} disabled={!service && !param("operation")} onChange={(event) => setParams({ operation: event.currentTarget.value })}>
          <option value="">{service ? "any" : "choose a service first"}</option>
          {withChosen(operations.data ?? [], param("operation")).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </Field>
      <TagsField />
      <DurationField label="Min duration" name="min" placeholder="100ms" />
      <DurationField label="Max duration" name="max" placeholder="2s" />
      <Field label="Limit">
        <select value={limit} onChange={(event) => setParams({ limit: event.currentTarget.value === String(DEFAULT_LIMIT) ? null : event.currentTarget.value })}>
          {withChosen(LIMITS, limit).map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </Field>
      <label class="check">
        <input type="checkbox" checked={param("errors") === "1"} onChange={(event) => setParams({ errors: event.currentTarget.checked ? "1" : null })} />
        Errors only
      </label>
    </form>
  );
}

/** A value of the URL stays selectable although the server doesn't list it. */
export const withChosen = (list: readonly string[], chosen: string) => (chosen === "" || list.includes(chosen) ? list : [...list, chosen]);

export function Field({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <label class="field">
      <span>{label}</span>
      {children}
    </label>
  );
}

function DurationField({ label, name, placeholder }: { label: string; name: string; placeholder: string }) {
  const value = param(name);
  const wrong = value !== "" && normaliseDuration(value) === undefined;
  return (
    <Field label={label}>
      <input
        key={value}
        class="short"
        defaultValue={value}
        placeholder={placeholder}
        aria-invalid={wrong}
        title={wrong ? "A number and a unit: 500us, 100ms, 1.5s, 2m" : ""}
        onChange={(event) => setParams({ [name]: event.currentTarget.value.trim() })}
      />
    </Field>
  );
}

function TagsField() {
  const tags = route.value.params.getAll("tag");
  const [wrong, setWrong] = useState(false);
  const add = (input: HTMLInputElement) => {
    const text = input.value.trim();
    const tag = parseTag(text);
    setWrong(text !== "" && !tag);
    if (!tag) return;
    input.value = "";
    setParams({ tag: [...tags.filter((one) => parseTag(one)?.key !== tag.key), `${tag.key}=${tag.value}`] });
  };
  return (
    <div class="field field-wide">
      <label for="tag-input">Attributes</label>
      <div class="chips-input">
        {tags.map((tag) => (
          <span key={tag} class="chip">
            {tag}
            <button type="button" aria-label={`Remove ${tag}`} onClick={() => setParams({ tag: tags.filter((one) => one !== tag) })}>
              <CloseIcon />
            </button>
          </span>
        ))}
        <input
          id="tag-input"
          placeholder={tags.length > 0 ? "" : "http.route=/api/orders"}
          aria-invalid={wrong}
          title={wrong ? "key=value" : ""}
          onKeyDown={(event) => event.key === "Enter" && add(event.currentTarget)}
          onBlur={(event) => add(event.currentTarget)}
        />
      </div>
    </div>
  );
}
