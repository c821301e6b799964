/**
 * The time that it takes to read a peer's bytes grows no faster than their number:
 * an input that is four times as large takes about four times as long, not sixteen.
 * Every place that reads text or structure from a peer is tried.
 */

import { assertLess } from "../deps.ts";
import { commandLineReaders } from "./readers/command_line.ts";
import { frameReaders } from "./readers/frames.ts";
import { messageReaders } from "./readers/messages.ts";
import type { Reader } from "./readers/reader.ts";
import { streamingReaders } from "./readers/streaming.ts";

const READERS: readonly Reader[] = [
  ...messageReaders,
  ...frameReaders,
  ...streamingReaders,
  ...commandLineReaders,
];

/** Time of one run in ms, as the mean of `repeat` runs. */
async function timeOf(
  run: (input: unknown) => unknown,
  input: unknown,
  repeat: number,
): Promise<number> {
  const begin = performance.now();
  for (let i = 0; i < repeat; i++) {
    try {
      await run(input);
    } catch {
      // The reader refused the input, which counts as having read it.
    }
  }
  return (performance.now() - begin) / repeat;
}

/** Least duration of a measurement, ms. The clock's resolution and a turn of the event loop are far below it. */
const LEAST_MS = 0.3;
/** How many times as long as a quarter of it an input may take: 4 is linear, 16 quadratic. */
const MOST = 10;
/** Most measurements of one reader. More than two are made only if other work on the machine makes times longer. */
const ATTEMPTS = 40;

/** If the shortest of three runs takes this long, ms, the reader is slow and not the machine. */
const SLOW_MS = 1000;

async function growth({ largest, make, run }: Reader): Promise<number> {
  const small = make(largest / 4);
  const large = make(largest);
  const first = await timeOf(run, small, 1);
  const repeat = Math.max(1, Math.min(200, Math.ceil(LEAST_MS / first)));
  let best = Infinity;
  let smallest = Infinity;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // The least of each: longer times come from other work on the machine.
    smallest = Math.min(smallest, await timeOf(run, small, repeat));
    best = Math.min(best, await timeOf(run, large, Math.ceil(repeat / 4)));
    if (attempt >= 1 && best / smallest < MOST) break;
    if (best > SLOW_MS && attempt >= 2) break;
  }
  return best / smallest;
}

const groups = Map.groupBy(
  READERS,
  ({ name }) => name.split(/[:,]| in | full /)[0],
);
for (const [group, members] of groups) {
  Deno.test(`work grows with the bytes, no faster: ${group}`, async () => {
    for (const member of members) {
      const times = await growth(member);
      assertLess(times, MOST, `${member.name}: ${times.toFixed(1)} times`);
    }
  });
}
