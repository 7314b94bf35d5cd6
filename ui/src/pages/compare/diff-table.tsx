/** The two trees as one: counts and times of both sides at each path, what came, what went, and what takes longer. */
import { useMemo } from "preact/hooks";
import { Empty } from "../../components/feedback";
import { ServiceDot } from "../../components/service-tag";
import { VirtualList } from "../../components/virtual-list";
import { formatCount, formatCounted, formatDuration } from "../../lib/format";
import { byChange, changedNodes, selfChange, totalChange, type DiffNode, type Side } from "../../model/trace-diff";
import { useKeys } from "../../state/keys";
import { href, param, setParams } from "../../state/url";
import { signedDuration } from "./signed";

const ROW_HEIGHT = 30;

const VIEWS = [
  { id: "changed", title: "What differs" },
  { id: "tree", title: "Whole tree" },
  { id: "self", title: "By self time" },
] as const;
type View = (typeof VIEWS)[number]["id"];

const rowsOf: Record<View, (nodes: DiffNode[]) => DiffNode[]> = { changed: changedNodes, tree: (nodes) => nodes, self: byChange };

export function DiffTable({ nodes, a, b }: { nodes: DiffNode[]; a: string; b: string }) {
  const view = VIEWS.find((one) => one.id === param("show"))?.id ?? "changed";
  const rows = useMemo(() => rowsOf[view](nodes), [nodes, view]);
  const most = useMemo(() => nodes.reduce((most, node) => Math.max(most, Math.abs(shownChange(node, view))), 1), [nodes, view]);
  const choose = (to: View) => setParams({ show: to === "changed" ? null : to }, "replace");
  useKeys("Compare", VIEWS.map((one, i) => ({ keys: [String(i + 1)], does: one.title, run: () => choose(one.id) })));
  return (
    <div class="diff" data-testid="diff">
      <div class="diff-tools">
        <div class="segments" role="group" aria-label="What is shown">
          {VIEWS.map((one) => (
            <button key={one.id} type="button" aria-pressed={one.id === view} onClick={() => choose(one.id)}>
              {one.title}
            </button>
          ))}
        </div>
        <p class="faint" data-testid="diff-counts">
          {counts(nodes)}
        </p>
      </div>
      <div class="diff-row diff-head" aria-hidden="true">
        <span>Service and operation</span>
        <span class="number">A</span>
        <span class="number">B</span>
        <span class="number">{view === "self" ? "Self time" : "Time"}, B − A</span>
        <span class="diff-bar-head">
          <i>faster</i>
          <i>slower</i>
        </span>
      </div>
      {rows.length === 0 && (
        <Empty title="The two do the same, and take about as long.">
          <button type="button" class="link" onClick={() => choose("tree")}>
            See the whole tree
          </button>
        </Empty>
      )}
      <VirtualList
        class="diff-rows"
        count={rows.length}
        rowHeight={ROW_HEIGHT}
        attributes={{ tabIndex: 0, role: "list", "aria-label": "Paths of the two traces" }}
        row={(i) => <Row node={rows[i]} flat={view === "self"} change={shownChange(rows[i], view)} most={most} a={a} b={b} />}
      />
    </div>
  );
}

const shownChange = (node: DiffNode, view: View) => (view === "self" ? selfChange(node) : totalChange(node));

function counts(nodes: DiffNode[]): string {
  const count = (change: DiffNode["change"]) => nodes.filter((node) => node.change === change).length;
  return `${formatCounted(nodes.length, "path")}: ${formatCount(count("added"))} only in B, ${formatCount(count("removed"))} only in A, ${formatCount(count("changed"))} changed`;
}

const MARKS: Record<DiffNode["change"], string> = { added: "only in B", removed: "only in A", changed: "", same: "" };

interface RowProps {
  node: DiffNode;
  flat: boolean;
  change: number;
  most: number;
  a: string;
  b: string;
}

function Row({ node, flat, change, most, a, b }: RowProps) {
  const width = (Math.abs(change) / most) * 50;
  return (
    <div class={`diff-row is-${node.change}`} role="listitem" data-testid="diff-row">
      <span class="diff-name" style={{ "--depth": flat ? 0 : Math.min(node.depth, 16) }}>
        <ServiceDot name={node.service} />
        <b>{node.service}</b>
        <span class="span-operation" title={node.operation}>
          {node.operation}
        </span>
        {MARKS[node.change] && <em class="badge">{MARKS[node.change]}</em>}
      </span>
      <Figures side={node.a} trace={a} name="A" self={flat} />
      <Figures side={node.b} trace={b} name="B" self={flat} />
      <span class={`number diff-change ${change > 0 ? "is-slower" : change < 0 ? "is-faster" : ""}`}>{change === 0 ? "–" : signedDuration(change)}</span>
      <span class="diff-bar" aria-hidden="true">
        <i class={change > 0 ? "is-slower" : "is-faster"} style={{ left: change > 0 ? "50%" : `${50 - width}%`, width: `${width}%` }} />
      </span>
    </div>
  );
}

/** A side's time, which leads to its first span there. */
function Figures({ side, trace, name, self }: { side: Side; trace: string; name: string; self: boolean }) {
  if (side.spans === 0) return <span class="number faint">–</span>;
  return (
    <a class={`number diff-figure${side.errors > 0 ? " error-text" : ""}`} href={href(`/traces/${trace}`, { span: side.key })} title={`${name}: ${formatCounted(side.spans, "span")}${side.errors > 0 ? `, ${side.errors} failed` : ""}. Open it there`}>
      {formatDuration(self ? side.self : side.total)}
      <small>{side.spans > 1 ? `×${formatCount(side.spans)}` : ""}</small>
    </a>
  );
}
