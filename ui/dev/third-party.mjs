// Writes public/third-party.txt: the licence of every package that the build may contain, from package-lock.json. `node dev/third-party.mjs`
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
const shipped = Object.entries(packages).filter(([path, one]) => path !== "" && !one.dev && !one.optional);

const texts = shipped.map(([path, { version, license }]) => {
  const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
  const folder = join(root, path);
  const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
  const own = file ? readFileSync(join(folder, file), "utf8").trim() : `Licence: ${license}. The package has no text of its own; the text of the Apache License 2.0 is below.`;
  if (!file && license !== "Apache-2.0") throw new Error(`${name} has no licence file, and is under ${license}`);
  return `======== ${name} ${version} ========\n\n${own.replaceAll("\r\n", "\n")}\n`;
});
if (texts.some((text) => text.includes("has no text of its own"))) {
  texts.push(`======== Apache License 2.0 ========\n\n${readFileSync(join(root, "..", "LICENSE"), "utf8").trim()}\n`);
}
writeFileSync(join(root, "public/third-party.txt"), `The web app contains these works of others.\n\n${texts.join("\n")}`);
