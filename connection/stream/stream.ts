/**
 * The public class of a stream.
 *
 * @module
 */

import { CANCEL } from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import { checkWhole } from "../../numbers.ts";
import { checkNames, type Names } from "../../values.ts";
import type { HeadersHandler } from "../buffers/trailers.ts";
import { attempt, handled } from "../deferred.ts";
import { customizeInspect } from "./inspect.ts";
import type { StreamCore } from "./stream_core.ts";
import { PUSH_NAMES, type PushOptions } from "./stream_init.ts";

export type { HeadersHandler } from "../buffers/trailers.ts";
export type { PushOptions } from "./stream_init.ts";

const WRITTEN = Promise.resolve();

/**
 * The options of {@linkcode Stream.reply} and {@linkcode Stream.sendHeaders}.
 *
 * @category Connection
 */
export interface SendHeadersOptions {
  /** This side sends nothing after these headers; default false. */
  readonly fin?: boolean;
}

const SEND_NAMES: Names<SendHeadersOptions> = { fin: true };

/** Creates a {@linkcode Stream} from its core; for other layers of this package. */
export let createStream: (core: StreamCore) => Stream;
/** The core of a {@linkcode Stream}; for other layers of this package. */
export let streamCoreOf: (stream: Stream) => StreamCore;

/**
 * One stream of a connection. Use its web streams, or read and write it directly
 * like a `Deno.Conn`. `Connection.openStream`, iterating over a connection, and
 * {@linkcode Stream.push} create streams.
 *
 * Both directions have back-pressure. The peer may send more only after the
 * application has read from `readable`, so a reader that stops also stops the
 * sender. A write to `writable` resolves when its bytes are in the connection's
 * send buffer. Do not change a chunk before its write has resolved.
 *
 * When the stream or the connection ends early, every pending promise of the stream
 * rejects with a `StreamResetError` or `ConnectionClosedError` that says why. A
 * promise that nobody awaits causes no unhandled rejection.
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
 *
 * @category Connection
 */
export class Stream {
  readonly #core: StreamCore;

  static {
    createStream = (core) => new Stream(core);
    streamCoreOf = (stream) => stream.#core;
    customizeInspect(Stream.prototype, inspectStream);
  }

  private constructor(core: StreamCore) {
    this.#core = core;
  }

  /** Stream id, 1..2^31-1; odd when the client opened it. */
  get id(): number {
    return this.#core.id;
  }

  /** Headers of the SYN_STREAM. */
  get headers(): NameValue[] {
    return this.#core.init.headers;
  }

  /** Priority, 0 (highest) to 3 (SPDY/2) or 7. */
  get pri(): number {
    return this.#core.init.pri;
  }

  /** The id of the associated stream, 0 for none: the `assocStreamId` of its SYN_STREAM. */
  get associatedStreamId(): number {
    return this.#core.init.associatedStreamId;
  }

  /** Whether only the side that opened it may send. */
  get unidirectional(): boolean {
    return this.#core.init.unidirectional;
  }

  /**
   * The bytes that the peer sends. Closes with the peer's FIN. Cancelling it before
   * that resets the stream with CANCEL, or with the status of the
   * `StreamResetError` passed as the reason. After a reset by the peer or the end
   * of the connection it yields the bytes that had arrived, then the error.
   */
  get readable(): ReadableStream<Uint8Array> {
    return this.#core.receiveBuffer.readable;
  }

