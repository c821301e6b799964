/**
 * The sending half of a stream: bytes that the application wrote and the session has
 * not taken yet.
 *
 * @module
 */

import { InvalidArgumentError } from "../../errors.ts";
import { makeList } from "../../frame/pair.ts";
import { LONG_COUNT } from "../../numbers.ts";
import { isDetached } from "../../values.ts";
import { Deferred, LazyPromise } from "../deferred.ts";
import { smallCopy } from "./small_copy.ts";

/** Events and requests of the buffer for its stream. */
export interface SendBufferEvents {
  /** There is something to send: bytes or the end. */
  ready(): void;
  /** Sends a chunk at once if that is possible; true if it did. */
  sendNow?(chunk: Uint8Array): boolean;
  /** A chunk for which a writer waits was accepted, so the writer may have another one. */
  writerContinues?(): void;
  /** The application aborted writing. */
  aborted(reason: unknown): void;
}

/** The connection's memory for bytes that are copied from writers. */
export interface SendMemory {
  /** Reserves memory for `size` bytes; false if there is no room. */
  reserve(size: number): boolean;
  /** Releases reserved memory. */
  release(size: number): void;
}

/** A position among the bytes of a stream: after everything written so far. */
export interface Place {
  /**
   * Number of bytes before it; `undefined` while chunks before it are in the queue
   * of the web stream.
   */
  at: number | undefined;
  /** Number of such chunks. */
  queuedBefore: number;
}

/**
 * A chunk up to this size, bytes, is copied and its write resolves at once while the
 * connection has room: small messages written one after another then share a DATA
 * frame, which also carries the FIN.
 */
const SMALL_CHUNK = 4096;

/** Small chunks are joined up to this size, bytes. */
const LARGEST_TAIL = 16384;

// Shared by all streams without chunks or places, because a list takes 32 bytes.
// Nothing is added to these two.
const NO_CHUNKS: Uint8Array[] = [];
const NO_PLACES: Place[] = [];

/**
 * Holds chunks until the session takes them. A chunk above {@linkcode SMALL_CHUNK} is
 * not copied: its write resolves when its last byte is in the connection's write
 * buffer.
 */
export class SendBuffer {
  readonly #events: SendBufferEvents;
  readonly #memory: SendMemory;
  /** A list of its own once there is a chunk. */
  #chunks: Uint8Array[] = NO_CHUNKS;
  #first = 0;
  /** Bytes of the first chunk that the session took. */
  #offset = 0;
  #size = 0;
  #reserved = 0;
  /** Bytes taken from the application, including those that were sent. */
  #written = LONG_COUNT;
  /** Chunks in the queue of the web stream that were written before the end. */
  #inQueue = 0;
  /** Positions that have chunks of that queue before them. */
  #places: Place[] = NO_PLACES;
  /** Memory of the last chunk, if that is a copy with room for more. */
  #tail: Uint8Array | undefined;
  #ending = false;
  /** Whether trailers end this half: it accepts no more bytes, and its DATA has no FIN. */
  #sealed = false;
  #ended = false;
  #error: { readonly reason: unknown } | undefined;
  /** The writable end is being aborted. */
  #aborting = false;
  #accepted: Deferred<void> | undefined;
  readonly #finished = new LazyPromise<void>();
  #writable: WritableStream<Uint8Array> | undefined;
  #controller: WritableStreamDefaultController | undefined;

  constructor(events: SendBufferEvents, memory: SendMemory) {
    this.#events = events;
    this.#memory = memory;
  }

  /** Number of waiting bytes. */
  get size(): number {
    return this.#size;
  }

  /** Number of waiting bytes of small chunks, whose writes have resolved. */
  get accepted(): number {
    return this.#reserved;
  }

  /** Whether no bytes wait, here or in the queue of the web stream. */
  get idle(): boolean {
    return this.#size === 0 && this.#inQueue === 0;
  }

  /** Whether a writer waits until its chunk is taken. */
  get writerWaits(): boolean {
    return this.#accepted !== undefined;
  }

  /** Whether the application has written its last byte. */
  get ending(): boolean {
    return this.#ending || this.#sealed;
  }

  /** Whether FIN may be sent with the bytes that wait here, because none follow. */
  get complete(): boolean {
    return this.#ending && this.#inQueue === 0;
  }

  /** Whether FIN was sent, or the half failed. */
  get ended(): boolean {
    return this.#ended || this.#error !== undefined;
  }

  /** Throws the error of this half, if it has failed. */
  check(): void {
    if (this.#error !== undefined) throw this.#error.reason;
  }

  /** The web stream, created on first use. */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= this.#open();
  }

