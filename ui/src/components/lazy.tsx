/** A page that comes as a file of its own: only who opens it waits for it, and the first page stays small. */
import type { ComponentType } from "preact";
import { useState } from "preact/hooks";
import { useLoad } from "../state/load";
import { ErrorNote, Skeleton } from "./feedback";

/** `title` is what the page is called, should it not come. */
export function lazy<Props extends object>(title: string, load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  let known: ComponentType<Props> | undefined;
  return function Lazy(props: Props) {
    const [Page, setPage] = useState(() => known);
    const { error, retry } = useLoad(Page ? null : `page ${title}`, 0, async () => {
      known = await load();
      setPage(() => known);
    });
    if (Page) return <Page {...props} />;
    return (
      <main class="page" id="main">
        {error ? <ErrorNote error={error} retry={retry} what={title} /> : <Skeleton />}
      </main>
    );
  };
}
