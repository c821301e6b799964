/**
 * What the two applications do on a stream. It is decided before the stream
 * begins.
 *
 * @module
 */

import type { Random } from "../helpers/random.ts";

/** How a half is written. */
export type Writing = "writable" | "write" | "pipe";
/** How a half is ended. */
export type Ending = "close" | "trailers" | "abort" | "reset" | "never";
/** How a half is read. */
export type Reading =
  | "reader"
  | "read"
  | "for await"
  | "tee"
  | "bytes"
  | "pipe"
  | "never"
  | "late";

/** One direction of a stream. */
export interface Half {
  readonly salt: number;
  /** Bytes that are written. */
  total: number;
  writing: Writing;
  ending: Ending;
  /** HEADERS frames between the bytes. */
  headers: number;
  /** Writes under way at once. */
  burst: number;
  /** Largest chunk, bytes. */
  chunk: number;
  reading: Reading;
  /** Probability of a pause before a read. */
  slow: number;
  /** Number of bytes after which the reader cancels, -1 for never. */
  cancelAt: number;
  /** Size of the buffer for reading. */
  buffer: number;
}

/** What happened in one direction. */
export interface Seen {
  written: number;
  /** Whether the writer has written all its bytes. */
  ended: boolean;
  sentHeaders: string[];
  got: number;
  /** Whether the reader saw the end without an error. */
  clean: boolean;
  error: unknown;
  arrivedHeaders: string[] | undefined;
}

export interface Plan {
  readonly id: number;
  readonly kind: "request" | "from the server" | "push";
  /** 0: the direction from the opener; 1: the direction from the other side. */
  readonly halves: readonly [Half, Half];
  readonly seen: readonly [Seen, Seen];
  readonly priority: number;
  /** Something in it fails on purpose, so that it may be incomplete. */
  broken: boolean;
  /** The application leaves something undone, so that it may have no end. */
  stuck: boolean;
  openFin: boolean;
  replyFin: boolean;
  reply: "first" | "late" | "after a write" | "never";
  /** Ms until the signal of the opening aborts, -1 for none. */
  abortAfter: number;
  /** Which side resets, -1 for none. */
  resetBy: number;
  resetAfter: number;
  pushes: number;
  /** Whether nobody uses it any more once it is open. */
  dropped: boolean;
  /** Calls at the wrong time. */
  misuse: readonly Misuse[];
  closed: [unknown, unknown];
}

/** A call at the wrong time. */
export type Misuse =
  | "reply twice"
  | "reply after a reset"
  | "headers after the end"
  | "write after the end"
  | "two reads"
  | "readable beside read"
  | "reset twice"
  | "response of an accepted stream"
  | "cancel after the end"
  | "abort while a write waits"
  | "no bytes";

const MISUSES: readonly Misuse[] = [
  "reply twice",
  "reply after a reset",
  "headers after the end",
  "write after the end",
  "two reads",
  "readable beside read",
  "reset twice",
  "response of an accepted stream",
  "cancel after the end",
  "abort while a write waits",
  "no bytes",
];

/** From what plans are made. */
export interface PlanStyle {
  /** Most bytes in one direction. */
  readonly most: number;
  /** Probability of a direction with more than a few bytes. */
  readonly big: number;
  /** Probability that something in a plan fails on purpose. */
  readonly breaks: number;
  /** Probability that an application misuses the API. */
  readonly misuse: number;
  /** Whether responses may be left unread. */
  readonly forgets: boolean;
  /** Probability that a stream is pushed for a request. */
  readonly push: number;
  /** Pauses of writers. */
  readonly pauses: number;
}

