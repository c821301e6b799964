/**
 * Moves bytes between the session and the transport, with one read loop and one write
 * loop. Neither polls.
 *
 * @module
 */

import { MAX_DELAY } from "../numbers.ts";
import { WriteBuffer } from "./buffers/write_buffer.ts";
import { Deferred } from "./deferred.ts";
import { atEndOfTurn, endOfTurn, now, pause, within } from "./time/clock.ts";
import type { FirstWrites } from "./time/first_writes.ts";
import { StallDetector } from "./time/stall_detector.ts";
import { type TrackedFrame, TrackedFrames } from "./time/tracked_frames.ts";
import { checkCount, NOTHING_MOVED, type Wire } from "./transport/transport.ts";

/** How many times `closeTimeout` a peer may keep sending after this side has ended. */
const CLOSING_PEER_FACTOR = 60;

/** Events and requests of the loops for their owner. */
export interface IoLoopEvents {
  /** Bytes arrived; the view is valid during the call, or until the promise resolves. */
  input(data: Uint8Array): void | Promise<void>;
  /** The input ended; with an error when reading failed. Called once. */
  inputEnded(error: unknown): void;
  /** Put what is ready into {@linkcode IoLoop.out}, with no more than its bound. */
  fill(): void;
  /** Everything that was ready has been written. */
  idle(): void;
  /** Writing failed; nothing is written any more. Called once. */
  outputFailed(error: unknown): void;
  /** `input` or `fill` threw `error`. */
  failed(error: unknown): void;
  /** Whether the peer may send more than a little; if missing, it may. */
  expectsBulk?(): boolean;
}

/**
 * A write that ends within this number of microtasks counts as taken at once; a write
 * to a socket takes three. Time is not measured instead: on a busy machine, other
 * processes run meanwhile, and a pause of 5 ms would look like a slow link, on which
 * writes are small.
 */
const AT_ONCE = 8;
/** Time without a write after which the link may be another one, ms. */
const SILENCE = 3000;

/**
 * While a write is pending, nothing is added to the buffer. So everything that becomes
 * ready meanwhile is sent together in the next write, and a slow socket stops the
 * senders.
 */
export class IoLoop {
  /** Where `fill` puts bytes. */
  readonly out: WriteBuffer;
  /** The movement of bytes in both directions. */
  readonly progress: StallDetector = new StallDetector();
  /** The movement of sent bytes only, because received bytes do not show that the peer reads. */
  readonly outputProgress: StallDetector = new StallDetector();
  /** When the transport took the frames to which the peer has to respond. */
  readonly trackedFrames: TrackedFrames = new TrackedFrames((at) =>
    this.#readingTimeAt(at)
  );
  readonly #wire: Wire;
  readonly #events: IoLoopEvents;
  #scheduled = false;
  /** Exists while a caller waits for the end of the turn in which a write is scheduled. */
  #turnEnd: Deferred<void> | undefined;
  #collecting = false;
  #writing = false;
  /** When the last write began, ms of the clock. */
  #writeBegan = 0;
  /** Whether a writer continues after the last call of `fill`. */
  #writersContinue = false;
  /** Whether the transport did not take the bytes of the last write at once. */
  #hasWaited = false;
  #outputEnded = false;
  #closed = false;
  #paused: Deferred<void> | undefined;
  #readingSince = now();
  /** How long this side had read at that time, ms. */
  #readingTimeBefore = 0;
  /** Exists while `finish` waits for the end of input. */
  #inputEnd: Deferred<void> | undefined;
  #hasInputEnded = false;
  #drained: Deferred<void> | undefined;
  /** Where the first write of this connection waits, or has waited. */
  #firstWrites: FirstWrites | undefined;
  #firstWaits = false;

  constructor(wire: Wire, bound: number, events: IoLoopEvents) {
    this.#wire = wire;
    this.#events = events;
    this.out = new WriteBuffer(bound);
  }

  /** Begins to read; call once. */
  start(): void {
    this.#readLoop();
  }

  /** Whether the transport alone decides that the process stays alive. */
  get holdsProcess(): boolean {
    return this.#wire.setReferenced !== undefined;
  }