  /**
   * The bytes to send to the peer. Closing it sends FIN. Aborting it resets the
   * stream with CANCEL, or with the status of the `StreamResetError` passed as the
   * reason, even while a write is pending. On a stream that the peer opened,
   * nothing is sent before {@linkcode reply}.
   *
   * When the `signal` of a `pipeTo` aborts, the pipe first waits for the pending
   * write, as the Streams standard requires (also with a `Deno.Conn`). When the peer
   * does not read, use {@linkcode reset} or the signal of `openStream` to end both.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.#core.sendBuffer.writable;
  }

  /**
   * Reads received bytes into `buffer`, as `Deno.Conn.read` does: resolves to the
   * number of bytes, 1 to the length of `buffer`, or to `null` after the peer's FIN.
   * Reads the same bytes as {@linkcode readable}, without allocating chunks; use one
   * or the other.
   *
   * Rejects with `InvalidArgumentError` while another read is pending or when
   * `readable` is in use, and otherwise as reading from `readable` does.
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
      return this.#core.receiveBuffer.read(buffer);
    } catch (error) {
      return handled(Promise.reject(error));
    }
  }

  /**
   * Sends all of `chunk`, like a writer of {@linkcode writable}, but without creating
   * a web stream. Resolves when the bytes are in the connection's send buffer. Await
   * it, or keep the number of pending writes small: nothing else limits the memory
   * that they hold.
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
      return this.#core.sendBuffer.write(chunk) ?? WRITTEN;
    } catch (error) {
      return handled(Promise.reject(error));
    }
  }

  /**
   * Ends this side's half after everything written; resolves when the FIN has been
   * sent.
   */
  closeWrite(): Promise<void> {
    return attempt(() => this.#core.sendBuffer.end());
  }

  /**
   * Headers of the peer's SYN_REPLY. Rejects on a stream that the peer opened and on
   * a unidirectional one, because they have none.
   */
  get response(): Promise<NameValue[]> {
    return this.#core.promiseOf(this.#core.response);
  }

  /**
   * All headers of the peer's HEADERS frames, once its half has ended; empty when
   * there were none. To get them as they arrive, set {@linkcode onHeaders}.
   */
  get trailers(): Promise<NameValue[]> {
    return this.#core.promiseOf(this.#core.trailers);
  }

  /**
   * Called for each HEADERS frame of the peer, with its headers and whether it ended
   * the peer's half. Setting the handler calls it at once for earlier frames.
   */
  get onHeaders(): HeadersHandler | undefined {
    return this.#core.onHeaders;
  }

  set onHeaders(handler: HeadersHandler | undefined) {
    this.#core.onHeaders = handler;
  }

  /** @deprecated Until 1.0: the former name of {@linkcode Stream.onHeaders}. */
  get onheaders(): HeadersHandler | undefined {
    return this.onHeaders;
  }

  set onheaders(handler: HeadersHandler | undefined) {
    this.onHeaders = handler;
  }

  /**
   * How the stream ended: 0 when both halves ended cleanly, otherwise the status of
   * the RST_STREAM. Rejects when the connection ended first.
   */
  get closed(): Promise<number> {
    return this.#core.promiseOf(this.#core.closed);
  }

  /**
   * Sends SYN_REPLY on a stream that the peer opened; resolves when it has been sent.
   * With `fin` this side's half ends: with the reply itself, or after the bytes that
   * were written before the reply.
   *
   * Rejects with `InvalidArgumentError` when headers are invalid, when the stream
   * already has a reply, or when it cannot have one; and with `StreamResetError`
   * when it has ended.
   */
  reply(
    nv: NameValue[],
    options: SendHeadersOptions = {},
  ): Promise<void> {
    return attempt(() => {
      checkNames("reply", options, SEND_NAMES);
      return this.#core.sender.reply(nv, options.fin ?? false);
    });
  }

  /**
   * Sends HEADERS after the bytes written before and before those written later;
   * resolves when the frame has been sent. With `fin` the headers are trailers and
   * end this side's half.
   *
   * Rejects as {@linkcode reply} does, and when this side's half has ended.
   */
  sendHeaders(
    nv: NameValue[],
    options: SendHeadersOptions = {},
  ): Promise<void> {
    return attempt(() => {
      checkNames("sendHeaders", options, SEND_NAMES);
      return this.#core.sender.sendHeaders(nv, options.fin ?? false);
    });
  }

  /**
   * Opens a unidirectional stream that is associated with this one (server push,
   * SPDY/3 draft 2.6.1, 3.3). Write its body to its `writable`. Only clients accept
   * pushes.
   */
  push(nv: NameValue[], options: PushOptions = {}): Promise<Stream> {
    return attempt(() => {
      checkNames("push", options, PUSH_NAMES);
      return this.#core.push(nv, options, createStream);
    });
  }

  /**
   * Ends the stream at once with RST_STREAM; the default status is CANCEL. Unread
   * bytes are dropped, and all pending promises reject. Does nothing on a stream that
   * has ended.
   *
   * Throws `InvalidArgumentError` when `statusCode` is not a whole number from 1 to
   * 2^32-1 (SPDY/3 draft 2.6.3).
   */
  reset(statusCode: number = CANCEL): void {
    this.#core.reset(checkWhole("statusCode", statusCode, 1, 0xffffffff));
  }
}

/** The description of a stream for printing. */
function inspectStream(stream: Stream): object {
  const { id, init, ended, failure, remoteEnded, sendBuffer, receiveBuffer } =
    streamCoreOf(stream);
  return {
    id,
    state: failure !== undefined ? "failed" : ended ? "closed" : "open",
    opener: init.own ? "local" : "remote",
    pri: init.pri,
    sending: !sendBuffer.ended,
    receiving: !remoteEnded,
    unsent: sendBuffer.size,
    unread: receiveBuffer.size,
  };
}
