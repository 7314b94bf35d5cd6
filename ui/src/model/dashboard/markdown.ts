/**
 * Markdown as a tree of what it means: headings, lists, tables, quotes, code, emphasis, links. HTML within it is text, and a tree has no
 * place for anything else, so nothing that a dashboard says can run.
 */

export type Inline = string | { type: "strong" | "em" | "del"; children: Inline[] } | { type: "code"; text: string } | { type: "link"; href: string; children: Inline[] } | { type: "break" };

export type Block =
  | { type: "heading"; level: number; children: Inline[] }
  | { type: "paragraph"; children: Inline[] }
  | { type: "code"; text: string }
  | { type: "quote"; children: Block[] }
  | { type: "list"; ordered: boolean; items: Block[][] }
  | { type: "table"; head: Inline[][]; rows: Inline[][][] }
  | { type: "rule" };

/** How deep quotes and lists go; what is deeper is a paragraph. */
const MOST_DEPTH = 8;

export const parseMarkdown = (text: string) => blocks(text.replace(/\r\n?/g, "\n").split("\n"), 0);

const FENCE = /^ {0,3}(```+|~~~+)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])\s+(.*)$/;
const DIVIDER = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;

function blocks(lines: readonly string[], depth: number): Block[] {
  const out: Block[] = [];
  let i = 0;
  while (i < lines.length) {
    const line = lines[i];
    const fence = FENCE.exec(line);
    const heading = HEADING.exec(line);
    if (line.trim() === "") i += 1;
    else if (fence) {
      const end = lines.findIndex((other, at) => at > i && other.trim().startsWith(fence[1]));
      const last = end < 0 ? lines.length : end;
      out.push({ type: "code", text: lines.slice(i + 1, last).join("\n") });
      i = last + 1;
    } else if (heading) {
      out.push({ type: "heading", level: heading[1].length, children: inline(heading[2]) });
      i += 1;
    } else if (RULE.test(line)) {
      out.push({ type: "rule" });
      i += 1;
    } else if (QUOTE.test(line) && depth < MOST_DEPTH) {
      const end = until(lines, i, (other) => !QUOTE.test(other));
      out.push({ type: "quote", children: blocks(lines.slice(i, end).map((one) => one.replace(QUOTE, "")), depth + 1) });
      i = end;
    } else if (ITEM.test(line) && depth < MOST_DEPTH) {
      const [list, end] = listAt(lines, i, depth);
      out.push(list);
      i = end;
    } else if (line.includes("|") && i + 1 < lines.length && lines[i + 1].includes("-") && DIVIDER.test(lines[i + 1])) {
      const end = until(lines, i + 2, (other) => !other.includes("|"));
      out.push({ type: "table", head: cells(line), rows: lines.slice(i + 2, end).map(cells) });
      i = end;
    } else {
      const end = until(lines, i + 1, (other) => other.trim() === "" || FENCE.test(other) || HEADING.test(other) || RULE.test(other) || QUOTE.test(other) || ITEM.test(other));
      out.push({ type: "paragraph", children: inline(lines.slice(i, end).join("\n")) });
      i = end;
    }
  }
  return out;
}

function until(lines: readonly string[], from: number, ends: (line: string) => boolean): number {
  let at = from;
  while (at < lines.length && !ends(lines[at])) at++;
  return at;
}

function listAt(lines: readonly string[], from: number, depth: number): [Block, number] {
  const ordered = /\d/.test(ITEM.exec(lines[from])![2]);
  const items: string[][] = [];
  let i = from;
  for (; i < lines.length; i++) {
    const line = lines[i];
    const item = ITEM.exec(line);
    if (item && /\d/.test(item[2]) === ordered) items.push([item[3]]);
    else if (/^\s{2,}\S/.test(line)) items[items.length - 1].push(line.replace(/^ {1,4}|^\t/, ""));
    else if (line.trim() !== "" || !(ITEM.test(lines[i + 1] ?? "") || /^\s{2,}\S/.test(lines[i + 1] ?? ""))) break;
  }
  return [{ type: "list", ordered, items: items.map((item) => blocks(item, depth + 1)) }, i];
}

const cells = (line: string) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => inline(cell.trim()));

/** In order of who wins: code, links and addresses, strong, emphasis, what is struck out, ends of lines. */
const INLINE = /`([^`]+)`|!?\[([^\]]*)\]\(\s*<?([^)\s>]+)>?(?:\s+["'][^)]*["'])?\s*\)|<?(https?:\/\/[^\s<>)]+)>?|\*\*([\s\S]+?)\*\*|__([\s\S]+?)__|\*([^\s*][\s\S]*?)\*|\b_([^\s_][\s\S]*?)_\b|~~([\s\S]+?)~~|( {2,}\n|<br\s*\/?>)|\\([\\`*_{}[\]()#+\-.!|>~])/;

function inline(text: string): Inline[] {
  const out: Inline[] = [];
  let rest = text;
  // Each round takes something off, so there are at most as many as there are letters.
  while (rest !== "") {
    const match = INLINE.exec(rest);
    if (!match) break;
    if (match.index > 0) out.push(rest.slice(0, match.index));
    const [whole, code, label, target, bare, strong, strong2, em, em2, struck, newline, escaped] = match;
    if (code !== undefined) out.push({ type: "code", text: code });
    else if (target !== undefined) out.push({ type: "link", href: target, children: inline(label || target) });
    else if (bare !== undefined) out.push({ type: "link", href: bare, children: [bare] });
    else if (strong ?? strong2) out.push({ type: "strong", children: inline((strong ?? strong2)!) });
    else if (em ?? em2) out.push({ type: "em", children: inline((em ?? em2)!) });
    else if (struck !== undefined) out.push({ type: "del", children: inline(struck) });
    else if (newline !== undefined) out.push({ type: "break" });
    else out.push(escaped);
    rest = rest.slice(match.index + whole.length);
  }
  if (rest !== "") out.push(rest);
  return out;
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', nbsp: " ", "#39": "'" };

/** The words of HTML, with the little structure that markdown can say: what is left of a text panel in HTML. */
export function htmlToMarkdown(html: string): string {
  const without = html.replace(/<(script|style|iframe|object|svg)\b[\s\S]*?(<\/\1\s*>|$)/gi, "").replace(/<!--[\s\S]*?(-->|$)/g, "");
  const marked = without
    .replace(/<h([1-6])\b[^>]*>/gi, (_, level: string) => `\n\n${"#".repeat(Number(level))} `)
    .replace(/<a\b[^>]*href\s*=\s*(?:"([^"]*)"|'([^']*)')[^>]*>([\s\S]*?)<\/a>/gi, (_, double: string | undefined, quoted: string | undefined, label: string) => `[${label.replace(/<[^>]*>/g, "").trim()}](${(double ?? quoted ?? "").replace(/\s/g, "%20")})`)
    .replace(/<\/?(b|strong)\b[^>]*>/gi, "**")
    .replace(/<\/?(i|em)\b[^>]*>/gi, "*")
    .replace(/<li\b[^>]*>/gi, "\n- ")
    .replace(/<br\b[^>]*>|<\/?(p|div|h[1-6]|ul|ol|table|tr)\b[^>]*>/gi, "\n\n")
    .replace(/<[^>]*>/g, "");
  return marked.replace(/&(amp|lt|gt|quot|nbsp|#39);/g, (_, name: string) => ENTITIES[name]).replace(/^[ \t]+/gm, "").replace(/\n{3,}/g, "\n\n");
}
