/** One way to ask the server for JSON, one to change something, and one error that carries what it said. */

export class ApiError extends Error {
  /** HTTP status, or 0 when the server could not be reached. */
  readonly status: number;
  readonly url: string;

  constructor(message: string, status: number, url: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.url = url;
  }
}

export type Query = Record<string, string | number | boolean | readonly string[] | null | undefined>;

/** Builds a query string without the empty values; a list becomes a repeated parameter. */
export function withQuery(path: string, query: Query): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "" || value === false) continue;
    if (typeof value === "object") value.forEach((one) => params.append(name, one));
    else params.set(name, String(value));
  }
  const text = params.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** Fetches JSON. Rejects with `ApiError`, or with the `AbortError` of the signal. */
export const getJson = <T>(path: string, query: Query = {}, signal?: AbortSignal) => ask<T>(withQuery(path, query), {}, signal);

/** The same for questions that are too long for an address. */
export const postJson = <T>(path: string, body: unknown, signal?: AbortSignal) =>
  ask<T>(path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } }, signal);

async function ask<T>(url: string, init: RequestInit, signal: AbortSignal | undefined): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, { ...init, signal: signal ?? null, headers: { accept: "application/json", ...init.headers } });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError("The server can't be reached. Is `tripod up` running?", 0, url);
  }
  const text = await response.text();
  const body = parse(text);
  if (!response.ok) throw new ApiError(reason(body, text, response), response.status, url);
  if (body === undefined) throw new ApiError("The server's answer is not JSON.", response.status, url);
  return body as T;
}

/** Changes something. Rejects with `ApiError`. */
export async function sendJson<T>(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  const content: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
  let response: Response;
  try {
    response = await fetch(path, { method, headers: { accept: "application/json", ...content, ...headers }, body: body === undefined ? null : JSON.stringify(body) });
  } catch {
    throw new ApiError("The server can't be reached. Is `tripod up` running?", 0, path);
  }
  const text = await response.text();
  const answer = parse(text);
  if (!response.ok) throw new ApiError(reason(answer, text, response), response.status, path);
  return answer as T;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What the server said: Prometheus' and our `error`, Jaeger's `errors[].msg`, or the text as it is. */
function reason(body: unknown, text: string, response: Response): string {
  // Alertmanager's API.
  if (typeof body === "string" && body !== "") return body;
  if (typeof body === "object" && body !== null) {
    const { error, errors } = body as { error?: unknown; errors?: { msg?: string }[] | null };
    if (typeof error === "string") return error;
    const messages = errors?.flatMap((one) => (one.msg ? [one.msg] : [])) ?? [];
    if (messages.length > 0) return messages.join("; ");
  }
  return text.trim().slice(0, 500) || `${response.status} ${response.statusText}`;
}
