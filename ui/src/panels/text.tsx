/** A text: markdown, code, or the words of HTML. Nothing in it runs, and links lead only to the web. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { safeUrl } from "../model/dashboard/links";
import { htmlToMarkdown, parseMarkdown, type Block, type Inline } from "../model/dashboard/markdown";
import { interpolate } from "../model/dashboard/variables";
import type { PanelProps } from "./props";

export function TextPanel({ panel, scope }: Pick<PanelProps, "panel" | "scope">) {
  const content = interpolate(panel.options.content ?? "", scope, "text");
  const mode = panel.options.mode ?? "markdown";
  if (mode === "code" || mode === "text") return <pre class="text-panel is-code">{content}</pre>;
  return (
    <div class="text-panel" data-testid="text-panel">
      <Markdown text={mode === "html" ? htmlToMarkdown(content) : content} />
    </div>
  );
}

export function Markdown({ text }: { text: string }) {
  const blocks = useMemo(() => parseMarkdown(text), [text]);
  return <>{blocks.map(block)}</>;
}

/** Panels have headings of their own: those of a text come below. */
const HEADINGS = ["h3", "h4", "h5", "h6"] as const;

function block(one: Block, key: number): JSX.Element {
  switch (one.type) {
    case "heading": {
      const Heading = HEADINGS[Math.min(one.level, HEADINGS.length) - 1];
      return <Heading key={key}>{one.children.map(inline)}</Heading>;
    }
    case "paragraph":
      return <p key={key}>{one.children.map(inline)}</p>;
    case "code":
      return (
        <pre key={key}>
          <code>{one.text}</code>
        </pre>
      );
    case "quote":
      return <blockquote key={key}>{one.children.map(block)}</blockquote>;
    case "list": {
      const List = one.ordered ? "ol" : "ul";
      return <List key={key}>{one.items.map((item, i) => <li key={i}>{item.length === 1 && item[0].type === "paragraph" ? item[0].children.map(inline) : item.map(block)}</li>)}</List>;
    }
    case "table":
      return (
        <table key={key}>
          <thead>
            <tr>{one.head.map((cell, i) => <th key={i} scope="col">{cell.map(inline)}</th>)}</tr>
          </thead>
          <tbody>{one.rows.map((row, i) => <tr key={i}>{row.map((cell, j) => <td key={j}>{cell.map(inline)}</td>)}</tr>)}</tbody>
        </table>
      );
    case "rule":
      return <hr key={key} />;
  }
}

function inline(one: Inline, key: number): JSX.Element | string {
  if (typeof one === "string") return one;
  switch (one.type) {
    case "code":
      return <code key={key}>{one.text}</code>;
    case "break":
      return <br key={key} />;
    case "link": {
      const href = safeUrl(one.href);
      if (!href) return <span key={key}>{one.children.map(inline)}</span>;
      return (
        <a key={key} href={href} {...(/^https?:/.test(href) ? { target: "_blank", rel: "noopener noreferrer" } : {})}>
          {one.children.map(inline)}
        </a>
      );
    }
    default: {
      const Tag = one.type;
      return <Tag key={key}>{one.children.map(inline)}</Tag>;
    }
  }
}
