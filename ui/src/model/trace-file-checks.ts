/** Reading JSON that somebody else wrote: every value is what it should be, or an error says where it isn't. */

/** What is wrong with a file, in words for its owner. */
export class FileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "FileError";
  }
}

export type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);

export function kindOf(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  return `the ${typeof value} ${JSON.stringify(value).slice(0, 40)}`;
}

export function textAt(value: Json, name: string, where: string): string {
  const held = value[name];
  if (typeof held !== "string") throw new FileError(`${where}: \`${name}\` is ${kindOf(held)}, not a text.`);
  return held;
}

export function numberAt(value: Json, name: string, where: string): number {
  const held = value[name];
  if (typeof held !== "number" || !Number.isFinite(held)) throw new FileError(`${where}: \`${name}\` is ${kindOf(held)}, not a number.`);
  return held;
}

/** A list, also an empty one where there is nothing. */
export function listAt(value: Json, name: string, where: string): unknown[] {
  const held = value[name] ?? [];
  if (!Array.isArray(held)) throw new FileError(`${where}: \`${name}\` is ${kindOf(held)}, not a list.`);
  return held;
}

export function objectIn(list: unknown[], i: number, where: string): Json {
  const held = list[i];
  if (!isObject(held)) throw new FileError(`${where} is ${kindOf(held)}, not an object.`);
  return held;
}
