// What ships: the first page stays small, and every package in it keeps its licence.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const read = (path) => readFileSync(join(root, path), "utf8");

test("the first page's scripts and styles are under 250 kB compressed", () => {
  const files = [...read("dist/index.html").matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)].map(([, path]) => path);
  expect(files.some((path) => path.endsWith(".css")) && files.some((path) => path.startsWith("assets/"))).toBe(true);
  const bytes = files.reduce((sum, path) => sum + gzipSync(readFileSync(join(root, "dist", path))).length, 0);
  expect(bytes).toBeGreaterThan(20_000);
  expect(bytes).toBeLessThan(250_000);
});

test("every package that the build may contain is in third-party.txt with its version", () => {
  const { packages } = JSON.parse(read("package-lock.json"));
  const text = read("public/third-party.txt");
  const shipped = Object.entries(packages).filter(([path, one]) => path !== "" && !one.dev && !one.optional);
  const missing = shipped.map(([path, { version }]) => `${path.replace(/^.*node_modules\//, "")} ${version}`).filter((one) => !text.includes(`======== ${one} ========`));
  expect(missing, "run node dev/third-party.mjs").toEqual([]);
});
