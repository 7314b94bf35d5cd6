/** What people type into search forms: durations, attribute conditions, ids. */

/** `100ms`, `1.5s`, `2` (milliseconds) as the API wants it; undefined when it can't be read. */
export function normaliseDuration(text: string): string | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m|min|h)?\s*$/.exec(text);
  if (!match) return undefined;
  const unit = match[2] === "µs" ? "us" : match[2] === "min" ? "m" : (match[2] ?? "ms");
  return match[1] + unit;
}

/** `key=value`, with or without quotes around the value. */
export function parseTag(text: string): { key: string; value: string } | undefined {
  const at = text.indexOf("=");
  const key = text.slice(0, at).trim();
  if (at < 1 || key === "") return undefined;
  const value = text.slice(at + 1).trim();
  return { key, value: value.replace(/^"(.*)"$/, "$1") };
}

/** Attribute conditions as an object; a later one on the same key wins, as the API can hold one a key. */
export function tagsObject(tags: readonly string[]): Record<string, string> {
  return Object.fromEntries(tags.flatMap((text) => parseTag(text) ?? []).map(({ key, value }) => [key, value]));
}

/** A trace id in any of the shapes people paste, or undefined. */
export function parseTraceId(text: string): string | undefined {
  const fromTraceparent = /^\s*[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}\s*$/i.exec(text)?.[1];
  const id = (fromTraceparent ?? text.trim().replace(/^0x/i, "").replace(/-/g, "")).toLowerCase();
  return /^[0-9a-f]{16,32}$/.test(id) ? id : undefined;
}
