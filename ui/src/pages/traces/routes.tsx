/** What is below `/traces`: the search, the comparison, one trace. */
import { lazy } from "../../components/lazy";
import { TracePage } from "../trace/trace-page";
import { TracesPage } from "./traces-page";

const ComparePage = lazy("The comparison", async () => (await import("../compare/compare-page")).ComparePage);

const COMPARE = "compare";

export function TraceRoutes({ name }: { name: string }) {
  if (name === "") return <TracesPage />;
  return name === COMPARE ? <ComparePage /> : <TracePage id={name} />;
}

export const traceTitle = (name: string) => (name === COMPARE ? "Compare traces" : `Trace ${name.replace("file/", "").slice(0, 8)}`);
