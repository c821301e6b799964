/**
 * A stream as the application sees it.
 *
 * @module
 */

import { InvalidArgumentError } from "../errors.ts";
import { CANCEL } from "../frame/constants.ts";
import type { NameValue } from "../frame/types.ts";
import { attempt, handled } from "./deferred.ts";
import type { HeadersHandler } from "./trailers.ts";
import type { PushOptions, StreamCore } from "./stream_core.ts";

export type { HeadersHandler } from "./trailers.ts";
export type { PushOptions } from "./stream_core.ts";

const WRITTEN = Promise.resolve();

/** What {@linkcode Stream.reply} and {@linkcode Stream.sendHeaders} take besides headers. */
export interface SendHeadersOptions {
  /** This side sends nothing after it; default false. */
  readonly fin?: boolean;
}

/** Makes a {@linkcode Stream} of its state; for the layers of this module. */
export let createStream: (state: StreamCore) => Stream;
/** The state behind a {@linkcode Stream}; for the layers of this module. */
export let stateOf: (stream: Stream) => StreamCore;

/**
 * One stream of a connection, with web streams on both ends, or read and written directly, as a `Deno.Conn`. Got from
 * `Connection.openStream`, from iterating over a connection, or from
 * {@linkcode Stream.push}.
 *
 * Both directions are back-pressured. The peer gets credit for what was read
 * from `readable`, so a reader that stops stops the sender. A write to
 * `writable` resolves when its bytes went into the connection's send buffer.
 * Do not change a chunk before its write has resolved.
 *
 * No promise of a stream hangs: when the stream or the connection ends early,
 * each rejects with a `StreamResetError` or `ConnectionClosedError` that says
 * why. A promise that nobody awaits causes no unhandled rejection.
 *
 * @example An echo over one stream
 * ```ts
 * import { CLIENT, Connection, PROTO_SPDY3_1, SERVER } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const up = new TransformStream<Uint8Array, Uint8Array>();
 * const down = new TransformStream<Uint8Array, Uint8Array>();
 * const version = PROTO_SPDY3_1;
 * await using server = new Connection(
 *   { readable: up.readable, writable: down.writable },
 *   { side: SERVER, version },
 * );
 * await using client = new Connection(
 *   { readable: down.readable, writable: up.writable },
 *   { side: CLIENT, version },
 * );
 * (async () => {
 *   for await (const stream of server) {
 *     await stream.reply([["x", "1"]]);
 *     await stream.readable.pipeTo(stream.writable);
 *   }
 * })();
 *
 * const stream = await client.openStream([["name", "echo"]]);
 * const writer = stream.writable.getWriter();
 * writer.write(new TextEncoder().encode("hello"));
 * writer.close();
 * assertEquals(await stream.response, [["x", "1"]]);
 * assertEquals(await new Response(stream.readable).text(), "hello");
 * assertEquals(await stream.closed, 0);
 * ```
 */
export class Stream {
  readonly #state: StreamCore;

  static {
    createStream = (state) => new Stream(state);
    stateOf = (stream) => stream.#state;
  }

  private constructor(state: StreamCore) {
    this.#state = state;
  }

  /** Stream id, 1..2^31-1; odd when the client opened it. */
  get id(): number {
    return this.#state.id;
  }

  /** Headers of the SYN_STREAM. */
  get headers(): NameValue[] {
    return this.#state.origin.headers;
  }

  /** Priority, 0 (highest) to 3 (SPDY/2) or 7. */
  get pri(): number {
    return this.#state.origin.pri;
  }

  /** The stream this one belongs to, 0 for none. */
  get associatedStreamId(): number {
    return this.#state.origin.associatedStreamId;
  }

  /** Whether only the side that opened it may send. */
  get unidirectional(): boolean {
    return this.#state.origin.unidirectional;
  }

  /**
   * What the peer sends. Closes with the peer's FIN. Cancelling it before that
   * resets the stream with CANCEL, or with the status of a `StreamResetError`
   * given as the reason. After a reset by the peer or the end of the connection
   * it first gives what had come, then the error.
   */
  get readable(): ReadableStream<Uint8Array> {
    return this.#state.receiveBuffer.readable;
  }

