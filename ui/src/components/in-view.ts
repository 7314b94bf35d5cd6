/** Whether an element is in sight or nearly so, for what is loaded only then. */
import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

export function useInView(element: RefObject<Element | null>): boolean {
  const [inView, setInView] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => setInView(entry.isIntersecting), { rootMargin: "160px" });
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, []);
  return inView;
}
