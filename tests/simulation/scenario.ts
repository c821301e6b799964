/**
 * One run, before it begins: versions, options, links, what the applications do,
 * and which faults happen.
 *
 * @module
 */

import type { ConnectionTuning } from "../../connection/options.ts";
import {
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  SETTINGS_INITIAL_WINDOW_SIZE,
} from "../../frame/constants.ts";
import type { SettingsEntry } from "../../frame/types.ts";
import type { Random } from "../helpers/random.ts";
import type { LinkOptions, Segments } from "./network.ts";
import type { PlanStyle } from "./plan.ts";

/** What happens to the connection while the applications work. */
export type Fault =
  | "none"
  /** The network stalls for a while. */
  | "stall"
  /** One side closes. */
  | "close"
  /** One side closes inside a callback. */
  | "close in a callback"
  /** One side sends GOAWAY. */
  | "goaway"
  /** The transport is reset. */
  | "reset"
  /** One direction fails. */
  | "one way"
  /** One direction ends. */
  | "half close"
  /** One side can no longer write, while it has stopped reading. */
  | "held reading";

/** One run. */
export interface Scenario {
  readonly version: ProtocolVersion;
  readonly flowControl: boolean;
  readonly link: { up: LinkOptions; down: LinkOptions };
  readonly client: ConnectionTuning;
  readonly server: ConnectionTuning;
  /** The sides that use web streams as their transport. */
  readonly asStreams: readonly [boolean, boolean];
  readonly application:
    | "streams"
    | "http"
    | "exec"
    | "port-forward"
    | "reading order"
    | "overrun"
    | "held reading";
  /** Number of streams or requests. */
  readonly count: number;
  readonly style: PlanStyle;
  readonly fault: Fault;
  /** Lowers or raises the window of open streams to this many bytes; 0 if it does not. */
  readonly newWindow: number;
  /**
   * When everything has been opened, one side sends GOAWAY, or closes after all
   * its streams have closed. Everything must still arrive.
   */
  readonly orderlyEnd: "none" | "goaway" | "close";
}

/** The same, before it is complete. */
export type Draft = { -readonly [Key in keyof Scenario]: Scenario[Key] };
/** Options of one side, before they are complete. */
export type Tuning = {
  -readonly [Key in keyof ConnectionTuning]: ConnectionTuning[Key];
};

const VERSIONS = [PROTO_SPDY2, PROTO_SPDY3, PROTO_SPDY3_1, PROTO_SPDY3_1];

const SEGMENTS: readonly (readonly [Segments, Segments])[] = [
  ["all", "all"],
  ["mixed", "mixed"],
  ["packets", "large"],
  ["packets", "all"],
  ["tiny", "mixed"],
  ["byte", "all"],
  ["large", "large"],
  ["mixed", "all"],
];

/** Number of bytes that segments of that kind carry in reasonable time. */
const MOST: Readonly<Record<Segments, number>> = {
  byte: 600,
  tiny: 4000,
  packets: 60_000,
  mixed: 60_000,
  large: 120_000,
  all: 120_000,
};

/** A random link whose reads and writes have that size. */
export function linkOptions(
  random: Random,
  [reads, writes]: readonly [Segments, Segments],
): LinkOptions {
  return {
    reads,
    writes,
    capacity: random.pick([500, 5000, 65_536, 262_144, 1 << 22]),
    // Each segment takes this time.
    latency: reads === "byte" || reads === "tiny"
      ? 0
      : random.pick([0, 0, 1, 20]),
    rate: Infinity,
    resetsUnread: random.chance(0.5),
  };
}

function tuning(random: Random, flowControl: boolean): Tuning {
  const options: Tuning = { closeTimeout: random.pick([1000, 1000, 50]) };
  if (!flowControl) options.flowControl = false;
  if (random.chance(0.6)) {
    options.maxSendBuffer = random.pick([1024, 1500, 4096, 65_536, 1 << 19]);
  }
  if (random.chance(0.5)) {
    options.sessionWindow = random.pick([65_536, 65_537, 100_000, 1 << 20]);
  }
  options.windowTuning = random.pick([
    true,
    false,
    false,
    {
      maxWindow: random.pick([65_536, 200_000, 1 << 24]),
      maxMemory: random.pick([0, 1000, 100_000, 1 << 26]),
    },
  ]);
  if (random.chance(0.6)) {
    options.maxBufferedBytes = random.pick([1, 1000, 65_536, 300_000]);
  }
  options.limits = {
    ...random.chance(0.4)
      ? { maxConcurrentStreams: random.pick([1, 2, 5, 100]) }
      : {},
    ...random.chance(0.5)
      ? { maxDataFrameSize: random.pick([256, 1000, 16_384, 65_536]) }
      : {},
  };
  if (random.chance(0.3)) {
    options.headerCompression = random.pick(["safe", "none", "full"]);
  }
  return options;
}

/** SETTINGS of this side that give streams of the peer this many bytes. */
export function window(bytes: number): SettingsEntry[] {
  return [[SETTINGS_INITIAL_WINDOW_SIZE, 0, bytes]];
}

/** A run as it is if its family changes nothing. */
export function ordinary(random: Random): Draft {
  const version = random.pick(VERSIONS);
  const flowControl = random.chance(0.7);
  const segments = random.pick(SEGMENTS);
  const client = tuning(random, flowControl);
  client.acceptServerStreams = true;
  const server = tuning(random, flowControl);
  for (const side of [client, server]) {
    if (version !== PROTO_SPDY2 && random.chance(0.3)) {
      side.settings = window(random.pick([65_536, 65_536, 200_000, 1 << 20]));
    }
  }
  return {
    version,
    flowControl,
    link: {
      up: linkOptions(random, segments),
      down: linkOptions(random, segments),
    },
    client,
    server,
    asStreams: [random.chance(0.2), random.chance(0.2)],
    application: "streams",
    count: random.chance(0.3) ? 1 : random.int(1, 7),
    style: {
      most: MOST[segments[0]],
      big: 0.25,
      breaks: 0,
      misuse: 0,
      forgets: false,
      push: 0.15,
      pauses: random.pick([0, 0.1, 0.5]),
    },
    fault: "none",
    newWindow: 0,
    orderlyEnd: "none",
  };
}