  /**
   * What goes to the peer. Closing it sends FIN. Aborting it resets the stream
   * with CANCEL, or with the status of a `StreamResetError` given as the
   * reason, also while a write waits. On a stream that the peer opened, nothing
   * leaves before {@linkcode reply}.
   *
   * The `signal` of a `pipeTo` waits for the write under way, as the Streams
   * standard has it (it does so with a `Deno.Conn`, too): when the peer does
   * not read, {@linkcode reset}, or the signal given to `openStream`, ends
   * both.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.#state.sendBuffer.writable;
  }

  /**
   * Reads what came into `buffer`, as `Deno.Conn.read` does: resolves to the
   * number of bytes, 1 to its length, or to `null` at the peer's end. The same
   * bytes as {@linkcode readable} gives, without a chunk allocated for them; use
   * one or the other.
   *
   * Rejects with `InvalidArgumentError` while another read waits or when
   * `readable` is in use, and as reading from `readable` does.
   *
   * @example
   * ```ts
   * import type { Stream } from "@spdy/spdy";
   *
   * async function count(stream: Stream): Promise<number> {
   *   const buffer = new Uint8Array(65536);
   *   let total = 0;
   *   for (;;) {
   *     const size = await stream.read(buffer);
   *     if (size === null) return total;
   *     total += size;
   *   }
   * }
   * ```
   */
  read(buffer: Uint8Array): Promise<number | null> {
    try {
      return this.#state.receiveBuffer.read(buffer);
    } catch (error) {
      return handled(Promise.reject(error));
    }
  }

  /**
   * Sends all of `chunk`, as a writer of {@linkcode writable} does, without
   * making that: resolves when the bytes went into the connection's send
   * buffer. Await it, or keep the number of writes under way small: nothing
   * else bounds what waits.
   *
   * Rejects as writing to `writable` does.
   *
   * @example
   * ```ts
   * import type { Stream } from "@spdy/spdy";
   *
   * async function send(stream: Stream, text: string): Promise<void> {
   *   await stream.write(new TextEncoder().encode(text));
   *   await stream.closeWrite();
   * }
   * ```
   */
  write(chunk: Uint8Array): Promise<void> {
    try {
      return this.#state.sendBuffer.write(chunk) ?? WRITTEN;
    } catch (error) {
      return handled(Promise.reject(error));
    }
  }

  /**
   * Ends this side's half, behind everything written; resolves when the end is
   * on its way.
   */
  closeWrite(): Promise<void> {
    return attempt(() => this.#state.sendBuffer.end());
  }

  /**
   * Headers of the peer's SYN_REPLY. Rejects on a stream that the peer opened
   * and on a pushed one, which have none.
   */
  get response(): Promise<NameValue[]> {
    return this.#state.awaits(this.#state.response);
  }

  /**
   * All headers of the peer's HEADERS frames, once its half has ended; empty
   * when there were none. To have them as they come, set
   * {@linkcode onheaders}.
   */
  get trailers(): Promise<NameValue[]> {
    return this.#state.awaits(this.#state.trailers);
  }

  /**
   * Called with each HEADERS frame of the peer: its headers, and whether it
   * ended the peer's half. Setting it calls it at once with those that came
   * before.
   */
  get onheaders(): HeadersHandler | undefined {
    return this.#state.onHeaders;
  }

  set onheaders(handler: HeadersHandler | undefined) {
    this.#state.onHeaders = handler;
  }

  /**
   * How the stream ended: 0 when both halves ended in order, else the status of
   * the RST_STREAM. Rejects when the connection ended first.
   */
  get closed(): Promise<number> {
    return this.#state.awaits(this.#state.closed);
  }

  /**
   * Sends SYN_REPLY on a stream that the peer opened; resolves when it is on
   * its way. With `fin` this side's half ends: behind what was written before
   * the reply, or with the reply itself.
   *
   * Rejects with `InvalidArgumentError` when headers are wrong or the stream
   * takes no (second) reply, with `StreamResetError` when it has ended.
   */
  reply(
    nv: NameValue[],
    { fin = false }: SendHeadersOptions = {},
  ): Promise<void> {
    return attempt(() => this.#state.reply(nv, fin));
  }

  /**
   * Sends HEADERS after what was written before, and before what is written
   * later; resolves when they are on their way. With `fin` they are trailers and end this side's half.
   *
   * Rejects as {@linkcode reply} does, and when this side's half has ended.
   */
  sendHeaders(
    nv: NameValue[],
    { fin = false }: SendHeadersOptions = {},
  ): Promise<void> {
    return attempt(() => this.#state.sendHeaders(nv, fin));
  }

  /**
   * Opens a unidirectional stream that belongs to this one (server push, SPDY/3
   * draft 2.6.1, 3.3). Write its body to its `writable`. Only a server's peer
   * takes it.
   */
  push(nv: NameValue[], options: PushOptions = {}): Promise<Stream> {
    return attempt(() => this.#state.push(nv, options, createStream));
  }

  /**
   * Ends the stream at once with RST_STREAM; default CANCEL. What came and was
   * not read is dropped, and everything pending rejects. Does nothing on a
   * stream that has ended.
   *
   * Throws `InvalidArgumentError` when `statusCode` is no whole number from 1 to
   * 2^32-1 (SPDY/3 draft 2.6.3).
   */
  reset(statusCode: number = CANCEL): void {
    if (
      !Number.isInteger(statusCode) || statusCode < 1 || statusCode > 0xffffffff
    ) {
      throw new InvalidArgumentError(
        `status ${statusCode} of an RST_STREAM is not a whole number from 1 to 4294967295`,
      );
    }
    this.#state.reset(statusCode);
  }
}
