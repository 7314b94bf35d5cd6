/** A trace beside whatever one was looking at: the page stays, the drawer's state is in the URL. */
import { useEffect, useRef } from "preact/hooks";
import { TraceView } from "../pages/trace/trace-view";
import { NO_TRACE } from "../pages/trace/trace-url";
import { useKeys } from "../state/keys";
import { href, param, route, setParams } from "../state/url";
import { CloseIcon, ExpandIcon } from "./icons";

export const openTrace = (trace: string, span = "") => setParams({ ...NO_TRACE, trace, span });

export function TraceDrawer() {
  void route.value;
  const id = param("trace");
  return id ? <OpenDrawer id={id} /> : null;
}

function OpenDrawer({ id }: { id: string }) {
  const box = useRef<HTMLElement>(null);
  const close = () => setParams(NO_TRACE);
  useKeys("Drawer", [{ keys: ["Escape"], does: "Close the drawer", run: close }]);
  useEffect(() => {
    const before = document.activeElement;
    box.current?.focus({ preventScroll: true });
    return () => before instanceof HTMLElement && before.isConnected && before.focus({ preventScroll: true });
  }, []);
  return (
    <section class="drawer" role="dialog" aria-label="Trace" ref={box} tabIndex={-1} data-testid="trace-drawer">
      <TraceView
        id={id}
        actions={
          <>
            <a class="icon-button" aria-label="Open on a page of its own" title="Open on a page of its own" href={href(`/traces/${id}`, { span: param("span") })}>
              <ExpandIcon />
            </a>
            <button type="button" class="icon-button" aria-label="Close the trace" title="Close (Esc)" onClick={close}>
              <CloseIcon />
            </button>
          </>
        }
      />
    </section>
  );
}
