/**
 * Traces of files that were opened in this page. They stay in its memory, are sent nowhere, and are gone with a reload; the address of
 * one is `/traces/file/ID`.
 */
import { signal } from "@preact/signals";
import type { JaegerTrace } from "../api/traces";

export interface OpenedFile {
  name: string;
  traces: JaegerTrace[];
}

const PREFIX = "file/";

export const openedFiles = signal<OpenedFile[]>([]);

/** The latest file comes first, and replaces one of the same name. */
export function addOpened(file: OpenedFile): void {
  openedFiles.value = [file, ...openedFiles.peek().filter((one) => one.name !== file.name)];
}

export const closeFile = (name: string) => (openedFiles.value = openedFiles.peek().filter((one) => one.name !== name));

export const isOpened = (id: string) => id.startsWith(PREFIX);

export const openedId = (trace: JaegerTrace) => PREFIX + trace.traceID;

export function openedTrace(id: string): JaegerTrace | undefined {
  const bare = id.slice(PREFIX.length);
  for (const file of openedFiles.peek()) {
    const trace = file.traces.find((one) => one.traceID === bare);
    if (trace) return trace;
  }
  return undefined;
}
