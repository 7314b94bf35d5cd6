/** A panel on its place: head, menu, and what it draws once its queries are answered; they are asked while it is in sight. */
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { askedAs, fetchPanel, fetchPanelExemplars, panelWindow, type PanelRequest } from "../../api/panel-data";
import type { AdhocFilter } from "../../api/dashboards";
import type { ExemplarPoint } from "../../charts/exemplar-dots";
import { alertHref } from "../../components/alert-link";
import { ErrorNote, SkeletonBlock } from "../../components/feedback";
import { useInView } from "../../components/in-view";
import { MenuButton, type MenuItem } from "../../components/menu-button";
import { configure } from "../../model/dashboard/field";
import type { Placed } from "../../model/dashboard/layout";
import { transform } from "../../model/dashboard/transform";
import { interpolate } from "../../model/dashboard/variables";
import { Links } from "../../panels/links";
import { needsData, PanelBody } from "../../panels/panel-body";
import { useLoad } from "../../state/load";
import { theme } from "../../state/theme";
import type { Window } from "../../state/time-range";
import { href, hrefWith } from "../../state/url";
import { Notes } from "./notes";

interface Props {
  placed: Placed;
  window: Window;
  filters: AdhocFilter[];
  sync: string;
  /** What the menu has besides what every panel has. */
  menu: MenuItem[];
  /** It is shown alone. */
  alone?: boolean;
  /** The editor is about it. */
  chosen?: boolean;
}

const POINTS_PER_PX = 0.5;
const NO_EXEMPLARS: ExemplarPoint[] = [];

export function PanelFrame({ placed: { panel, scope, key }, window: dashboardWindow, filters, sync, menu, alone = false, chosen = false }: Props) {
  const frame = useRef<HTMLElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const inView = useInView(frame);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = body.current!;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const dark = theme.value === "dark";
  const window = panelWindow(panel, dashboardWindow, scope);
  const points = Math.max(60, Math.round((size.width * POINTS_PER_PX) / 60) * 60);
  const request: PanelRequest = { panel, scope, window, filters, points };
  const asked = (panel.targets ?? []).filter((target) => !target.hide).map((target) => ({ ...askedAs(target, request), refId: target.refId, legend: target.legend, format: target.format, instant: target.instant && !target.range }));
  const subject = JSON.stringify(asked.map(({ expr, refId, legend, format, instant }) => [expr, refId, legend, format, instant]));
  const version = `${window.start}-${window.end}-${points}`;
  const active = inView && size.width > 0;
  const wanted = active && needsData(panel) && asked.length > 0;
  const data = useLoad(wanted ? `panel ${key} ${subject}` : null, version, (signal) => fetchPanel(request, signal));
  const withDots = panel.type === "timeseries" || panel.type === "heatmap";
  const exemplars = useLoad(wanted && withDots ? `exemplars ${key} ${subject}` : null, version, (signal) => fetchPanelExemplars(request, signal));
  const kept = useKept(data.data, `${key} ${subject}`);
  const frames = useMemo(() => (kept ? configure(transform(configure(kept.frames, panel), panel.transformations), panel) : []), [kept, panel]);
  const title = interpolate(panel.title, scope, "text");
  const expr = asked[0]?.expr ?? "";
  const prometheus = panel.targets?.find((target) => !target.hide)?.source === "prometheus";
  const items: MenuItem[] = [
    { label: alone ? "Back to the dashboard" : "View", href: hrefWith({ viewPanel: alone ? null : key }) },
    ...menu,
    ...(expr && prometheus ? [{ label: "Explore", href: href("/metric", { q: expr }) }, { label: "Alert on this", href: alertHref(expr) }] : []),
  ];
  return (
    <section ref={frame} class={`panel type-${panel.type}${panel.transparent ? " is-transparent" : ""}${chosen ? " is-chosen" : ""}`} aria-label={title || panel.written} data-testid={`panel-${key}`} data-panel-type={panel.type}>
      <header class="panel-head">
        <h2 title={title}>{title}</h2>
        {panel.description && (
          <span class="panel-about" role="img" aria-label={interpolate(panel.description, scope, "text")} title={interpolate(panel.description, scope, "text")}>
            i
          </span>
        )}
        {(panel.timeFrom || panel.timeShift) && <span class="faint panel-window">{[panel.timeFrom && `last ${interpolate(panel.timeFrom, scope)}`, panel.timeShift && `${interpolate(panel.timeShift, scope)} earlier`].filter(Boolean).join(", ")}</span>}
        <Notes notes={panel.unsupported ?? []} />
        <Links links={panel.links ?? []} scope={scope} />
        <MenuButton label={`Menu of ${title || "the panel"}`} class="icon-button small panel-menu" items={() => items} testId={`menu-${key}`}>
          <span aria-hidden="true">⋯</span>
        </MenuButton>
      </header>
      <div class="panel-body" ref={body}>
        {data.error && <ErrorNote error={data.error} retry={data.retry} what="The query" title="The query failed." />}
        {!data.error && wanted && !kept && <SkeletonBlock height={Math.max(20, size.height - 8)} />}
        {!data.error && (kept || (active && !wanted)) && (
          <PanelBody
            panel={panel}
            title={title || panel.written}
            frames={frames}
            window={kept?.window ?? window}
            step={kept?.step ?? 15}
            exemplars={exemplars.data ?? NO_EXEMPLARS}
            scope={scope}
            query={expr}
            width={size.width}
            height={size.height}
            dark={dark}
            sync={sync}
            version={version}
            warnings={kept?.warnings ?? []}
          />
        )}
      </div>
    </section>
  );
}

/** What was last there for a subject, while the panel is out of sight. */
function useKept<T>(data: T | undefined, subject: string): T | undefined {
  const kept = useRef<{ subject: string; data: T } | null>(null);
  if (data !== undefined) kept.current = { subject, data };
  return kept.current?.subject === subject ? kept.current.data : undefined;
}
