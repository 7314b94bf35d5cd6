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
export const getJson = <T>(path: string, query: Query = {}, signal?: AbortSignal) => ask<T>(withQuery(path, query), { method: "GET" }, signal);

/** Sends JSON, a value or its text, and fetches what is answered, which may be nothing. */
export function sendJson<T>(method: "POST" | "PUT" | "DELETE", path: string, json?: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<T> {
  const body = json === undefined ? null : typeof json === "string" ? json : JSON.stringify(json, undefined, 2);
  return ask<T>(path, { method, body, headers: { ...(body === null ? {} : { "content-type": "application/json" }), ...headers } }, signal);
}

/** For what is not JSON as a whole. */
export async function getText(path: string, signal?: AbortSignal): Promise<string> {
  const { response, text } = await send(path, { method: "GET" }, signal);
  if (!response.ok) throw new ApiError(reason(parse(text), text, response), response.status, path);
  return text;
}

async function ask<T>(url: string, init: RequestInit, signal?: AbortSignal): Promise<T> {
  const { response, text } = await send(url, init, signal);
  const body = parse(text);
  if (!response.ok) throw new ApiError(reason(body, text, response), response.status, url);
  if (body === undefined && text !== "") throw new ApiError("The server's answer is not JSON.", response.status, url);
  return body as T;
}

async function send(url: string, init: RequestInit, signal?: AbortSignal): Promise<{ response: Response; text: string }> {
  try {
    const response = await fetch(url, { ...init, signal: signal ?? null, headers: { accept: "application/json", ...init.headers } });
    return { response, text: await response.text() };
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError("The server can't be reached. Is `tripod up` running?", 0, url);
  }
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
