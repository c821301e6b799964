/**
 * The connections of one call of `spdy get`, one for each server, and the times of
 * its requests, which are taken from frames.
 *
 * @module
 */

import { SYN_REPLY, SYN_STREAM } from "../../frame/constants.ts";
import type { FrameDirection, TracedFrame } from "../../connection/options.ts";
import type { Connection } from "../../http/connection.ts";
import { closeBefore, openTarget, type Target } from "../target.ts";
import type { Timing } from "../timing.ts";
import type { GetOptions } from "./options.ts";

/** An open connection, and the time that it took to open, ms. */
export interface Opened {
  readonly connection: Connection;
  readonly connected: number;
}

/** Opens connections on first use. */
export class Connections {
  readonly #options: GetOptions;
  readonly #signal: AbortSignal | undefined;
  readonly #now: () => number;
  readonly #onFrame: (direction: FrameDirection, frame: TracedFrame) => void;
  readonly #byOrigin = new Map<string, Promise<Opened>>();
  /** Requests whose SYN_STREAM has not been seen, by origin and path. */
  readonly #unsent = new Map<string, Timing[]>();

  /** `now` returns ms; `onFrame` is called for each frame. */
  constructor(
    options: GetOptions,
    signal: AbortSignal | undefined,
    now: () => number,
    onFrame: (direction: FrameDirection, frame: TracedFrame) => void,
  ) {
    this.#options = options;
    this.#signal = signal;
    this.#now = now;
    this.#onFrame = onFrame;
  }

  /** The connection to the server of `target`; rejects if it cannot be opened. */
  async open(target: Target): Promise<Opened> {
    const { origin } = target;
    const known = this.#byOrigin.get(origin);
    if (known !== undefined) {
      const opened = await known;
      if (opened.connection.accepting) return opened;
    }
    if (this.#byOrigin.get(origin) === known) {
      const opening = this.#open(target);
      this.#byOrigin.set(origin, opening);
      opening.catch(() => {
        if (this.#byOrigin.get(origin) === opening) {
          this.#byOrigin.delete(origin);
        }
      });
    }
    return await (this.#byOrigin.get(origin) ?? this.#open(target));
  }

  async #open(target: Target): Promise<Opened> {
    const { version, caCerts, dial, flowControl } = this.#options;
    const begin = this.#now();
    const byStream = new Map<number, Timing>();
    const connection = await openTarget(target, {
      version,
      caCerts,
      dial,
      signal: this.#signal,
      flowControl,
      onFrame: (direction, frame) => {
        this.#onFrame(direction, frame);
        this.#note(target.origin, byStream, direction, frame);
      },
    });
    return { connection, connected: this.#now() - begin };
  }

  /** Announces a request that is about to be sent. */
  expect({ origin, url }: Target, timing: Timing): void {
    const { pathname, search } = new URL(url);
    const key = `${origin} ${pathname}${search}`;
    const waiting = this.#unsent.get(key) ?? [];
    waiting.push(timing);
    this.#unsent.set(key, waiting);
  }

  #note(
    origin: string,
    byStream: Map<number, Timing>,
    direction: FrameDirection,
    frame: TracedFrame,
  ): void {
    if (frame.frameType === SYN_STREAM && direction === "sent") {
      const path = frame.nv.find(([name]) => name === ":path")?.[1] ?? "";
      const timing = this.#unsent.get(`${origin} ${path}`)?.shift();
      if (timing === undefined) return;
      timing.sent = this.#now();
      byStream.set(frame.streamId, timing);
    } else if (frame.frameType === SYN_REPLY && direction === "received") {
      const timing = byStream.get(frame.streamId);
      if (timing) timing.head = this.#now();
    }
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#byOrigin.values()].map(async (opening) => {
      const opened = await opening.catch(() => undefined);
      if (opened !== undefined) {
        await closeBefore(opened.connection, this.#signal);
      }
    }));
  }
}
