/**
 * The families of runs: what the seeds of each have in common.
 *
 * @module
 */

import { PROTO_SPDY3, PROTO_SPDY3_1 } from "../../frame/constants.ts";
import { CLIENT_PROFILE, serverProfile } from "../../kubernetes/profile.ts";
import type { Random } from "../helpers/random.ts";
import {
  type Draft,
  linkOptions,
  ordinary,
  type Scenario,
  type Tuning,
  window,
} from "./scenario.ts";

/** Runs that have something in common. */
export type Family =
  | "mixed"
  | "calm"
  | "k8s"
  | "bulk"
  | "http"
  | "push"
  | "clocks"
  | "lowWindow"
  | "readingOrder"
  | "cancel"
  | "misuse"
  | "overrun"
  | "heldReading"
  | "path";

/** Runs in a network without a bandwidth: all but those of `path/`. */
export type NetworkFamily = Exclude<Family, "path">;

/** Streams that never end must not prevent others from being opened. */
function manyStreams(draft: Draft): void {
  const limits = { maxConcurrentStreams: 100 };
  draft.client = { ...draft.client, limits };
  draft.server = { ...draft.server, limits };
}

function kubernetes(draft: Draft, random: Random): void {
  draft.version = PROTO_SPDY3_1;
  draft.flowControl = false;
  draft.newWindow = 0;
  const bounds = {
    closeTimeout: 1000,
    maxBufferedBytes: random.pick([1, 30_000, 100_000, 1 << 20]),
  };
  draft.client = { ...CLIENT_PROFILE, ...bounds };
  draft.server = { ...serverProfile(100), ...bounds };
}

/** Each function changes an ordinary run into one of its family. */
const FAMILIES: Record<
  NetworkFamily,
  (draft: Draft, random: Random) => void
