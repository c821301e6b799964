/**
 * A session on a transport: streams, promises and clocks over `Session`.
 *
 * @module
 */

import { ConnectionCore } from "./connection/connection_core.ts";
import { attempt, handled } from "./connection/deferred.ts";
import {
  type ConnectionOptions,
  resolveOptions,
} from "./connection/options.ts";
import { createStream, type Stream } from "./connection/stream.ts";
import { isConn, openWire, type Transport } from "./connection/transport.ts";
import { GOAWAY_OK, type ProtocolVersion } from "./frame/constants.ts";
import type { NameValue, SettingsEntry } from "./frame/types.ts";
import type { Session } from "./session.ts";

/** The core behind a {@linkcode RawConnection}; for the layers of this module and tests. */
export let coreOf: (connection: RawConnection) => ConnectionCore;

/** What {@linkcode RawConnection.openStream} takes besides headers. */
export interface OpenStreamOptions {
  /** Priority, 0 (highest) to 3 (SPDY/2) or 7; default 0. */
  readonly pri?: number;
  /** This side sends nothing after the SYN_STREAM; default false. */
  readonly fin?: boolean;
  /** The stream it belongs to, 0 for none; from a client always 0. */
  readonly assocStreamId?: number;
  /** The peer sends nothing on it; default false. */
  readonly unidirectional?: boolean;
  /** Gives the stream up: before it left `openStream` rejects with the signal's reason, afterwards it is reset with CANCEL. */
  readonly signal?: AbortSignal;
}

/**
 * A SPDY session on a transport: streams without HTTP. `Connection`, which
 * `connect` and `accept` make, adds `fetch` to it; a program that needs no HTTP
 * takes this class from `@spdy/spdy/connection` and loads none of it.
 *
 * Iterating over it gives the streams that the peer opened; it ends with the
 * connection, with an error when that ended badly.
 *
 * @example A server and a client on loopback TCP
 * ```ts
 * import { acceptRaw, connectRaw } from "@spdy/spdy/connection";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const { port } = listener.addr as Deno.NetAddr;
 *
 * async function serve(): Promise<void> {
 *   await using connection = await acceptRaw(await listener.accept());
 *   for await (const stream of connection) {
 *     await stream.reply([["answered", "yes"]]);
 *     await stream.readable.pipeTo(stream.writable);
 *   }
 * }
 * const served = serve();
 *
 * await using connection = await connectRaw({ port });
 * const stream = await connection.openStream([["service", "echo"]]);
 * const writer = stream.writable.getWriter();
 * writer.write(new TextEncoder().encode("multiplexed"));
 * writer.close();
 * assertEquals(await new Response(stream.readable).text(), "multiplexed");
 * await connection.goaway();
 * await served;
 * ```
 */
export class RawConnection implements AsyncDisposable, AsyncIterable<Stream> {
  readonly #core: ConnectionCore;

  static {
    coreOf = (connection) => connection.#core;
  }

  /** The peer's address; `undefined` where the transport has none. */
  readonly remoteAddr: Deno.Addr | undefined;
  /** This side's address; `undefined` where the transport has none. */
  readonly localAddr: Deno.Addr | undefined;

  /**
   * Starts a session on `transport`, which it owns from then on.
   *
   * Throws `InvalidArgumentError` when an option is out of its range,
   * `UnsupportedVersionError` for a version that is none.
   */
  constructor(transport: Transport, options: ConnectionOptions) {
    // Checked first: a transport is not touched for options that cannot be.
    const resolved = resolveOptions(options);
    this.#core = new ConnectionCore(openWire(transport), resolved);
    if (isConn(transport)) {
      this.remoteAddr = transport.remoteAddr;
      this.localAddr = transport.localAddr;
    }
  }

  /** The protocol version spoken. */
  get version(): ProtocolVersion {
    return this.#core.options.version;
  }

  /** `CLIENT` or `SERVER`. */
  get side(): 1 | 2 {
    return this.#core.options.side;
  }

  /** The server's scheme, host and port, on a client that was told; see `ConnectionTuning`. */
  get origin(): string | undefined {
    return this.#core.options.origin;
  }

  /**
   * The session underneath, for what has no name here. What is submitted on it
   * leaves with the connection's next write.
   */
  get session(): Session {
    return this.#core.session;
  }

  /**
   * Resolves when the connection has ended in order, rejects with the reason
   * when it ended otherwise.
   */
  get closed(): Promise<void> {
    return this.#core.closed.promise;
  }

  /** Whether streams can be opened: not closed, and no GOAWAY sent or received. */
  get accepting(): boolean {
    return this.#core.accepting;
  }

  /** SETTINGS values this side announced, by id. */
  get settings(): ReadonlyMap<number, number> {
    return this.#core.ownSettings;
  }

  /** SETTINGS values the peer announced, by id. */
  get peerSettings(): ReadonlyMap<number, number> {
    return this.#core.peerSettings;
  }

  /**
   * Opens a stream. Resolves when its SYN_STREAM is on its way; that waits for
   * the peer's MAX_CONCURRENT_STREAMS, the most urgent stream first.
   *
   * Rejects with `InvalidArgumentError` when headers or priority are wrong, with
   * the signal's reason when it aborts first, with `ConnectionClosedError` when
   * the connection takes no more streams (`unprocessed` is then true).
   */
  openStream(
    nv: NameValue[],
    options: OpenStreamOptions = {},
  ): Promise<Stream> {
    return attempt(() => this.#open(nv, options));
  }

  /**
   * Streams that the peer opened, in the order in which they came. What is
   * pushed for a `fetch` without `onPush` is among them once an iterator has
   * been asked for, and is refused before.
   */
  [Symbol.asyncIterator](): AsyncIterator<Stream, undefined> {
    const { incoming } = this.#core;
    incoming.asked = true;
    return { next: () => this.#core.accept() };
  }

  /**
   * Sends a PING; resolves to the round trip in ms.
   *
   * Rejects with `ConnectionClosedError` when the connection ends first, with
   * `SpdyError` when too many PINGs wait (`limits.maxOutstandingPings`).
   */
  ping(): Promise<number> {
    return handled(this.#core.ping());
  }

  /**
   * Sends SETTINGS. `flags` may be `FLAG_SETTINGS_CLEAR_SETTINGS` on a server.
   *
   * Throws `InvalidArgumentError` for an id outside 1..8 or given twice.
   */
  sendSettings(entries: SettingsEntry[], flags: number = 0): void {
    this.#core.sendSettings(flags, entries);
  }

  /**
   * Sends GOAWAY: no side opens streams any more, those under way go on, and
   * with the last of them the connection ends. The promise settles as
   * {@linkcode closed} does.
   */
  goaway(statusCode: number = GOAWAY_OK): Promise<void> {
    return this.#core.goaway(statusCode);
  }

  /**
   * Ends the connection: what was accepted for sending leaves together with a
   * GOAWAY, open streams fail, the transport closes. Resolves when it has;
   * never rejects. A peer that takes nothing delays it by `closeTimeout` at
   * most.
   */
  close(): Promise<void> {
    return this.#core.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #open(nv: NameValue[], options: OpenStreamOptions): Promise<Stream> {
    return this.#core.open({
      headers: nv,
      pri: options.pri ?? 0,
      fin: options.fin ?? false,
      unidirectional: options.unidirectional ?? false,
      associatedStreamId: options.assocStreamId ?? 0,
      signal: options.signal,
    }, createStream);
  }
}
