/** Where in a query the server found fault: its errors begin with line and column. */

export interface Problem {
  message: string;
  /** Offsets into the query; both 0 when the server named no place. */
  from: number;
  to: number;
}

const PLACE = /(?:^|\s)(\d{1,6}):(\d{1,6}): (?:parse error: )?/;

/** Marks the word at the place, or one character of what is no word; at the end of the query its last character. */
export function problemOf(error: string, query: string): Problem {
  const found = PLACE.exec(error);
  if (!found) return { message: error, from: 0, to: 0 };
  const message = error.slice(found.index + found[0].length);
  const lines = query.split("\n");
  const line = Math.min(Number(found[1]), lines.length) - 1;
  const before = lines.slice(0, line).reduce((sum, one) => sum + one.length + 1, 0);
  const place = before + Math.min(Math.max(0, Number(found[2]) - 1), lines[line].length);
  const from = place >= query.length ? Math.max(0, query.length - 1) : place;
  const word = /^[\w:$.]+/.exec(query.slice(from))?.[0].length ?? 1;
  return { message, from, to: Math.min(query.length, from + word) };
}