function makeHalf(random: Random, style: PlanStyle, salt: number): Half {
  const big = random.chance(style.big);
  const most = big ? style.most : Math.min(style.most, 3000);
  const half: Half = {
    salt,
    total: random.chance(0.1) ? 0 : random.int(1, most),
    writing: random.pick(["writable", "write", "writable", "write", "pipe"]),
    ending: random.chance(0.2) ? "trailers" : "close",
    headers: random.chance(0.2) ? random.int(1, 3) : 0,
    burst: random.pick([1, 1, 2, 5]),
    chunk: random.pick([300, 5000, 70_000]),
    reading: random.pick([
      "reader",
      "read",
      "read",
      "for await",
      "tee",
      "bytes",
      "pipe",
    ]),
    slow: random.chance(0.3) ? random.float() : 0,
    cancelAt: -1,
    buffer: random.pick([1, 7, 100, 4096, 65_536, 300_000]),
  };
  if (half.total > 20_000) half.chunk = Math.max(half.chunk, half.total / 20);
  if (half.buffer < 100) half.total = Math.min(half.total, 800);
  return half;
}

function seenNothing(): Seen {
  return {
    written: 0,
    ended: false,
    sentHeaders: [],
    got: 0,
    clean: false,
    error: undefined,
    arrivedHeaders: undefined,
  };
}

/** Decides what happens on one stream. */
export function makePlan(
  random: Random,
  style: PlanStyle,
  id: number,
  kind: Plan["kind"],
): Plan {
  const halves = [
    makeHalf(random, style, id * 2 + 1),
    makeHalf(random, style, id * 2 + 2),
  ] as const;
  const plan: Plan = {
    id,
    kind,
    halves,
    seen: [seenNothing(), seenNothing()],
    priority: random.int(0, 3),
    broken: false,
    stuck: false,
    openFin: kind !== "push" && random.chance(0.15),
    replyFin: kind !== "push" && random.chance(0.1),
    reply: random.pick(["first", "first", "late", "after a write"]),
    abortAfter: -1,
    resetBy: -1,
    resetAfter: 0,
    pushes: kind === "request" && random.chance(style.push)
      ? random.int(1, 2)
      : 0,
    dropped: false,
    misuse: [],
    closed: [undefined, undefined],
  };
  if (plan.replyFin) plan.reply = "first";
  if (random.chance(style.breaks)) breakPlan(random, plan);
  if (random.chance(style.misuse)) misusePlan(random, plan);
  return plan;
}

/** Whether something fails on purpose. */
function breakPlan(random: Random, plan: Plan): void {
  plan.broken = true;
  const half = plan.halves[random.int(0, 1)];
  switch (random.int(0, 4)) {
    case 0:
      plan.abortAfter = random.float() * 6;
      break;
    case 1:
      plan.resetBy = random.int(0, 1);
      plan.resetAfter = random.float() * 6;
      break;
    case 2:
      half.cancelAt = random.int(0, half.total);
      half.reading = random.pick(["reader", "tee", "for await"]);
      break;
    case 3:
      half.ending = "abort";
      break;
    case 4:
      half.ending = "reset";
      break;
  }
}

/** Whether an application leaves something undone, or calls at the wrong time. */
function misusePlan(random: Random, plan: Plan): void {
  plan.broken = true;
  const half = plan.halves[random.int(0, 1)];
  switch (random.int(0, 6)) {
    case 0:
      plan.stuck = true;
      half.reading = "never";
      break;
    case 1:
      plan.stuck = true;
      half.ending = "never";
      break;
    case 2:
      plan.stuck = true;
      plan.reply = "never";
      plan.replyFin = false;
      break;
    case 3:
      plan.stuck = true;
      plan.dropped = true;
      break;
    case 4:
      half.reading = "late";
      break;
    default:
      plan.stuck = true;
      plan.misuse = random.shuffle(MISUSES).slice(0, random.int(1, 3));
  }
}

/** One direction, by its sender: 0 is the opener, 1 the other side. */
export type Direction = 0 | 1;

/** The name of a plan in the log. */
export function planName(plan: Plan): string {
  return `${plan.kind} ${plan.id}`;
}
