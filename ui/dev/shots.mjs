// Pictures of every page for the eye: light and dark, wide and narrow. `node dev/shots.mjs BASE_URL DIRECTORY [ONLY [RANGE]]`
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launch } from "./browser.mjs";

const [base, directory, only = "", range = ""] = process.argv.slice(2);
mkdirSync(directory, { recursive: true });
const json = async (path) => (await fetch(base + path)).json();
const traces = (await json("/api/traces?limit=100&lookback=15m")).data;
const failed = traces.find((trace) => trace.spans.some((span) => span.logs?.length > 0 && span.tags.some((tag) => tag.key === "error"))) ?? traces[0];
const span = failed.spans.find((one) => one.logs?.length > 0)?.spanID ?? failed.spans[0].spanID;
const metadata = (await json("/api/v1/metadata")).data;
const histogram = Object.keys(metadata).find((name) => name.includes("pipeline_execution_duration")) ?? Object.keys(metadata)[0];
const counter = Object.keys(metadata).find((name) => metadata[name][0].type === "counter");
const services = (await json("/api/services")).data;
const { dashboards } = await json("/api/dashboards");

const pages = {
  services: "/services",
  traces: "/traces",
  "traces-failed": "/traces?service=backend&errors=1&tag=pipeline_id%3Dmomentum",
  trace: `/traces/${failed.traceID}?span=${span}`,
  "trace-path": `/traces/${failed.traceID}?path=1`,
  "metrics-start": "/metric",
  metrics: `/metric/${histogram}`,
  "metrics-counter": `/metric/${counter}`,
  "metrics-drawer": `/metric/${histogram}?trace=${failed.traceID}&span=${span}`,
  "metrics-error": `/metric/${histogram}?q=sum(`,
  logs: "/logs",
  "logs-drawer": `/logs?severity=WARN&trace=${failed.traceID}&span=${span}`,
  "logs-patterns": "/logs?tab=patterns",
  flame: `/traces/${failed.traceID}?view=flame`,
  map: "/services/map",
  service: `/services/service/${encodeURIComponent(services[0])}`,
  dashboards: "/dashboards",
  ...Object.fromEntries(dashboards.map(({ uid }) => [`dashboard-${uid}`, `/dashboards/${uid}`])),
  alerts: "/alerts",
  "alerts-history": "/alerts/history",
  "alerts-new": `/alerts/new?expr=${encodeURIComponent(`rate(${counter}[5m]) > 1`)}`,
  setup: "/setup?with=rust",
};
const browser = await launch();
for (const colorScheme of ["light", "dark"]) {
  for (const [width, height] of [[1440, 900], [390, 844]]) {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme });
    const page = await context.newPage();
    page.on("console", (message) => message.type() === "error" && console.log(`console: ${message.text()}`));
    page.on("pageerror", (error) => console.log(`page: ${error.stack}`));
    for (const [name, path] of Object.entries(pages)) {
      if (only && !name.match(only)) continue;
      await page.goto(base + path + (range ? `${path.includes("?") ? "&" : "?"}range=${range}` : ""));
      await page.waitForLoadState("networkidle");
      await page.waitForTimeout(250);
      await page.screenshot({ path: join(directory, `${name}-${colorScheme}-${width}.png`) });
    }
    await context.close();
  }
}
await browser.close();
