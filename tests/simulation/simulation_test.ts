import { assertEquals } from "../deps.ts";
import { type Family, FAMILY_NAMES } from "./families.ts";
import { runSeeds } from "./seeds.ts";
import { simulate } from "./simulation.ts";

/** Seeds of each family: 2,250 in all, in about 20 s of one core. */
const SEEDS: Readonly<Record<Family, number>> = {
  calm: 250,
  mixed: 350,
  k8s: 200,
  bulk: 50,
  http: 250,
  push: 150,
  clocks: 100,
  lowWindow: 200,
  readingOrder: 100,
  cancel: 250,
  misuse: 200,
  overrun: 50,
  heldReading: 100,
};

for (const family of FAMILY_NAMES) {
  Deno.test(`simulation: ${SEEDS[family]} seeds of "${family}"`, async () => {
    const { failed } = await runSeeds(family, {
      first: 1,
      count: SEEDS[family],
      failures: 3,
    });
    assertEquals(
      failed,
      [],
      `deno task simulate --family ${family} --seed ...`,
    );
  });
}

Deno.test("simulation: a seed replays exactly", async () => {
  for (const family of FAMILY_NAMES) {
    const [first, second] = [
      await simulate(family, 4711),
      await simulate(family, 4711),
    ];
    assertEquals(second, first, family);
  }
});
