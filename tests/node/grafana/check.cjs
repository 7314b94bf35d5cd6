// Checks dashboards by Grafana's published types: node check.cjs FOLDER FILE… (FOLDER has the packages). A line for each file, and below it
// what is wrong.
const { readFileSync, copyFileSync } = require('node:fs');
const { join } = require('node:path');
const [folder, ...files] = process.argv.slice(2);
const load = (name) => require(join(folder, 'node_modules', name));
const { createGenerator } = load('ts-json-schema-generator');
const Ajv = load('ajv').default;

// Types are looked for beside the file that names them.
copyFileSync(join(__dirname, 'shipped.ts'), join(folder, 'shipped.ts'));
const types = createGenerator({ path: join(folder, 'shipped.ts'), expose: 'none', skipTypeCheck: false });
const validate = new Ajv({ strict: false, allErrors: true }).compile(types.createSchema('Shipped'));

// A panel that is wrong fails as every kind of panel; of use is what it fails by as its own kind, which is what it fails by least.
function reasons(errors) {
  const kinds = new Map();
  for (const error of errors) {
    const panel = /^\/panels\/\d+/.exec(error.instancePath)?.[0] ?? '';
    const kind = /\/properties\/panels\/items\/anyOf\/\d+/.exec(error.schemaPath)?.[0];
    if (panel !== '' && kind === undefined) continue;
    const ofPanel = kinds.get(panel) ?? new Map();
    kinds.set(panel, ofPanel.set(kind, [...(ofPanel.get(kind) ?? []), error]));
  }
  const isOther = (errors) => errors.some((error) => /^\/panels\/\d+\/type$/.test(error.instancePath));
  const rank = (errors) => (isOther(errors) ? 1000 : 0) + errors.length;
  const nearest = [...kinds.values()].flatMap((ofPanel) => [...ofPanel.values()].sort((a, b) => rank(a) - rank(b))[0]);
  return nearest.map((error) => `${error.instancePath || '/'} ${error.message} ${JSON.stringify(error.params)}`);
}

let wrong = 0;
for (const file of files) {
  const dashboard = JSON.parse(readFileSync(file, 'utf8'));
  const right = validate(dashboard);
  console.log(`${file}: ${right ? 'as' : 'not as'} Grafana publishes it, ${dashboard.panels?.length} panels`);
  if (!right) {
    wrong += 1;
    console.log(`  ${reasons(validate.errors).join('\n  ')}`);
  }
}
process.exitCode = wrong === 0 ? 0 : 1;
