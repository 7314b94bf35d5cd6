/** A page that comes as a file of its own: only who opens it waits for it, and the first page stays small. */
import type { ComponentChildren, ComponentType } from "preact";
import { useState } from "preact/hooks";
import { useLoad } from "../state/load";
import { ErrorNote, Skeleton } from "./feedback";

/** `title` is what the page is called, should it not come; `frame` is around what stands in for it meanwhile. */
export function lazy<Props extends object>(title: string, load: () => Promise<ComponentType<Props>>, frame: ComponentType<Frame> = PageFrame): ComponentType<Props> {
  const Around = frame;
  let known: ComponentType<Props> | undefined;
  return function Lazy(props: Props) {
    const [Page, setPage] = useState(() => known);
    const { error, retry } = useLoad(Page ? null : `page ${title}`, 0, async () => {
      known = await load();
      setPage(() => known);
    });
    if (Page) return <Page {...props} />;
    return <Around>{error ? <ErrorNote error={error} retry={retry} what={title} /> : <Skeleton />}</Around>;
  };
}

interface Frame {
  children?: ComponentChildren;
}

const PageFrame = ({ children }: Frame) => (
  <main class="page" id="main">
    {children}
  </main>
);

/** For a part of a page. */
export const PartFrame = ({ children }: Frame) => <div class="part-frame">{children}</div>;
