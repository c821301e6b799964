/**
 * The receiving half of a stream: bytes that have arrived and are not read yet.
 *
 * @module
 */

import { concat } from "../../bytes.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { LONG_COUNT } from "../../numbers.ts";
import { Deferred, handled } from "../deferred.ts";
import { ChunkList } from "./chunk_list.ts";
import {
  type ErrorFor,
  ReadableEnd,
  type ReadableSource,
} from "./readable_end.ts";
import { smallCopy } from "./small_copy.ts";

/** Events of the buffer for its stream. */
export interface ReceiveBufferEvents {
  /** The application read `size` bytes, which can be granted to the peer again. */
  consumed(size: number): void;
  /** The application waits for bytes that have not arrived. */
  waits(): void;
  /** The application cancelled reading; `size` bytes were dropped. */
  cancelled(reason: unknown, size: number): void;
}

interface PendingRead {
  readonly buffer: Uint8Array;
  readonly result: Deferred<number | null>;
}

type End =
  | { readonly kind: "finished" }
  | { readonly kind: "taken" }
  | { readonly kind: "failed"; readonly error: unknown };

const FINISHED: End = { kind: "finished" };
const TAKEN: End = { kind: "taken" };

/** The expected number of bytes, and the error for any other number. */
interface Expected {
  readonly length: number;
  readonly wrong: (arrived: string) => unknown;
}

/** Pieces of one read are joined up to this size, bytes: from 128 KiB on, memory is new pages. */
const LARGEST_CHUNK = 65536;

/** Shared by all streams with at most one piece. Nothing is added to it. */
const NO_PIECES: Uint8Array[] = [];

/**
 * Holds chunks until they are read. Bytes count as consumed only when a reader asks for
 * them: the web stream queues nothing (`highWaterMark: 0`).
 *
 * A reader sees a clean end only after it has received every byte up to the peer's
 * FIN. If bytes were dropped, cut off or read elsewhere, it gets an error.
 */
export class ReceiveBuffer implements ReadableSource {
  readonly #events: ReceiveBufferEvents;
  readonly #chunks = new ChunkList();
  #size = 0;
  /** Bytes that arrived and were not dropped, including those already read. */
  #arrived = LONG_COUNT;
  #expected: Expected | undefined;
  /** Set while bytes are dropped; creates the error for a reader. */
  #dropping: (() => unknown) | undefined;
  #end: End | undefined;
  #closed = false;
  /** A pending call of read(). */
  #pending: PendingRead | undefined;
  /** Views of the connection's read buffer: the first one, and the others. */
  #piece: Uint8Array | undefined;
  #morePieces: Uint8Array[] = NO_PIECES;
  /** Index of the next of them. */
  #nextIndex = 0;
  #readable: ReadableEnd | undefined;
  /** Whether the web stream is to have BYOB readers. */
  #hasByobReaders = false;
  /** Set when the web stream is the body of a response. */
  #errorFor: ErrorFor | undefined;
  /** When it aborts, the bytes of a body that were not read are dropped. */
  #signal: AbortSignal | undefined;

  /**
   * The application will get whole chunks, as the body of a response: a copy that shares
   * memory would be copied again for it.
   */
  isTakenWhole = false;

  constructor(events: ReceiveBufferEvents) {
    this.#events = events;
  }

  /** Bytes that have arrived and are not read yet. */
  get size(): number {
    return this.#size;
  }

  /** Bytes that were read. */
  get taken(): number {
    return this.#arrived - this.#size;
  }

  /** Whether a reader waits for bytes. */
  get readerWaits(): boolean {
    return this.#pending !== undefined || this.#isStreamWaiting;
  }

  /** Whether no more bytes are wanted or expected. */
  get ended(): boolean {
    return this.#end !== undefined || this.#closed ||
      this.#dropping !== undefined;
  }

  /** The web stream, created on first use. */
  get readable(): ReadableStream<Uint8Array> {
    return this.#readable?.stream ?? this.#open();
  }