> = {
  mixed(draft, random) {
    draft.fault = random.pick([
      "none",
      "none",
      "stall",
      "close",
      "goaway",
      "reset",
      "one way",
      "half close",
    ]);
    draft.style = { ...draft.style, breaks: random.pick([0, 0.35, 0.35]) };
  },
  calm(draft, random) {
    draft.fault = random.pick(["none", "none", "stall"]);
  },
  k8s(draft, random) {
    kubernetes(draft, random);
    draft.application = random.pick([
      "exec",
      "exec",
      "port-forward",
      "streams",
    ]);
    draft.style = { ...draft.style, most: draft.style.most * 2, push: 0 };
    draft.fault = random.pick([
      "none",
      "none",
      "none",
      "stall",
      "close",
      "reset",
      "half close",
    ]);
  },
  bulk(draft, random) {
    kubernetes(draft, random);
    const segments = random.pick(
      [
        ["all", "all"],
        ["large", "large"],
        ["mixed", "all"],
      ] as const,
    );
    const options = {
      ...linkOptions(random, segments),
      capacity: random.pick([65_536, 262_144, 1 << 20, 1 << 22]),
    };
    draft.link = { up: options, down: options };
    for (const side of ["client", "server"] as const) {
      draft[side] = {
        ...draft[side],
        maxBufferedBytes: random.pick([100_000, 1 << 20, 4 << 20]),
        maxSendBuffer: random.pick([65_536, 262_144, 524_288, 1 << 20]),
      };
    }
    draft.count = random.int(1, 2);
    draft.style = {
      ...draft.style,
      most: 6 << 20,
      big: 0.7,
      push: 0,
      pauses: 0.02,
    };
    draft.orderlyEnd = random.pick(["none", "goaway"]);
  },
  http(draft, random) {
    draft.application = "http";
    draft.fault = random.pick([
      "none",
      "none",
      "none",
      "stall",
      "close",
      "goaway",
      "reset",
      "half close",
    ]);
    draft.style = { ...draft.style, breaks: random.pick([0, 0.35]) };
    if (random.chance(0.3)) {
      draft.style = { ...draft.style, forgets: true };
      manyStreams(draft);
    }
  },
  push(draft, random) {
    draft.application = random.pick(["http", "http", "streams"]);
    draft.style = {
      ...draft.style,
      push: 0.8,
      breaks: random.pick([0, 0, 0.2]),
    };
    draft.fault = random.pick(["none", "none", "none", "close", "goaway"]);
  },
  clocks(draft, random) {
    for (const side of ["client", "server"] as const) {
      const options: Tuning = { ...draft[side] };
      if (random.chance(0.7)) {
        options.keepAlive = {
          interval: random.pick([5, 20, 100]),
          timeout: 8000,
        };
      }
      if (random.chance(0.5)) options.headerTimeout = 9000;
      if (random.chance(0.5)) {
        options.controlFrameTimeout = random.pick([9000, 20_000]);
      }
      draft[side] = options;
    }
    if (random.chance(0.5)) {
      // A link on which the last bytes take long, but never stop moving.
      const rate = random.pick([8, 20, 60]);
      // The bytes in the network are sent within the time that closing may
      // take, but those of one write, 15 KiB, need longer at the lowest rate.
      const capacity = random.pick(
        rate < 20 ? [500, 5000] : [500, 5000, 16_384],
      );
      const slow = {
        ...draft.link.down,
        reads: "packets",
        latency: 0,
        rate,
        capacity,
      } as const;
      for (const side of ["client", "server"] as const) {
        // A reply, or a PING, may wait behind seconds of bytes.
        const { keepAlive, ...rest } = draft[side];
        draft[side] = {
          ...rest,
          ...keepAlive && { keepAlive: { ...keepAlive, timeout: 60_000 } },
          closeTimeout: 1000,
          headerTimeout: 0,
        };
      }
      draft.link = random.chance(0.5)
        ? { up: slow, down: slow }
        : { up: { ...slow, rate: Infinity }, down: slow };
      draft.style = { ...draft.style, most: 120_000, big: 0.6 };
      draft.count = random.int(1, 3);
    } else draft.fault = random.pick(["none", "stall"]);
    draft.orderlyEnd = random.pick(["none", "goaway", "close"]);
  },
  lowWindow(draft, random) {
    draft.version = random.pick([PROTO_SPDY3, PROTO_SPDY3_1]);
    const sizes = [500, 1000, 20_000, 30_000, 65_536, 300_000];
    for (const side of ["client", "server"] as const) {
      if (random.chance(0.6)) {
        draft[side] = { ...draft[side], settings: window(random.pick(sizes)) };
      }
    }
    if (random.chance(0.5)) draft.newWindow = random.pick(sizes);
    draft.fault = random.pick(["none", "none", "stall"]);
    draft.style = { ...draft.style, big: 0.5 };
  },
  readingOrder(draft, random) {
    draft.application = "reading order";
    const large = random.chance(0.04);
    draft.count = large ? random.int(18, 100) : random.int(2, 12);
    draft.style = {
      ...draft.style,
      most: large ? random.pick([66_000, 200_000]) : draft.style.most,
    };
    const small = random.pick([1, 30_000, 100_000]);
    const reads = large ? "all" : draft.link.down.reads;
    const capacity = large ? 262_144 : draft.link.down.capacity;
    const link = { ...draft.link.down, reads, capacity };
    draft.link = { up: link, down: link };
    draft.client = large
      ? { flowControl: draft.flowControl }
      : { ...draft.client, maxBufferedBytes: small, sessionWindow: 65_536 };
    draft.server = large
      ? { flowControl: draft.flowControl }
      : { ...draft.server, maxBufferedBytes: small, sessionWindow: 65_536 };
    manyStreams(draft);
  },
  cancel(draft, random) {
    const link = {
      ...linkOptions(random, ["packets", "all"]),
      capacity: random.pick([5000, 65_536]),
    };
    draft.link = { up: link, down: link };
    draft.style = { ...draft.style, breaks: 0.75, big: 0.7, most: 60_000 };
    draft.count = random.int(3, 9);
  },
  misuse(draft, random) {
    if (random.chance(0.3)) {
      draft.flowControl = false;
      draft.client = { ...draft.client, flowControl: false };
      draft.server = { ...draft.server, flowControl: false };
    }
    draft.style = {
      ...draft.style,
      misuse: 0.5,
      breaks: random.pick([0, 0.2]),
      most: Math.min(draft.style.most, 80_000),
    };
    draft.count = random.int(2, 7);
    manyStreams(draft);
    draft.fault = random.pick([
      "none",
      "none",
      "none",
      "close",
      "close in a callback",
      "reset",
    ]);
  },
  overrun(draft, random) {
    draft.application = "overrun";
    // In SPDY/3.1, a peer that exceeds a stream's window may exceed the
    // session's, too.
    draft.version = PROTO_SPDY3;
    // Neither side checks what the other sends against its windows.
    draft.flowControl = false;
    draft.count = random.int(2, 5);
    const windowed = random.pick(["client", "server"] as const);
    for (const side of ["client", "server"] as const) {
      const { settings: _, ...options } = draft[side];
      draft[side] = {
        ...options,
        flowControl: side === windowed,
        windowTuning: false,
      };
    }
    manyStreams(draft);
    const fast = linkOptions(
      random,
      random.pick([["packets", "all"], ["large", "large"], ["all", "all"]]),
    );
    // The side with windows must always have bytes waiting.
    const slow = {
      ...fast,
      capacity: random.pick([200, 2000, 5000]),
      rate: random.pick([5, 20, 100]),
    };
    draft.link = windowed === "client"
      ? { up: slow, down: fast }
      : { up: fast, down: slow };
    draft.fault = random.pick(["none", "none", "stall"]);
  },
  heldReading(draft, random) {
    draft.application = "held reading";
    draft.fault = "held reading";
    draft.flowControl = false;
    draft.count = random.int(1, 4);
    const bounds = {
      flowControl: false,
      maxBufferedBytes: random.pick([1, 1000, 30_000]),
      maxUnreadBytes: random.pick([1, 1 << 26]),
    };
    draft.client = { ...draft.client, ...bounds };
    draft.server = { ...draft.server, ...bounds };
    manyStreams(draft);
    const link = linkOptions(
      random,
      random.pick([["packets", "all"], ["large", "large"], ["mixed", "all"]]),
    );
    draft.link = { up: link, down: link };
  },
};

/** All families. */
export const FAMILY_NAMES: readonly Family[] = [
  ...Object.keys(FAMILIES) as NetworkFamily[],
  "path",
];

/** Runs in which one thing always happens. */
export function makeScenario(
  family: NetworkFamily,
  random: Random,
): Scenario {
  const draft = ordinary(random);
  FAMILIES[family](draft, random);
  if (draft.orderlyEnd !== "none") {
    // A peer that does not move for longer than `closeTimeout` may be
    // disconnected.
    draft.fault = "none";
    // On a web stream, this side sees progress only when a whole piece has been
    // taken.
    const closeTimeout = draft.asStreams.includes(true) ? 5000 : 1000;
    draft.client = { ...draft.client, closeTimeout };
    draft.server = { ...draft.server, closeTimeout };
  }
  return draft;
}
