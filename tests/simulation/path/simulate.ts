/**
 * One seed of the family "path": what must hold for transfers and urgent
 * requests.
 *
 * @module
 */

import { coreOf } from "../../../connection.ts";
import { useClock } from "../../../connection/time/clock.ts";
import { PROTO_SPDY3_1 } from "../../../frame/constants.ts";
import { Random } from "../../helpers/random.ts";
import { median } from "../median.ts";
import type { Side } from "../oracle.ts";
import { World } from "../world.ts";
import type { Meter } from "./meter.ts";
import { runAlone, SpdyRun, type UrgentRequest } from "./run.ts";
import {
  makePathScenario,
  type PathScenario,
  type Phase,
  roundTripOf,
  settledAt,
  type Way,
  WAYS,
} from "./scenario.ts";

/** The result of a seed. */
export interface PathOutcome {
  readonly violations: readonly string[];
  readonly events: number;
  /** Duration, virtual ms. */
  readonly time: number;
  /** What SPDY carried, as a share of what TCP by itself carries: for each phase and direction. */
  readonly shares: readonly number[];
  /**
   * How much longer an urgent request took than without bulk: the median of each
   * undisturbed phase, as a multiple of a round trip and 32 KiB.
   */
  readonly waits: readonly number[];
}

/**
 * Least value for the median of these shares over many seeds, and the value below
 * which only a few may be. No single seed is judged: if TCP is far below the
 * path's rate, as after a loss, a single round trip decides how much it carries
 * by itself.
 */
const LEAST_MEDIAN_SHARE = 0.95;
const LEAST_SHARE = 0.4;
/**
 * Greatest value for the median of these waits over many seeds, and the value
 * above which only a few may be. The longest waits occur on slow and long paths,
 * on which a socket of the sender is full for seconds before the first round trip
 * with bulk is known. The median of 400 seeds is between 0.3 and 0.5.
 */
const LONGEST_MEDIAN_WAIT = 0.6;
const LONGEST_WAIT = 5;
/** How many of them may be beyond that value. */
const FEW_SHARES = 0.03;
const FEW_WAITS = 0.08;

/** A phase that has less time than this after it settled is not judged, ms. */
const LEAST_TIME = 1000;
/**
 * Something must arrive within this many ms, ten round trips, twice the longest
 * silence of TCP by itself, and the time for which bytes of the other direction
 * delay WINDOW_UPDATEs.
 */
const LONGEST_SILENCE = 700;

/** What an urgent request takes without bulk, bytes in each direction. */
const URGENT_BYTES = 16 * 1024;
/** The smallest window, bytes. */
const LEAST_WINDOW = 32 * 1024;

/** The first window, bytes, and the most bytes for each ms of the round trip. */
const FIRST_WINDOW = 65_536;
const MOST_WINDOW_PER_MS = 512 * 1024;
/** Most bytes by which the windows of all streams together may grow. */
const MOST_GROWN = 4 * 1024 * 1024;

/** Runs one seed. */
export async function simulatePath(
  seed: number,
  verbose = false,
): Promise<PathOutcome> {
  const scenario = makePathScenario(new Random(Math.imul(seed, 0x9e3779b1)));
  const alone = await runAlone(seed, scenario);
  const world = new World(seed, verbose);
  world.log(JSON.stringify(scenario));
  using _clock = useClock(world.clock);
  const shares: number[] = [];
  const waits: number[] = [];
  try {
    const run = new SpdyRun(world, seed, scenario);
    run.onCheck = () => {
      for (const side of run.sides) checkWindows(world, side, scenario);
    };
    await run.run();
    for (const phase of scenario.phases) {
      if (settledAt(phase) > phase.end - LEAST_TIME) continue;
      for (const way of WAYS) {
        if (!scenario.transfers.some((each) => each.way === way)) continue;
        const share = shareOf(world, phase, way, alone, run.meter);
        if (Number.isFinite(share)) shares.push(share);
        checkSilence(world, phase, way, alone, run);
      }
      if (isCalm(scenario)) {
        waits.push(waitOf(world, phase, run.requests));
      }
    }
  } catch (failure) {
    world.bad(failure instanceof Error ? `${failure.stack}` : `${failure}`);
  }
  const { violations, events, now } = world;
  return { violations, events, time: now, shares, waits };
}

