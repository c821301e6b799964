/** What a changed window shows about the path. */

import {
  PathEstimate,
  type Sample,
} from "../../../connection/flow/path_estimate.ts";
import { WindowTrial } from "../../../connection/flow/window_trial.ts";
import { assertEquals } from "../../deps.ts";

/** A round trip of `time` ms in which `rate` bytes per ms arrived. */
function round(rate: number, time: number): Sample {
  return { size: rate * time, time, roundTrip: time };
}

const before = round(1000, 100);

function quietPath(): PathEstimate {
  const path = new PathEstimate();
  path.quiet(100);
  return path;
}

Deno.test("window trial: bytes that were sent with the earlier window arrive in the first round trip only", () => {
  const trial = new WindowTrial("once", 65_536, before);
  assertEquals([trial.settles(), trial.settles()], [true, false]);
});

Deno.test("window trial: two round trips are needed, or one without a queue that carries less than 70 %", () => {
  const path = quietPath();
  for (
    const [kind, sample, isEnough] of [
      ["once", round(699, 126), true],
      ["descend", round(699, 126), true],
      ["once", round(700, 126), false],
      ["once", round(699, 127), false],
      ["more", round(699, 126), false],
    ] as const
  ) {
    const trial = new WindowTrial(kind, 65_536, before);
    const name = `${kind}, ${JSON.stringify(sample)}`;
    assertEquals(
      trial.add(sample, path),
      isEnough ? sample : undefined,
      name,
    );
    if (isEnough) continue;
    assertEquals(trial.add(round(1000, 50), path), {
      size: sample.size + 50_000,
      time: sample.time + 50,
      roundTrip: 50,
    }, name);
  }
});

Deno.test("window trial: the path carries more if that is 1.4 times as much, and round trips are not longer", () => {
  const trial = new WindowTrial("more", 65_536, before);
  assertEquals(trial.carriesMore(round(1400, 126)), true);
  assertEquals(trial.carriesMore(round(1399, 126)), false);
  assertEquals(trial.carriesMore(round(1400, 126.5)), false);
});

Deno.test("window trial: the path carries less below 80 %, and a round trip is longer above 1.25 times", () => {
  const trial = new WindowTrial("descend", 65_536, before);
  assertEquals(trial.carriesLess(round(799, 100)), true);
  assertEquals(trial.carriesLess(round(800, 100)), false);
  assertEquals(trial.isLonger(round(1000, 125)), false);
  assertEquals(trial.isLonger(round(1000, 125.5)), true);
});