  /**
   * Takes a chunk. The promise resolves when the chunk is in the connection's write
   * buffer; `undefined` means that it was copied. Throws when this half has ended.
   */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#error === undefined && this.ending) {
      throw new InvalidArgumentError(
        "this side has already ended its half of the stream",
      );
    }
    this.#checkChunk(chunk);
    return this.#put(chunk);
  }

  #checkChunk(chunk: Uint8Array): void {
    // A `Proxy` of an array passes the first check only.
    const isBytes = chunk instanceof Uint8Array && ArrayBuffer.isView(chunk);
    if (!isBytes || isDetached(chunk)) {
      const error = new InvalidArgumentError(
        isBytes
          ? "the chunk is a view into a buffer that was transferred"
          : `a stream takes Uint8Array chunks, not ${typeof chunk}`,
      );
      // The exception below errors the web stream, which then does not call abort().
      this.#events.aborted(error);
      throw error;
    }
    this.check();
  }

  #add(chunk: Uint8Array): void {
    if (this.#chunks === NO_CHUNKS) this.#chunks = makeList(chunk);
    else this.#chunks.push(chunk);
  }

  #put(chunk: Uint8Array): Promise<void> | undefined {
    if (chunk.length === 0) {
      this.#events.ready();
      return undefined;
    }
    const small = chunk.length <= SMALL_CHUNK &&
      this.#memory.reserve(chunk.length);
    this.#written += chunk.length;
    const isAll = this.#size === 0 && !this.#ending;
    if (!small && isAll && this.#events.sendNow?.(chunk)) {
      // Without a promise: see `SendScheduler.sendNow`.
      this.check();
      return undefined;
    }
    this.#size += chunk.length;
    if (small) {
      this.#reserved += chunk.length;
      this.#appendCopy(chunk);
      this.#events.ready();
      return undefined;
    }
    this.#add(withFixedLength(chunk));
    this.#tail = undefined;
    this.#accepted ??= new Deferred<void>();
    this.#events.ready();
    return this.#accepted.promise;
  }

  /** Ends this half; resolves when the FIN has been sent. */
  end(): Promise<void> {
    return this.endLazily().promise;
  }

  /** The same as {@linkcode end}, for a caller that needs no promise. */
  endLazily(): LazyPromise<void> {
    if (this.#error !== undefined) throw this.#error.reason;
    if (!this.#ending) {
      this.#ending = true;
      this.#events.ready();
    }
    return this.#finished;
  }

  /** Trailers follow the bytes written so far: no more bytes are taken. */
  seal(): void {
    this.#sealed = true;
  }

  /** The trailers could not be sent: this half can end without them. */
  unseal(): void {
    this.#sealed = false;
  }

  /** The position after everything written so far. */
  place(): Place {
    const queuedBefore = this.#inQueue;
    if (queuedBefore === 0) return { at: this.#written, queuedBefore };
    const place: Place = { at: undefined, queuedBefore };
    if (this.#places === NO_PLACES) this.#places = [place];
    else this.#places.push(place);
    return place;
  }

  /** Bytes that are sent before a position. */
  before({ at }: Place): number {
    if (at === undefined) return Infinity;
    return at - (this.#written - this.#size);
  }

  /**
   * The next bytes, at most `length`; a view into what the application wrote. If its
   * buffer was transferred or made smaller in the meantime, the stream is aborted.
   */
  take(length: number): Uint8Array {
    if (this.#first === this.#chunks.length) return EMPTY;
    const chunk = this.#chunks[this.#first];
    // A chunk is never empty; a view that its buffer does not contain has no length.
    if (chunk.length === 0) {
      const error = new InvalidArgumentError(
        "the buffer of a chunk was transferred or made smaller before the chunk was sent: wait until its write() resolves",
      );
      this.fail(error);
      this.#events.aborted(error);
      return EMPTY;
    }
    const end = Math.min(this.#offset + length, chunk.length);
    const view = chunk.subarray(this.#offset, end);
    this.#size -= view.length;
    if (end < chunk.length) {
      this.#offset = end;
    } else {
      this.#offset = 0;
      this.#first++;
      if (this.#first === this.#chunks.length) this.#emptied();
    }
    return view;
  }

  /** FIN was sent. */
  finish(): void {
    if (this.ended) return;
    this.#ended = true;
    this.#ending = true;
    if (this.#size > 0) {
      this.#drop(
        new InvalidArgumentError(
          "this side ended its half of the stream before all written bytes were sent",
        ),
      );
    }
    this.#finished.resolve();
  }

  /** Nothing more can be sent: pending and later writes reject with `reason`. */
  fail(reason: unknown): void {
    if (this.ended) return;
    this.#error = { reason };
    this.#drop(reason);
    this.#finished.reject(reason);
    // During an abort() this would make the abort() reject.
    if (!this.#aborting) this.#controller?.error(reason);
  }

  /** Drops the waiting bytes. */
  #drop(reason: unknown): void {
    this.#chunks = NO_CHUNKS;
    this.#first = 0;
    this.#size = 0;
    this.#tail = undefined;
    this.#release();
    this.#accepted?.reject(reason);
    this.#accepted = undefined;
  }

  #open(): WritableStream<Uint8Array> {
    const writable = new WritableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        // The sink's abort() would wait for the pending write, which may wait for a
        // window that never opens.
        const { signal } = controller;
        signal.addEventListener("abort", () => {
          this.#aborting = true;
          this.#abort(signal.reason);
        });
      },
      write: (chunk) => this.#writeFromQueue(chunk),
      close: () => {
        // Chunks that were written after the close are refused, but were counted if
        // earlier writes were still waiting.
        this.#queueIsEmpty();
        const finished = this.end();
        // An end before this one may have waited for chunks that were refused.
        if (!this.ended) this.#events.ready();
        return finished;
      },
      abort: (reason) => this.#abort(reason),
    }, {
      highWaterMark: 1,
      // Called by the writer's write() at once, before the sink, so it counts the
      // chunks in the web stream's queue.
      size: () => {
        // A chunk written after the end is refused later, so the end does not wait
        // for it.
        if (!this.ending) this.#inQueue++;
        return 1;
      },
    });
    if (this.#error !== undefined) this.#controller?.error(this.#error.reason);
    return writable;
  }

  /** Takes a chunk from the queue of the web stream. */
  #writeFromQueue(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#inQueue === 0) return this.write(chunk);
    this.#checkChunk(chunk);
    this.#inQueue--;
    // First, because the chunk may be sent at once, and headers wait for its place.
    this.#passPlaces(this.#written + chunk.length);
    return this.#put(chunk);
  }

  /** The queue of the web stream is empty. */
  #queueIsEmpty(): void {
    this.#inQueue = 0;
    for (const place of this.#places) place.at = this.#written;
  }

  /** The places directly after the next chunk are at `at`. */
  #passPlaces(at: number): void {
    if (this.#places.length === 0) return;
    for (const place of this.#places) {
      if (--place.queuedBefore === 0) place.at = at;
    }
    this.#places = this.#places.filter(({ at }) => at === undefined);
  }

  /** Copies a small chunk, into the memory of the last one if that was small as well. */
  #appendCopy(chunk: Uint8Array): void {
    const last = this.#chunks.length - 1;
    if (this.#tail === undefined) {
      // Only one chunk of a stream shares memory: more would keep many times their size
      // alive. Not slice(), which copies nothing for a node `Buffer`.
      const isFirst = this.#first === this.#chunks.length;
      this.#tail = isFirst ? smallCopy(chunk) : new Uint8Array(chunk);
      this.#add(this.#tail);
      return;
    }
    const length = this.#chunks[last].length;
    const end = length + chunk.length;
    if (end > this.#tail.length) {
      const grown = new Uint8Array(Math.max(end * 2, 1024));
      grown.set(this.#chunks[last]);
      this.#tail = grown;
    }
    this.#tail.set(chunk, length);
    this.#chunks[last] = this.#tail.subarray(0, end);
    if (end >= LARGEST_TAIL) this.#tail = undefined;
  }

  #abort(reason: unknown): void {
    if (!this.ended) this.#events.aborted(reason);
  }

  #emptied(): void {
    this.#chunks = NO_CHUNKS;
    this.#first = 0;
    this.#tail = undefined;
    this.#release();
    if (this.#accepted === undefined) return;
    this.#accepted.resolve();
    this.#accepted = undefined;
    this.#events.writerContinues?.();
  }

  #release(): void {
    const size = this.#reserved;
    this.#reserved = 0;
    if (size > 0) this.#memory.release(size);
  }
}

const EMPTY = new Uint8Array(0);

/** The same bytes; the length of the view does not follow the size of its buffer. */
function withFixedLength(chunk: Uint8Array): Uint8Array {
  const { buffer } = chunk;
  const changes = buffer instanceof ArrayBuffer
    ? buffer.resizable
    : (buffer as SharedArrayBuffer).growable;
  return changes ? chunk.subarray(0, chunk.length) : chunk;
}
