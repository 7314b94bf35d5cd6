/** What was left out, and what was boxed, as chips; and, when nothing is found, which conditions one might drop. */
import { Empty } from "../../components/feedback";
import { CloseIcon } from "../../components/icons";
import { parseRange, rangeName } from "../../state/time-range";
import { hrefWith, param, route, setParams } from "../../state/url";
import { byQuery, NO_CONDITIONS, without } from "./search-url";

const nameOf = (text: string) => text.replace(/^\./, "");

export function Exclusions() {
  const not = route.value.params.getAll("not");
  const took = param("took").replace("-", " to ");
  if (not.length === 0 && !took) return null;
  return (
    <div class="exclusions" data-testid="exclusions">
      {took && (
        <span class="chip">
          takes {took}
          <button type="button" aria-label="Traces of any duration" onClick={() => setParams({ took: null })}>
            <CloseIcon />
          </button>
        </span>
      )}
      {not.length > 0 && <span class="faint">Left out</span>}
      {not.map((text) => (
        <span key={text} class="chip chip-not">
          {nameOf(text)}
          <button type="button" aria-label={`No longer leave out ${nameOf(text)}`} onClick={() => setParams({ not: without([text]) })}>
            <CloseIcon />
          </button>
        </span>
      ))}
    </div>
  );
}

/** Conditions by what they are called, with the address without them. */
function conditions(): { name: string; href: string }[] {
  const { params } = route.value;
  const one = (key: string, name: (value: string) => string) => (param(key) ? [{ name: name(param(key)), href: hrefWith({ [key]: null }) }] : []);
  const form = [
    ...(param("service") ? [{ name: `the service ${param("service")}`, href: hrefWith({ service: null, operation: null }) }] : []),
    ...one("operation", (value) => `the operation ${value}`),
    ...one("errors", () => "the condition that it failed"),
    ...one("min", (value) => `the least duration, ${value}`),
    ...one("max", (value) => `the longest duration, ${value}`),
    ...params.getAll("tag").map((tag) => ({ name: tag, href: hrefWith({ tag: params.getAll("tag").filter((other) => other !== tag) }) })),
  ];
  const boxed = one("took", (value) => `a duration of ${value.replace("-", " to ")}`);
  return [...(byQuery() ? [] : form), ...boxed, ...params.getAll("not").map((text) => ({ name: `leaving out ${nameOf(text)}`, href: hrefWith({ not: without([text]) }) }))];
}

export function NothingFound() {
  const all = conditions();
  const wide = (parseRange(rangeName.value) ?? 0) >= 86400e3;
  return (
    <Empty title="No trace matches.">
      <ul class="empty-ways">
        {all.map((condition) => (
          <li key={condition.name}>
            <a href={condition.href}>Without {condition.name}</a>
          </li>
        ))}
        {!wide && (
          <li>
            <a href={hrefWith({ range: "24h", from: null, to: null })}>The last 24 hours</a>
          </li>
        )}
        {(all.length > 1 || byQuery()) && (
          <li>
            <a href={hrefWith(NO_CONDITIONS)}>All traces of this window</a>
          </li>
        )}
      </ul>
    </Empty>
  );
}
