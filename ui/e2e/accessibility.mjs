// Asks axe-core about every page of a running Tripod, light and dark, wide and narrow; a serious or critical fault fails. BASE_URL as in two-clicks.mjs.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { launch } from "../dev/browser.mjs";

const base = process.env.BASE_URL?.replace(/\/$/, "");
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser;
let pages;
before(async () => {
  browser = await launch();
  if (!base) return;
  const [trace, other] = (await (await fetch(`${base}/api/traces?limit=2`)).json()).data;
  const names = Object.keys((await (await fetch(`${base}/api/v1/metadata`)).json()).data);
  const metric = names.find((name) => name.endsWith("_duration_seconds")) ?? names[0];
  const service = (await (await fetch(`${base}/api/overview`)).json()).services[0].service;
  const open = `${trace.traceID}?span=${trace.spans[0].spanID}`;
  pages = ["/services", "/traces", `/traces/${open}`, "/metric", `/metric/${metric}`, `/metric/${metric}?trace=${open.replace("?", "&")}`, "/logs", "/setup"];
  const views = ["flame", "stats", "spans"].map((view) => `/traces/${trace.traceID}?as=${view}`);
  pages.push(...views, "/traces?q={status=error}&not=service=nobody", `/traces/compare?a=${trace.traceID}`, `/traces/compare?a=${trace.traceID}&b=${other.traceID}&show=tree`);
  pages.push("/services/map", `/services/service/${encodeURIComponent(service)}`, `/metric/${metric}?near=${metric}_bucket&near.at=${Date.now() - 60_000}`);
  pages.push("/dashboards", "/dashboards/tripod-signal-generation", "/dashboards/tripod-system-overview?edit=1&editPanel=1", "/dashboards/tripod-infrastructure?viewPanel=1");
  pages.push("/alerts", "/alerts/history", "/alerts/silences", "/alerts/new?expr=up");
  const log = (await (await fetch(`${base}/api/logs?limit=1`)).json()).logs[0].id;
  pages.push("/logs?tab=patterns", `/logs?log=${log}&col=service.version`, `/logs?around=${log}`);
});
after(() => browser?.close());

const WIDE = { width: 1440, height: 900 };
const NARROW = { width: 390, height: 844 };
for (const [colorScheme, viewport] of [["light", WIDE], ["dark", WIDE], ["light", NARROW], ["dark", NARROW]]) {
  test(`no page has a serious fault of accessibility, ${colorScheme}, ${viewport.width} px wide`, { skip: !base && "BASE_URL is not set" }, async () => {
    const context = await browser.newContext({ colorScheme, viewport, bypassCSP: true });
    const page = await context.newPage();
    const faults = [];
    for (const path of pages) {
      await page.goto(base + path);
      await page.locator("main").waitFor();
      await page.waitForLoadState("networkidle");
      await page.waitForTimeout(300);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
      for (const { id, impact, help, nodes } of violations) {
        if (impact !== "serious" && impact !== "critical") continue;
        faults.push(`${path}: ${id} (${impact}): ${help}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 140)} ${node.any[0]?.message ?? ""}`).join(" | ")}`);
      }
    }
    await context.close();
    assert.deepEqual(faults, []);
  });
}
