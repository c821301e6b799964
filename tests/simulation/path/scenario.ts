/**
 * The properties of a path, its ends and the applications on it, chosen by a
 * seed.
 *
 * @module
 */

import {
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
} from "../../../frame/constants.ts";
import type { Random } from "../../helpers/random.ts";
import type { DirectionShape } from "./bottleneck.ts";
import type { TcpOptions } from "./tcp.ts";

/** The direction of a transfer: from the client, or to it. */
export type Way = "up" | "down";
export const WAYS: readonly Way[] = ["up", "down"];

/** The properties of the path for a while. */
export interface Phase {
  /** ms after the beginning of the run. */
  readonly begin: number;
  readonly end: number;
  readonly up: DirectionShape;
  readonly down: DirectionShape;
}

/** A disturbance. */
export interface Disturbance {
  /** ms after the beginning of the run. */
  readonly at: number;
  readonly kind:
    /** No packet passes. */
    | "stall"
    /** The receiver does not read from its socket. */
    | "no reading"
    /** Another sender fills the queue all at once. */
    | "burst"
    /** A download or upload on a connection of its own. */
    | "other transfer";
  readonly way: Way;
  readonly time: number;
}

/** Bytes in one direction, on one stream, from the beginning of the run to its end. */
export interface Transfer {
  readonly way: Way;
  readonly priority: number;
  /** ms after the beginning of the run. */
  readonly begin: number;
  /** Bytes of one write. */
  readonly chunk: number;
}

/** One run. */
export interface PathScenario {
  readonly version: ProtocolVersion;
  readonly tcp: TcpOptions;
  readonly phases: readonly Phase[];
  readonly disturbances: readonly Disturbance[];
  readonly transfers: readonly Transfer[];
  /** Time between two urgent requests, ms. */
  readonly pause: number;
}

/** How long a transfer needs to reach its speed: this many ms, and this many round trips. */
const SETTLING = 1500;
const SETTLING_ROUND_TRIPS = 10;

/** ms after the beginning of the run. */
export function endOf({ phases }: PathScenario): number {
  return phases[phases.length - 1].end;
}

/** The round trip of the path without bytes in its queues, ms. */
export function roundTripOf({ up, down }: Phase): number {
  return up.delay + down.delay;
}

/**
 * When a transfer is at its speed again, ms after the beginning of the run. What
 * waited in a queue has left it by then, too.
 */
export function settledAt(phase: Phase): number {
  const { up, down } = phase;
  const queue = Math.max(up.room / up.rate, down.room / down.rate);
  return phase.begin + SETTLING + queue +
    SETTLING_ROUND_TRIPS * roundTripOf(phase);
}

/** Most bytes that a phase may carry in each direction: more take too long to simulate. */
const MOST_BYTES = 15_000_000;
/** Duration of a phase, ms. */
const LONGEST = 8000;
const SHORTEST = 4500;

/** The scenario of a seed. */
export function makePathScenario(random: Random): PathScenario {
  const phases: Phase[] = [];
  const roomShare = random.pick([0.5, 1, 1, 2]);
  const lossEvery = random.pick([Infinity, Infinity, Infinity, 20_000, 3000]);
  const asymmetry = random.pick([1, 1, 1, 0.2]);
  let begin = 0;
  for (let left = random.pick([1, 1, 2]); left > 0; left--) {
    const rate = random.pick([125, 625, 625, 2500, 2500, 2500, 6250, 12_500]);
    const delay = random.pick([0.1, 2, 5, 10, 25, 50, 100]);
    const room = Math.max(40_000, Math.ceil(roomShare * rate * 2 * delay));
    const down = { rate, delay, room, lossEvery };
    const up = { ...down, rate: rate * asymmetry };
    const time = Math.min(LONGEST, Math.max(SHORTEST, MOST_BYTES / rate));
    phases.push({ begin, end: begin + time, up, down });
    begin += time;
  }
  return {
    version: random.pick([PROTO_SPDY3, PROTO_SPDY3_1, PROTO_SPDY3_1]),
    tcp: {
      congestion: random.pick(["reno", "cubic", "cubic"]),
      endsEarly: random.chance(0.7),
      sendBuffer: random.pick([0, 0, 65_536, 262_144]),
      receiveBuffer: random.pick([131_072, 1 << 20, 6 << 20]),
      acknowledgementDelay: random.pick([0, 40, 40, 200]),
    },
    phases,
    disturbances: disturbances(random, begin),
    transfers: transfers(random),
    pause: random.int(80, 200),
  };
}

function transfers(random: Random): Transfer[] {
  const ways = random.pick<readonly Way[]>([
    ["down"],
    ["down"],
    ["up"],
    ["up", "down"],
  ]);
  const count = random.pick([1, 1, 2, 5]);
  return Array.from({ length: count }, () =>
    ways.map((way): Transfer => ({
      way,
      priority: random.int(3, 7),
      begin: random.pick([0, 0, random.int(0, 500)]),
      chunk: random.pick([4000, 16_384, 65_536, 65_536]),
    }))).flat();
}

function disturbances(random: Random, end: number): Disturbance[] {
  if (random.chance(0.6)) return [];
  return Array.from({ length: random.int(1, 3) }, (): Disturbance => {
    const kind = random.pick(
      [
        "stall",
        "no reading",
        "burst",
        "other transfer",
      ] as const,
    );
    const time = kind === "other transfer"
      ? random.int(1000, 4000)
      : random.int(20, 400);
    return {
      kind,
      at: random.int(0, end),
      way: random.pick(["up", "down"]),
      time,
    };
  });
}
