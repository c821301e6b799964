/** On any path bulk has its share, and urgent requests do not wait for it. */

import { assertGreater, assertLess } from "../deps.ts";
import { Random } from "../helpers/random.ts";
import { type PathShape, runPath } from "./path.ts";

const SEEDS = 40;

function shape(random: Random): PathShape {
  return {
    rate: random.pick([125, 500, 1250]),
    delay: random.pick([0.1, 5, 25, 75]),
  };
}

for (let seed = 1; seed <= SEEDS; seed++) {
  Deno.test(`path: seed ${seed}: bulk fills the path, and urgent requests overtake it`, async () => {
    const random = new Random(seed);
    const shapes = Array.from(
      { length: random.int(1, 2) },
      () => shape(random),
    );
    const stalls = random.pick([0, 0, 0.01]);
    const streams = random.pick([1, 1, 10]);
    const run = await runPath(seed, shapes, { streams, time: 24_000, stalls });
    const { rate, delay } = shapes[shapes.length - 1];
    const what = JSON.stringify({ shapes, stalls, streams, ...run });
    assertGreater(run.share, stalls > 0 ? 0.5 : 0.8, what);
    // The path, its queue of half a round trip to two, 32 KiB at least, and what
    // this side and the socket have taken.
    const bound = 6 * delay + 80 * 1024 / rate + 20;
    assertLess(run.latency, stalls > 0 ? 1.5 * bound : bound, what);
  });
}
