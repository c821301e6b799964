/**
 * What must hold in every run: for the windows after every event, and at rest for
 * the counters and for what the applications planned.
 *
 * @module
 */

import { coreOf } from "../../connection.ts";
import type { ConnectionCounters } from "../../connection/telemetry/counters.ts";
import { PROTO_SPDY3_1 } from "../../frame/constants.ts";
import type { Connection } from "../../http/connection.ts";
import type { Plan } from "./plan.ts";
import type { SentWindow } from "./wire_watch.ts";
import type { World } from "./world.ts";

/** One side of a run. */
export interface Side {
  readonly name: string;
  readonly connection: Connection;
  /** What this side sends, as the wire shows it; `undefined` without windows. */
  readonly sent: SentWindow | undefined;
}

/** With more streams than this, they are checked only after some of the events. */
const MANY_STREAMS = 8;
const NOW_AND_THEN = 16;

/**
 * Checks the windows of one side: the bytes that may still arrive, those that the
 * application has and those that will be granted again add up to the window at
 * every moment. A single byte that the window loses is therefore noticed at once.
 */
export class WindowInvariant {
  readonly #world: World;
  readonly #side: Side;
  /** The size of a stream's window, without what tuning added. */
  readonly #spans = new Map<number, number>();
  #events = 0;

  constructor(world: World, side: Side) {
    this.#world = world;
    this.#side = side;
  }

  /** Whether SETTINGS of this side changed the windows of streams. */
  settingsChanged(): void {
    this.#spans.clear();
  }

  check(): void {
    const { connection, name } = this.#side;
    const many = this.#spans.size > MANY_STREAMS;
    if (many && this.#events++ % NOW_AND_THEN !== 0) return;
    const core = coreOf(connection);
    const counters = core.counters;
    // Nothing is checked after the end of the connection.
    if (counters.ending || connection.session.failure !== undefined) return;
    const { session, sessionWindow } = counters;
    const window = session.receiveWindow;
    if (window !== undefined && window.span !== sessionWindow) {
      this.#bad(
        `${name}: the session's window of ${sessionWindow} bytes spans ${window.span}`,
      );
    }
    const held = counters.unread + counters.pendingUpdate;
    if (window !== undefined && window.unconsumed > held) {
      this.#bad(
        `${name}: the session waits for ${window.unconsumed} bytes to be consumed, the application has ${held}`,
      );
    }
    if (counters.unread < 0 || counters.reserved < 0) {
      this.#bad(`${name}: counters below 0: ${JSON.stringify(counters)}`);
    }
    for (const { id, open, receiveWindow } of session.streams) {
      if (receiveWindow === undefined || !open) continue;
      const stream = core.streams.get(id);
      if (stream === undefined) continue;
      const unread = stream.receiveBuffer.size + stream.pendingUpdate;
      if (receiveWindow.unconsumed !== unread) {
        this.#bad(
          `${name}: stream ${id} waits for ${receiveWindow.unconsumed} bytes to be consumed, its reader has ${unread}`,
        );
      }
      const span = receiveWindow.span - stream.grown;
      const before = this.#spans.get(id);
      if (before === undefined) this.#spans.set(id, span);
      else if (before !== span) {
        this.#bad(
          `${name}: the window of stream ${id}, of ${before} bytes, spans ${span}`,
        );
        this.#spans.set(id, span);
      }
    }
  }

  #bad(what: string): void {
    if (this.#world.violations.length === 0) this.#world.bad(what);
  }
}

/**
 * When no byte is under way, both sides must have nothing queued, and must agree
 * about the windows.
 */
export function checkRest(world: World, sides: readonly [Side, Side]): void {
  for (const [side, peer] of [sides, [sides[1], sides[0]]] as const) {
    const { name, connection, sent } = side;
    const counters = coreOf(connection).counters;
    const left = leftovers(counters);
    if (left.length > 0) world.bad(`${name} at rest: ${left.join(", ")}`);
    if (connection.version !== PROTO_SPDY3_1 || sent === undefined) continue;
    const { sendWindow } = counters.session;
    const granted = coreOf(peer.connection).counters.session.receiveWindow
      ?.available;
    if (sendWindow !== granted || sendWindow !== sent.session) {
      world.bad(
        `${name} at rest may send ${sendWindow} bytes on the session; its peer granted ${granted}, the wire ${sent.session}`,
      );
    }
    const unconsumed = counters.session.receiveWindow?.unconsumed;
    if (unconsumed !== 0) {
      world.bad(`${name} at rest: ${unconsumed} bytes were never consumed`);
    }
  }
}

/** The counters that are not 0 although no stream is open. */
export function leftovers(counters: ConnectionCounters): string[] {
  const left: string[] = [];
  for (
    const name of [
      "streams",
      "ready",
      "opening",
      "ownStreams",
      "reserved",
      "unread",
    ] as const
  ) {
    if (counters[name] !== 0) left.push(`${name} is ${counters[name]}`);
  }
  if (counters.readingHeld) left.push("reading is held");
  if (counters.session.streams.length > 0) {
    left.push(`the session has ${counters.session.streams.length} streams`);
  }
  return left;
}

/** Checks that everything that had to arrive for a plan arrived completely. */
export function checkPlan(world: World, plan: Plan): void {
  if (plan.broken || plan.stuck) return;
  const who = `${plan.kind} ${plan.id}`;
  const [first] = plan.closed;
  // The stream was refused before it was processed, so it may be tried again.
  if (isUnprocessed(first) || plan.kind === "push" && first !== 0) return;
  for (const direction of plan.kind === "push" ? [0] : [0, 1]) {
    const { clean, got, written, error, arrivedHeaders, sentHeaders } =
      plan.seen[direction];
    // A push that closed before the peer looked at it.
    if (plan.closed[1] === undefined) continue;
    if (!clean) {
      world.bad(
        `${who}.${direction}: no end, ${got} of ${written} bytes: ${error}`,
      );
    } else if (String(arrivedHeaders) !== String(sentHeaders)) {
      world.bad(`${who}.${direction}: HEADERS ${arrivedHeaders}`);
    }
  }
  for (const status of plan.closed) {
    if (status !== 0 && status !== undefined) {
      world.bad(`${who} closed with ${status}`);
    }
  }
}

function isUnprocessed(error: unknown): boolean {
  return error instanceof Error && "unprocessed" in error &&
    error.unprocessed === true;
}
