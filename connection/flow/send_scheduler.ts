/**
 * Decides which streams submit to the session before the next write, and how many
 * bytes the connection may copy from writers.
 *
 * @module
 */

import { StreamClosedError } from "../../errors.ts";
import { INTERNAL_ERROR } from "../../frame/constants.ts";
import { sendNow, type Session } from "../../session.ts";
import type { SendMemory } from "../buffers/send_buffer.ts";
import type { IoLoop } from "../io_loop.ts";
import type { OpenStreams } from "../stream/open_streams.ts";
import type { StreamCore } from "../stream/stream_core.ts";

/** Collects what the streams of one connection have to send. */
export class SendScheduler implements SendMemory {
  readonly #io: IoLoop;
  readonly #session: Session;
  readonly #streams: OpenStreams;
  readonly #maxCopied: number;
  #ready: StreamCore[] = [];
  #copied = 0;
  /** The stream that submitted last. */
  #last: StreamCore | undefined;
  /** Called when copied bytes were sent or dropped. */
  onRelease: (() => void) | undefined;

  /** `maxCopied`: most bytes to copy from writers, beyond the bytes in the write buffer. */
  constructor(
    io: IoLoop,
    session: Session,
    streams: OpenStreams,
    maxCopied: number,
  ) {
    this.#io = io;
    this.#session = session;
    this.#streams = streams;
    this.#maxCopied = maxCopied;
  }

  /** Number of streams with something to submit. */
  get ready(): number {
    return this.#ready.length;
  }

  /**
   * Bytes that were copied from writers, whose writes have resolved, and that were
   * not sent yet.
   */
  get copied(): number {
    return this.#copied;
  }

  /** Writes what was submitted at the end of this turn. */
  flush(): void {
    this.#io.flush();
  }

  /** The stream has bytes, headers or its end to submit before the next write. */
  add(core: StreamCore): void {
    if (core.isScheduled) return;
    core.isScheduled = true;
    this.#ready.push(core);
    this.#io.flush();
  }

  /** Called when a writer waits until the write buffer accepts its chunk: see `IoLoop.collect`. */
  collect(): void {
    this.#io.collect();
  }

  /** See `IoLoop.writerContinues`. */
  writerContinues(): void {
    this.#io.writerContinues();
  }

  /**
   * Puts a chunk into the write buffer at once, if that has bytes of this turn and the last
   * ones are of the same stream; true if it did. A writer that awaits each chunk then needs
   * no promise and no further microtask for it, which saves 4 % of the time of bulk.
   */
  sendNow(core: StreamCore, chunk: Uint8Array): boolean {
    const isNext = this.#last === core && this.#ready.length === 0 &&
      this.#io.isFilling && core.sender.isClear;
    if (!isNext) return false;
    try {
      return sendNow(this.#session, core.id, chunk, this.#io.out);
    } catch (error) {
      // A callback threw, after the bytes were sent.
      this.#io.fillFailed(error);
      return true;
    }
  }

  /** Lets each stream in the list submit what it has. */
  submit(): void {
    // A stream that has ended must not be kept.
    if (this.#io.out.length === 0) this.#last = undefined;
    const ready = this.#ready;
    if (ready.length === 0) return;
    this.#ready = [];
    for (const core of ready) this.#submit(core);
  }

  /** Lets one stream submit. An error ends only this stream. */
  #submit(core: StreamCore): void {
    core.isScheduled = false;
    this.#last = core;
    try {
      core.sender.submit(this.#session);
    } catch (error) {
      // The session is about to reset the stream, and then reports the reason.
      const isClosing = error instanceof StreamClosedError &&
        this.#streams.get(core.id) === core;
      if (!isClosing) core.reset(INTERNAL_ERROR, error);
    }
  }

  /** The connection has ended: nothing more is submitted. */
  clear(): void {
    this.#ready = [];
    this.#last = undefined;
  }

  reserve(size: number): boolean {
    if (this.#copied + size > this.#maxCopied) return false;
    this.#copied += size;
    return true;
  }

  release(size: number): void {
    this.#copied -= size;
    this.onRelease?.();
  }
}
