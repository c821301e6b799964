/**
 * Pairs the streams of a port-forward.
 *
 * @module
 */

import { type Stream, streamCoreOf } from "../../connection/stream/stream.ts";
import { PeerTimer } from "../../connection/time/peer_timer.ts";
import { PROTOCOL_ERROR } from "../../frame/constants.ts";
import { Output } from "../call/ending.ts";
import type { ForwardStreamType } from "../protocol.ts";
import { discard, endLater, outputOf, reply } from "./taking.ts";

/** The connection and port to which a stream belongs, according to its headers. */
export interface StreamPlace {
  /** The id that it shares with the other stream. */
  readonly id: string;
  /** The same in words, for messages. */
  readonly request: string;
  readonly type: ForwardStreamType;
  /** The port in the pod, 1..65535. */
  readonly port: number;
}

/** The two streams of a connection. */
export interface StreamPair {
  readonly data: Stream;
  readonly error: Stream;
  /** Resolves when both replies were sent, or cannot be. */
  readonly replied: Promise<unknown>;
}

interface Half {
  readonly place: StreamPlace;
  readonly stream: Stream;
  readonly replied: Promise<void>;
  readonly timer: PeerTimer | undefined;
  /** Removes the listener for the end of the stream. */
  removeListener: () => void;
}

/** Streams whose other half has not arrived. */
export class HalfPairs {
  readonly #halves = new Map<string, Half>();
  readonly #timeout: number;

  /** `timeout`: longest wait for the other half, ms; 0: no limit. */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /**
   * Adds a stream and replies to it. Returns the pair if it is the second stream,
   * and `undefined` if it waits or if it did not fit and was reset.
   */
  add(stream: Stream, place: StreamPlace): StreamPair | undefined {
    const half = this.#halves.get(place.id);
    if (half === undefined) {
      this.#keep(stream, place);
      return undefined;
    }
    // It is not the other half, but the same type or another port. A container
    // runtime pairs only by the id, so the intended port is unknown.
    if (half.place.type === place.type || half.place.port !== place.port) {
      stream.reset(PROTOCOL_ERROR);
      return undefined;
    }
    this.#forget(half);
    const replied = Promise.all([half.replied, reply(stream)]);
    return place.type === "data"
      ? { data: stream, error: half.stream, replied }
      : { data: half.stream, error: stream, replied };
  }

  /** Stops waiting for all other halves. */
  clear(): void {
    for (const half of this.#halves.values()) this.#forget(half);
  }

  #keep(stream: Stream, place: StreamPlace): void {
    const half: Half = {
      place,
      stream,
      replied: reply(stream),
      timer: this.#timeout === 0 ? undefined : new PeerTimer(
        this.#timeout,
        // The other half may have arrived after bytes that a slow port has not
        // read.
        streamCoreOf(stream),
        () => this.#expire(half),
      ),
      removeListener: () => {},
    };
    this.#halves.set(place.id, half);
    // A half that the client has reset is removed.
    half.removeListener = streamCoreOf(stream).onEnd(() => this.#forget(half));
  }

  #forget(half: Half): void {
    half.timer?.stop();
    half.removeListener();
    this.#halves.delete(half.place.id);
  }

  /** Stops waiting for the other half. */
  #expire(half: Half): void {
    this.#forget(half);
    const { place, stream } = half;
    if (place.type === "data") {
      stream.reset(PROTOCOL_ERROR);
      return;
    }
    const message = `${place.request}: timed out waiting for the data stream`;
    // What the client still sends on it would count against its other connections.
    discard(stream);
    void new Output(outputOf(stream)).finish(message);
    endLater([stream]);
  }
}