/** No packet is lost by chance, and there is no other traffic on the path. */
function isCalm({ phases, disturbances }: PathScenario): boolean {
  return disturbances.length === 0 &&
    phases.every(({ down }) => down.lossEvery === Infinity);
}

/** The share of a phase, from the time when both have settled. */
function shareOf(
  world: World,
  phase: Phase,
  way: Way,
  alone: Meter,
  spdy: Meter,
): number {
  const begin = settledAt(phase);
  const most = alone.rate(way, begin, phase.end);
  const share = spdy.rate(way, begin, phase.end) / most;
  world.log(
    `from ${Math.round(begin)} ms on, ${way}: ${
      share.toFixed(2)
    } of the rate of TCP alone, ${Math.round(most)} bytes a ms`,
  );
  return share;
}

/** A transfer does not stop. */
function checkSilence(
  world: World,
  phase: Phase,
  way: Way,
  alone: Meter,
  { meter, longestDrain }: SpdyRun,
): void {
  const begin = settledAt(phase);
  const silence = meter.silence(way, begin, phase.end);
  const longest = LONGEST_SILENCE + 10 * roundTripOf(phase) +
    2 * alone.silence(way, begin, phase.end) +
    longestDrain[way === "up" ? "down" : "up"];
  if (silence > longest) {
    world.bad(`${way}: no byte arrived for ${silence} ms`);
  }
}

/** The statements about shares and waits of many seeds that do not hold. */
export function checkMany(
  shares: readonly number[],
  waits: readonly number[],
): string[] {
  const violations: string[] = [];
  const share = median(shares);
  if (share < LEAST_MEDIAN_SHARE) {
    violations.push(`${share.toFixed(3)} of the rate of TCP alone`);
  }
  const wait = median(waits);
  if (wait > LONGEST_MEDIAN_WAIT) {
    violations.push(`urgent requests wait for ${wait.toFixed(3)} round trips`);
  }
  const low = shares.filter((each) => each < LEAST_SHARE).length;
  if (low > Math.max(1, FEW_SHARES * shares.length)) {
    violations.push(`${low} shares of ${shares.length} below ${LEAST_SHARE}`);
  }
  const long = waits.filter((each) => each > LONGEST_WAIT).length;
  if (long > Math.max(1, FEW_WAITS * waits.length)) {
    violations.push(`${long} waits of ${waits.length} above ${LONGEST_WAIT}`);
  }
  return violations;
}

/** The median of the urgent requests of a phase without losses and disturbances. */
function waitOf(
  world: World,
  phase: Phase,
  requests: readonly UrgentRequest[],
): number {
  const begin = settledAt(phase);
  const times = requests.filter((each) =>
    each.begin >= begin && each.begin < phase.end
  ).map(({ time }) => time).sort((a, b) => a - b);
  const median = times[times.length >> 1] ?? Infinity;
  const { up, down } = phase;
  const roundTrip = roundTripOf(phase);
  const base = roundTrip + URGENT_BYTES / up.rate + URGENT_BYTES / down.rate;
  const unit = roundTrip + LEAST_WINDOW / Math.min(up.rate, down.rate);
  const wait = Math.max(0, median - base) / unit;
  const what = `from ${Math.round(begin)} ms on, urgent requests take ${
    median.toFixed(1)
  } ms, ${base.toFixed(1)} without bulk: they wait for ${
    wait.toFixed(2)
  } round trips with 32 KiB`;
  world.log(what);
  return wait;
}

/** Windows have limits, so that a peer cannot make this side hold more. */
function checkWindows(
  world: World,
  { name, connection }: Side,
  { version, phases }: PathScenario,
): void {
  const core = coreOf(connection);
  const { sessionWindow } = core.counters;
  if (version === PROTO_SPDY3_1) {
    const longest = Math.max(1000, ...phases.map(roundTripOf));
    const most = Math.max(FIRST_WINDOW, MOST_WINDOW_PER_MS * longest);
    if (sessionWindow > Math.min(most, 16 << 20)) {
      world.bad(`${name}: a session window of ${sessionWindow} bytes`);
    }
  }
  let grown = 0;
  for (const stream of core.streams.values()) grown += stream.grown;
  if (grown > MOST_GROWN) {
    world.bad(`${name}: windows of streams grew by ${grown} bytes`);
  }
}
