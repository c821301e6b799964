/**
 * Runs one family of rows and prints a line of JSON for each row; a process of
 * `run.ts`. The arguments are the name of the family, whether the run is quick
 * (`true` or `false`), and parts of the names of the wanted rows.
 *
 * @module
 */

import { type Plan, type Row, runRow } from "./harness.ts";

const FULL: Plan = {
  roundMilliseconds: 800,
  rounds: 5,
  warmUpMilliseconds: 1000,
};
const QUICK: Plan = {
  roundMilliseconds: 250,
  rounds: 3,
  warmUpMilliseconds: 500,
};

const [family, quick, ...only] = Deno.args;
const { rows }: { rows: readonly Row[] } = await import(
  new URL(`${family}.ts`, import.meta.url).href
);
for (const row of rows) {
  if (only.length > 0 && !only.some((name) => row.name.includes(name))) {
    continue;
  }
  console.error(`${family}: ${row.name} ...`);
  const comparisons = await runRow(row, quick === "true" ? QUICK : FULL);
  console.log(JSON.stringify(comparisons));
}
// Servers and workers of peers may still run.
Deno.exit(0);