  /**
   * Makes the web stream the body of a response: a byte stream, which also has
   * BYOB readers, and whose errors are converted by `errorFor`. If the application
   * drops it without reading it, it is cancelled after the garbage collector has
   * found it. If `signal` has aborted, reading fails with its reason, even if the
   * end has arrived. Must be called before {@linkcode readable} is first used.
   */
  presentBody(errorFor: ErrorFor, signal?: AbortSignal): void {
    this.#errorFor = errorFor;
    this.#signal = signal;
    this.#hasByobReaders = true;
  }

  /**
   * Makes the web stream a byte stream, which also has BYOB readers. Must be called
   * before {@linkcode readable} is first used.
   */
  presentBytes(): void {
    this.#hasByobReaders = true;
  }

  /** Called when the application has no reference to the body any more. */
  collected(): void {
    this.cancel(undefined);
  }

  /**
   * Adds a piece of the read buffer. Returns true when {@linkcode settle} must be
   * called before the read buffer is reused.
   */
  push(piece: Uint8Array): boolean {
    if (this.ended) {
      if (piece.length > 0) this.#failDropped();
      this.#events.consumed(piece.length);
      return false;
    }
    this.#arrived += piece.length;
    const expected = this.#expected;
    if (expected !== undefined && this.#arrived > expected.length) {
      this.#arrived -= piece.length;
      this.#events.consumed(piece.length);
      this.fail(expected.wrong("more"));
      return false;
    }
    this.#size += piece.length;
    if (this.#piece !== undefined) {
      if (this.#morePieces === NO_PIECES) this.#morePieces = [piece];
      else this.#morePieces.push(piece);
      return false;
    }
    this.#piece = piece;
    return true;
  }

  /**
   * Copies the pieces to a pending read(). True when some pieces are left, which the
   * reader can still get before {@linkcode settle} is called.
   */
  deliver(): boolean {
    const pending = this.#pending;
    if (this.#piece === undefined || pending === undefined) return false;
    this.#pending = undefined;
    const taken = this.#fillFromPieces(pending.buffer, 0);
    this.#size -= taken;
    pending.result.resolve(taken);
    this.#events.consumed(taken);
    return this.#piece !== undefined;
  }

  /**
   * Copies the pieces of one read into chunks: sixteen frames of 16 KiB in 16 us
   * instead of 32, with one object for the garbage collector. They are copied because
   * an application may transfer the buffers that it reads.
   */
  settle(): void {
    this.deliver();
    if (this.#piece === undefined) return;
    if (this.#nextIndex === this.#morePieces.length) {
      const only = this.#piece;
      this.#forgetPieces();
      // A waiting web stream passes the chunk to the application, so it must not share
      // memory. At most one chunk per stream does: more would keep many times their
      // size alive.
      const alone = this.#isStreamWaiting || this.isTakenWhole ||
        !this.#chunks.isEmpty;
      this.#settleChunk(alone ? only.slice() : smallCopy(only));
      return;
    }
    const pieces = [this.#piece, ...this.#morePieces.slice(this.#nextIndex)];
    this.#forgetPieces();
    let first = 0;
    let size = 0;
    for (let index = 0; index < pieces.length; index++) {
      const { length } = pieces[index];
      if (size > 0 && size + length > LARGEST_CHUNK) {
        this.#settleChunk(concat(pieces.slice(first, index)));
        first = index;
        size = 0;
      }
      size += length;
    }
    this.#settleChunk(concat(pieces.slice(first)));
  }

  #settleChunk(chunk: Uint8Array<ArrayBuffer>): void {
    const readable = this.#readable;
    if (readable?.isWaiting) this.#pass(chunk, readable);
    else this.#chunks.keep(chunk);
  }

  #pass(chunk: Uint8Array<ArrayBuffer>, readable: ReadableEnd): void {
    // A byte stream takes over the memory of the chunk, and its length becomes 0.
    const { length } = chunk;
    this.#size -= length;
    readable.enqueue(chunk);
    this.#events.consumed(length);
  }

  /**
   * Reads into `buffer` without a web stream: bytes that arrive while a call is
   * pending are copied only there, which saves the allocation of a 64 KiB chunk (a
   * quarter of the time of a bulk transfer).
   */
  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#readable !== undefined) {
      throw new InvalidArgumentError(
        "read() cannot be used after `readable`: read from `readable`",
      );
    }
    if (this.#pending !== undefined) {
      throw new InvalidArgumentError(
        "another read() of the stream is pending: await it first",
      );
    }
    if (buffer.length === 0) return Promise.resolve(0);
    if (this.#size > 0) {
      const taken = this.#fillFromPieces(buffer, this.#chunks.fill(buffer));
      this.#size -= taken;
      this.#events.consumed(taken);
      return Promise.resolve(taken);
    }
    if (this.#end !== undefined) {
      return this.#end.kind === "finished"
        ? Promise.resolve(null)
        : handled(Promise.reject(errorOf(this.#end)));
    }
    const result = new Deferred<number | null>();
    this.#pending = { buffer, result };
    this.#events.waits();
    return result.promise;
  }

  /** Whether exactly `length` bytes and the end have arrived. */
  isWhole(length: number): boolean {
    return this.#end === FINISHED && this.#arrived === length;
  }

  /**
   * Sets the expected number of bytes. If more or fewer arrive, reading fails after
   * the received bytes with the error that `wrong` creates.
   */
  expect(length: number, wrong: (arrived: string) => unknown): void {
    this.#expected = { length, wrong };
    const finished = this.#end === FINISHED;
    if (this.#closed || this.#end !== undefined && !finished) return;
    this.#end = undefined;
    if (this.#arrived > length) this.fail(wrong("more"));
    else if (finished) this.finish();
  }

  /** The peer sent FIN; bytes that have arrived can still be read. */
  finish(): void {
    this.settle();
    const expected = this.#expected;
    if (this.#end !== undefined) return;
    if (
      expected !== undefined && this.#arrived < expected.length &&
      this.#dropping === undefined && !this.#closed
    ) {
      const arrived = this.#arrived === 0 ? "0" : `only ${this.#arrived}`;
      this.fail(expected.wrong(arrived));
      return;
    }
    this.#end = FINISHED;
    if (this.#size === 0 && !this.#mayAbort) this.#close();
  }

  /** Ends the half with an error, which a reader gets after the bytes that have arrived. */
  fail(error: unknown): void {
    this.settle();
    this.#end ??= { kind: "failed", error };
    if (this.#size === 0) this.#close();
  }

  /**
   * All bytes in one array, if the end has arrived and the web stream was not created;
   * otherwise `undefined`. They count as consumed. Any other reader then gets an
   * error, unless there were no bytes.
   */
  takeAll(): Uint8Array<ArrayBuffer> | undefined {
    if (
      this.#end?.kind !== "finished" || this.#closed ||
      this.#readable !== undefined || this.#chunks.isBegun
    ) return undefined;
    const size = this.#size;
    if (size === 0) {
      this.#closed = true;
      return new Uint8Array(0);
    }
    this.#end = TAKEN;
    const bytes = this.#chunks.all();
    this.#drop();
    this.#events.consumed(size);
    return bytes;
  }

  /**
   * Drops all bytes, also later ones. With the first dropped byte, reading fails with
   * the error that `reason` creates.
   */
  discard(reason: () => unknown): void {
    if (this.#closed || this.#end?.kind === "failed") return;
    this.#dropping ??= reason;
    const dropped = this.#drop();
    if (dropped === 0) return;
    this.#failDropped();
    this.#events.consumed(dropped);
  }

  #failDropped(): void {
    const reason = this.#dropping;
    if (reason === undefined) return;
    this.#dropping = undefined;
    this.#end = { kind: "failed", error: reason() };
    this.#close();
  }

  /** Drops all bytes and fails at once. */
  abort(error: unknown): void {
    if (this.#closed) return;
    const dropped = this.#drop();
    if (this.#end?.kind !== "failed") this.#end = { kind: "failed", error };
    this.#close();
    if (dropped > 0) this.#events.consumed(dropped);
  }

  /** Copies as many bytes of the pieces as fit, and keeps the rest. */
  #fillFromPieces(buffer: Uint8Array, offset: number): number {
    let taken = offset;
    let piece = this.#piece;
    while (piece !== undefined && taken < buffer.length) {
      const room = buffer.length - taken;
      if (piece.length <= room) {
        buffer.set(piece, taken);
        taken += piece.length;
        piece = this.#nextPiece();
      } else {
        buffer.set(piece.subarray(0, room), taken);
        taken += room;
        piece = piece.subarray(room);
      }
    }
    this.#piece = piece;
    return taken;
  }

  #nextPiece(): Uint8Array | undefined {
    if (this.#nextIndex < this.#morePieces.length) {
      return this.#morePieces[this.#nextIndex++];
    }
    this.#forgetPieces();
    return undefined;
  }

  #forgetPieces(): void {
    this.#piece = undefined;
    this.#morePieces = NO_PIECES;
    this.#nextIndex = 0;
  }

  #open(): ReadableStream<Uint8Array> {
    if (this.#pending !== undefined) {
      throw new InvalidArgumentError(
        "`readable` cannot be used while a read() of the stream is pending: await it first",
      );
    }
    const readable = new ReadableEnd(
      this,
      this.#hasByobReaders,
      this.#errorFor,
    );
    this.#readable = readable;
    // An object that was made in this turn has not been collected.
    const stream = readable.stream as ReadableStream<Uint8Array>;
    if (this.#closed) readable.close();
    else if (this.#end !== undefined && this.#size === 0 && !this.#mayAbort) {
      this.#close();
    }
    if (!this.#closed) readable.watch();
    return stream;
  }

  /**
   * Whether the end of an empty body must wait for a reader: if the signal aborts before,
   * reading fails.
   */
  get #mayAbort(): boolean {
    return this.#signal !== undefined && this.#readable !== undefined &&
      this.#end === FINISHED && !this.#readable.isWaiting;
  }

  get #isStreamWaiting(): boolean {
    return this.#readable !== undefined && this.#readable.isWaiting;
  }

  /** Called when a reader of the web stream waits. */
  pull(readable: ReadableEnd): void {
    // While the stream is open, the signal resets it, which drops the bytes. After that,
    // the signal is checked here. A listener would keep a body alive that the application
    // has dropped.
    if (this.#signal?.aborted) {
      this.abort(this.#signal.reason);
      return;
    }
    if (this.#chunks.isEmpty) {
      if (this.#end === undefined) this.#events.waits();
      else this.#close();
      return;
    }
    this.#pass(this.#chunks.shift(), readable);
    if (this.#size === 0 && this.#end !== undefined) this.#close();
  }

  /** Called when the application cancels the web stream. */
  cancel(reason: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#readable?.unwatch();
    this.#events.cancelled(reason, this.#drop());
  }

  #drop(): number {
    const dropped = this.#size;
    this.#chunks.drop();
    this.#forgetPieces();
    this.#size = 0;
    return dropped;
  }

  /** Closes or fails the web stream, if it exists, and a pending read(). */
  #close(): void {
    const pending = this.#pending;
    this.#pending = undefined;
    const whole = this.#end === FINISHED;
    const error = whole ? undefined : errorOf(this.#end);
    if (whole) pending?.result.resolve(null);
    else pending?.result.reject(error);
    if (this.#closed || this.#readable === undefined) return;
    this.#closed = true;
    if (whole) this.#readable.close();
    else this.#readable.error(error);
  }
}

/** The error for a reader when the half did not end cleanly. */
function errorOf(end: End | undefined): unknown {
  return end?.kind === "failed" ? end.error : new InvalidArgumentError(
    "the bytes of the stream are the body of its Request or Response: read them there",
  );
}
