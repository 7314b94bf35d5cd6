/**
 * A trace beside whatever one was looking at: the page stays, the drawer's state is in the URL. It opens for a trace, or for a point of a
 * chart; then the traces near the point stand above, and the nearest is shown.
 */
import { useEffect, useRef } from "preact/hooks";
import { TraceView } from "../pages/trace/trace-view";
import { NO_TRACE } from "../pages/trace/trace-url";
import { NO_POINT, nearParams, readNear, type NearPoint } from "../model/near";
import { useKeys } from "../state/keys";
import { href, param, route, setParams } from "../state/url";
import { CloseIcon, ExpandIcon } from "./icons";
import { NearTraces } from "./near-traces";

/** What the address bar holds of an open drawer. */
export const NO_DRAWER = { ...NO_TRACE, ...NO_POINT, differs: null };

export const openTrace = (trace: string, span = "") => setParams({ ...NO_DRAWER, trace, span });

/** From a point of a chart to what is behind it. */
export const openPoint = (point: NearPoint) => setParams({ ...NO_DRAWER, ...nearParams(point) });

export function TraceDrawer() {
  void route.value;
  const id = param("trace");
  const point = readNear(route.value.params);
  return id || point ? <OpenDrawer id={id} point={point} /> : null;
}

function OpenDrawer({ id, point }: { id: string; point: NearPoint | null }) {
  const box = useRef<HTMLElement>(null);
  const close = () => setParams(NO_DRAWER);
  useKeys("Drawer", [{ keys: ["Escape"], does: "Close the drawer", run: close }]);
  useEffect(() => {
    const before = document.activeElement;
    box.current?.focus({ preventScroll: true });
    return () => before instanceof HTMLElement && before.isConnected && before.focus({ preventScroll: true });
  }, []);
  const closeButton = (
    <button type="button" class="icon-button" aria-label="Close the trace" title="Close (Esc)" onClick={close}>
      <CloseIcon />
    </button>
  );
  return (
    <section class="drawer" role="dialog" aria-label="Trace" ref={box} tabIndex={-1} data-testid="trace-drawer">
      {point && <NearTraces point={point} chosen={id} actions={id ? null : closeButton} />}
      {id && (
        <TraceView
          key={id}
          id={id}
          actions={
            <>
              <a class="icon-button" aria-label="Open on a page of its own" title="Open on a page of its own" href={href(`/traces/${id}`, { span: param("span") })}>
                <ExpandIcon />
              </a>
              {closeButton}
            </>
          }
        />
      )}
    </section>
  );
}