  /** Whether waiting for the peer keeps the process alive; see `RawConnection.unref`. */
  setReferenced(referenced: boolean): void {
    if (!this.#closed) this.#wire.setReferenced?.(referenced);
  }

  /** Whether the transport was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Writes what is ready at the end of this turn. */
  flush(): void {
    if (this.#scheduled || this.#writing || this.#outputEnded) return;
    this.#scheduled = true;
    atEndOfTurn(this.#runScheduled);
  }

  /**
   * Writes what is ready together with what the peer's first bytes cause, or soon. The
   * SETTINGS of a server then leave in one write with the first answer: 10 % of an
   * accept, and more behind TLS.
   */
  flushSoon(firstWrites: FirstWrites): void {
    this.#firstWrites = firstWrites;
    this.#firstWaits = true;
    firstWrites.add(this, this.#readingSince);
  }

  /**
   * Fills the buffer before this turn ends, so that waiting writers can add more to the
   * same write: one write of 256 KiB takes half the time of four of 64 KiB.
   */
  collect(): void {
    if (this.#collecting) return;
    this.#collecting = true;
    queueMicrotask(this.#collect);
  }

  /** A chunk for which a writer waits was accepted, so the writer may have another one. */
  writerContinues(): void {
    this.#writersContinue = true;
  }

  /** Resolves at the end of this turn. */
  endOfTurn(): Promise<void> {
    // The write that is scheduled also marks the end of the turn, which saves a call of
    // `nextTick`.
    if (!this.#scheduled) return endOfTurn();
    this.#turnEnd ??= new Deferred<void>();
    return this.#turnEnd.promise;
  }

  /** Whether bytes wait for the write at the end of this turn, with room for more. */
  get isFilling(): boolean {
    return this.#scheduled && !this.#writing && !this.#outputEnded &&
      this.out.length > 0 && !this.out.full;
  }

  /** Putting bytes into {@linkcode out} failed outside `fill`. */
  fillFailed(error: unknown): void {
    this.#events.failed(error);
  }

  /** Tracks the last frame in the write buffer, to which the peer has to respond. */
  trackLastFrame(): TrackedFrame {
    const frame = this.trackedFrames.create();
    this.frameBuffered(frame);
    return frame;
  }

  /** Records that the last frame in the write buffer is the tracked one. */
  frameBuffered(frame: TrackedFrame): void {
    this.trackedFrames.buffered(frame, this.out.appended);
  }

  /** Stops reading before the next read, so that the peer's socket fills up; or continues. */
  holdReading(hold: boolean): void {
    if (hold) {
      if (this.#paused !== undefined) return;
      this.#readingTimeBefore = this.readingTime;
      this.#paused = new Deferred<void>();
    } else if (this.#paused !== undefined) {
      this.#paused.resolve();
      this.#paused = undefined;
      this.#readingSince = now();
    }
  }

  /** Whether reading is held back. */
  get readingPaused(): boolean {
    return this.#paused !== undefined;
  }

  /** When reading was resumed last, ms of the clock; `undefined` while it is stopped. */
  get readingSince(): number | undefined {
    return this.#paused === undefined ? this.#readingSince : undefined;
  }

  /** Total time that this side has read, ms; time in which reading was paused is not included. */
  get readingTime(): number {
    return this.#readingTimeAt(now());
  }

  #readingTimeAt(time: number): number {
    return this.#paused === undefined
      ? this.#readingTimeBefore + time - this.#readingSince
      : this.#readingTimeBefore;
  }

  /**
   * Ends the connection in an orderly way: writes the bytes that are ready, ends
   * this side's direction, waits for the peer to end its own, and closes the
   * transport. If it were closed with unread bytes, the kernel would reset the
   * connection and drop bytes that the peer has not read.
   *
   * The first wait ends when the transport has taken no byte for `timeout` ms, counted
   * from `begin` (ms of the clock) at the earliest, whatever the peer sends. The last
   * wait ends when no byte has moved in either direction for `timeout` ms, and after
   * `CLOSING_PEER_FACTOR` times as long in any case.
   */
  async finish(timeout: number, begin: number = now()): Promise<void> {
    this.holdReading(false);
    this.flush();
    const since = this.#writing
      ? Math.max(begin, this.#writeBegan, this.trackedFrames.lastWrite)
      : now();
    const drained = await this.outputProgress.unlessStalled(
      timeout,
      this.#drain(),
      since,
    );
    if (drained && !this.#outputEnded) {
      this.#outputEnded = true;
      if (!this.#hasInputEnded || !this.#wire.closesInOrder) {
        // It fails if the peer has already disconnected, which does not matter.
        await within(timeout, this.#wire.closeWrite().catch(() => {}));
      }
      // The peer may keep sending, for example WINDOW_UPDATEs for bytes that it reads.
      if (!this.#hasInputEnded) {
        await within(
          Math.min(timeout * CLOSING_PEER_FACTOR, MAX_DELAY),
          this.progress.unlessStalled(timeout, this.#untilInputEnds()),
        );
      }
    }
    this.close();
  }

  #endFirstWait(): void {
    if (!this.#firstWaits) return;
    this.#firstWaits = false;
    this.#firstWrites?.delete(this);
  }

  #untilInputEnds(): Promise<void> {
    this.#inputEnd = new Deferred<void>();
    return this.#inputEnd.promise;
  }

  /** Ends both directions at once. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#outputEnded = true;
    this.#endFirstWait();
    this.#firstWrites?.connectionEnded();
    this.holdReading(false);
    this.#drained?.resolve();
    this.#inputEnd?.resolve();
    try {
      this.#wire.close();
    } catch {
      // The owner of the transport has already closed it.
    }
  }

  readonly #runScheduled = (): void => {
    this.#scheduled = false;
    this.#turnEnd?.resolve();
    this.#turnEnd = undefined;
    // It was scheduled while the buffer was filled for the pending write.
    if (this.#writing) return;
    const time = now();
    // Checked here because a timer for it would take 2 % of an accept.
    if (time - this.trackedFrames.lastWrite > SILENCE) this.out.reset();
    this.#writersContinue = false;
    if (this.#outputEnded || !this.#fill()) this.#becomeIdle();
    else if (this.#writersContinue && this.out.isFast && !this.out.full) {
      // Writers that have waited for a window continue before the write, which then
      // contains the bytes of all of them. This saves a write for each WINDOW_UPDATE:
      // 5 % of bulk.
      this.#scheduled = true;
      // From a microtask: called here, `atEndOfTurn` would call back before the
      // microtasks of these writers.
      queueMicrotask(() => atEndOfTurn(this.#runScheduled));
    } else this.#write(time);
  };

  /** Writes the bytes of the buffer; `begin` is the time of the clock. */
  async #write(begin: number): Promise<void> {
    this.#writing = true;
    this.#endFirstWait();
    let rest = this.out.view;
    let end = begin;
    this.#writeBegan = begin;
    this.#watchWrite();
    try {
      while (rest.length > 0 && !this.#closed) {
        const size = await this.#wire.send(rest);
        if (size !== rest.length) checkCount("write", size, rest.length);
        if (size === 0) {
          await pause(NOTHING_MOVED);
          continue;
        }
        this.progress.touch();
        this.outputProgress.touch();
        // Reading the clock takes 0.3 us.
        if (this.#hasWaited) end = now();
        this.trackedFrames.written(size, end);
        if (size === rest.length) break;
        rest = rest.subarray(size);
      }
      // A transport may resolve its writes when it is closed, and still read the memory.
      if (this.#closed) this.out.abandon();
      else this.out.clear(end - begin);
    } catch (error) {
      this.out.abandon();
      this.#failOutput(error);
    }
    this.#writing = false;
    if (this.#outputEnded) {
      this.#drained?.resolve();
      return;
    }
    this.collect();
  }

  /** Finds out whether the transport takes the bytes of the pending write at once. */
  async #watchWrite(): Promise<void> {
    this.#hasWaited = false;
    for (let step = 0; step < AT_ONCE && this.#writing; step++) await undefined;
    this.#hasWaited = this.#writing;
  }

  readonly #collect = (): void => {
    this.#collecting = false;
    if (this.#writing || this.#outputEnded) return;
    // Not at once, so that the write includes what this turn still makes ready.
    if (this.out.full || this.#fill()) this.flush();
    else if (!this.#scheduled) this.#becomeIdle();
  };

  /** There is nothing to write. */
  #becomeIdle(): void {
    this.#drained?.resolve();
    if (!this.#outputEnded) this.#events.idle();
  }

  /** Collects what is ready; false if there is nothing. */
  #fill(): boolean {
    try {
      this.#events.fill();
    } catch (error) {
      this.#events.failed(error);
      return false;
    }
    return this.out.length > 0;
  }

  #failOutput(error: unknown): void {
    if (this.#outputEnded) return;
    this.#outputEnded = true;
    this.#events.outputFailed(error);
  }

  readonly #expectsBulk = (): boolean => this.#events.expectsBulk?.() ?? true;

  async #readLoop(): Promise<void> {
    let failure: unknown;
    for (;;) {
      if (this.#paused !== undefined) {
        this.#wire.release?.();
        await this.#paused.promise;
      }
      if (this.#closed) break;
      let data: Uint8Array | null = null;
      try {
        data = await this.#wire.receive(this.#expectsBulk);
      } catch (error) {
        failure = error;
      }
      if (data === null) break;
      if (data.length === 0) {
        await pause(NOTHING_MOVED);
        continue;
      }
      this.progress.touch();
      if (this.#firstWaits) {
        // Frames that have waited are sent first, even before more urgent answers.
        this.#endFirstWait();
        if (this.#fill()) this.flush();
      }
      try {
        const reading = this.#events.input(data);
        if (reading !== undefined) await reading;
      } catch (error) {
        this.#events.failed(error);
      }
    }
    // This side may continue to send for a long time.
    this.#wire.release?.();
    this.#hasInputEnded = true;
    this.#inputEnd?.resolve();
    this.#events.inputEnded(failure);
  }

  async #drain(): Promise<void> {
    if (!this.#scheduled && !this.#writing) return;
    this.#drained = new Deferred<void>();
    await this.#drained.promise;
  }
}
