/**
 * Opens own streams: within the peer's limit, in order of priority, each with
 * a way to be given up.
 *
 * @module
 */

import { CANCEL, INITIAL_MAX_CONCURRENT_STREAMS } from "../frame/constants.ts";
import type { SynStreamFrame } from "../frame/types.ts";
import type { Session } from "../session.ts";
import { deferred } from "./deferred.ts";
import { OpenQueue } from "./open_queue.ts";
import type { StreamState } from "./stream_state.ts";

interface Opening {
  readonly state: StreamState;
  readonly flags: number;
  readonly opened: PromiseWithResolvers<StreamState>;
  readonly signal: AbortSignal | undefined;
  given: boolean;
}

/** Own streams from the wish to the SYN_STREAM on its way. */
export class Opener {
  readonly #session: Session;
  readonly #queue = new OpenQueue<Opening>();
  /** Submitted to the session, not sent yet. */
  readonly #submitted = new Map<StreamState, Opening>();
  /** Own streams submitted or open. */
  #open = 0;
  #limit = INITIAL_MAX_CONCURRENT_STREAMS;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Streams that were asked for and have not left. */
  get waiting(): number {
    return this.#queue.size + this.#submitted.size;
  }

  /** The peer's MAX_CONCURRENT_STREAMS changed. */
  set limit(value: number) {
    this.#limit = value;
    this.#submitNext();
  }

  /** Resolves when the SYN_STREAM is on its way and the stream has its id. */
  open(
    state: StreamState,
    flags: number,
    signal: AbortSignal | undefined,
  ): Promise<StreamState> {
    signal?.throwIfAborted();
    const opening: Opening = {
      state,
      flags,
      opened: deferred<StreamState>(),
      signal,
      given: false,
    };
    if (this.#open < this.#limit && this.#queue.size === 0) {
      this.#submit(opening);
    } else {
      this.#queue.push(state.origin.pri, opening);
    }
    if (signal !== undefined) this.#watch(opening, signal);
    return opening.opened.promise;
  }

  /** The SYN_STREAM got its id. */
  numbered(frame: SynStreamFrame): StreamState | undefined {
    const state = this.#session.getStreamUserData(frame.streamId);
    if (!this.#isSubmitted(state)) return undefined;
    state.id = frame.streamId;
    return state;
  }

  /** The SYN_STREAM left. */
  sent(state: StreamState): void {
    const opening = this.#submitted.get(state);
    if (opening === undefined) return;
    this.#submitted.delete(state);
    opening.given = true;
    opening.opened.resolve(state);
    if (opening.signal?.aborted) state.reset(CANCEL, opening.signal.reason);
  }

  /** The SYN_STREAM could not leave. */
  notSent(state: StreamState, error: unknown): void {
    const opening = this.#submitted.get(state);
    if (opening === undefined) return;
    this.#submitted.delete(state);
    this.#open--;
    state.failed(error);
    opening.opened.reject(error);
    this.#submitNext();
  }

  /** An own stream is closed. */
  closed(): void {
    this.#open--;
    this.#submitNext();
  }

  /** Gives up what has not been submitted. */
  failQueued(error: unknown): void {
    for (;;) {
      const opening = this.#queue.shift();
      if (opening === undefined) return;
      opening.state.failed(error);
      opening.opened.reject(error);
    }
  }

  /** Gives up everything that has not left. */
  fail(error: unknown): void {
    this.failQueued(error);
    for (const { state, opened } of this.#submitted.values()) {
      state.failed(error);
      opened.reject(error);
    }
    this.#submitted.clear();
  }

  #isSubmitted(state: unknown): state is StreamState {
    return this.#submitted.has(state as StreamState);
  }

  #submitNext(): void {
    while (this.#open < this.#limit) {
      const opening = this.#queue.shift();
      if (opening === undefined) return;
      try {
        this.#submit(opening);
      } catch (error) {
        opening.state.failed(error);
        opening.opened.reject(error);
      }
    }
  }

  #submit(opening: Opening): void {
    const { state, flags } = opening;
    const { origin } = state;
    this.#session.submitSynStream(
      flags,
      origin.associatedStreamId,
      origin.pri,
      origin.headers,
      state,
    );
    this.#open++;
    this.#submitted.set(state, opening);
  }

  #watch(opening: Opening, signal: AbortSignal): void {
    const { state } = opening;
    const onAbort = (): void => {
      if (opening.given) {
        state.reset(CANCEL, signal.reason);
        return;
      }
      // A SYN_STREAM in the session's queue cannot be taken back: it is reset when it leaves.
      opening.opened.reject(signal.reason);
      if (this.#queue.delete(state.origin.pri, opening)) {
        state.failed(signal.reason);
      }
    };
    signal.addEventListener("abort", onAbort, { once: true });
    state.onEnd = () => signal.removeEventListener("abort", onAbort);
  }
}
