/**
 * npm's spdy-transport 3.0.0, with types for what tests and benchmarks use. Most
 * servers for browsers at the time of SPDY used it, because node-spdy is based on
 * it.
 *
 * Properties of that version, for each of which its users here have a workaround:
 *
 * - `headerCompression: true` is needed: without it, a stored block that does not
 * fit into one output chunk makes its `obuf` fail.
 * - `:method` and `:path` are required in every SYN_STREAM, and `:status` in a
 * push; it adds `:version`, `:scheme` and `:host` itself.
 * - A GET ends at once: it cannot have a body.
 * - SPDY/2: it has windows as in SPDY/3, sends WINDOW_UPDATE and waits for it, so
 * a correct peer in SPDY/2 must raise `initial_window_size` by SETTINGS. Its
 * GOAWAY has 8 bytes as in SPDY/3, and it expects 8 bytes. It writes the priority
 * into three bits instead of two.
 * - Its pushes lack the UNIDIRECTIONAL flag, so our client must accept streams of
 * the server (`acceptServerStreams`).
 * - It forgets a stream when FIN is queued, not when it is sent. It answers a
 * WINDOW_UPDATE that arrives in between with RST_STREAM INVALID_STREAM, which it
 * sends before the last DATA. This happens between two of its own ends as well.
 * Our client therefore grants it windows that need no WINDOW_UPDATE.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { Duplex, Readable, Transform } from "node:stream";
import transport from "npm:spdy-transport@3.0.0";

/** Versions as spdy-transport spells them. */
export type TransportVersion = 2 | 3 | 3.1;

/** Headers in the form that spdy-transport uses; several values are an array. */
export type TransportHeaders = Record<string, string | string[]>;

/** The options of a request or a push. */
export interface TransportRequest {
  readonly method: string;
  readonly path: string;
  readonly host?: string;
  readonly headers?: TransportHeaders;
  /** For a push only: the status and headers of the response. */
  readonly status?: number;
  readonly response?: TransportHeaders;
}

/** A stream: a node Duplex of the body. */
export interface TransportStream extends Duplex {
  readonly id: number;
  readonly method: string;
  readonly path: string;
  readonly headers: TransportHeaders;
  respond(
    status: number,
    headers: TransportHeaders,
    callback?: (error: Error | null) => void,
  ): void;
  sendHeaders(headers: TransportHeaders): void;
  abort(code?: string): void;
  pushPromise(
    request: TransportRequest,
    callback: (error: Error | null, stream: TransportStream) => void,
  ): void;
}

/** A connection. */
export interface TransportConnection {
  on(event: "stream", listener: (stream: TransportStream) => void): this;
  on(event: "error" | "close", listener: (error?: Error) => void): this;
  on(event: "ping", listener: (opaque: Uint8Array) => void): this;
  on(event: "frame", listener: (frame: { type: string }) => void): this;
  start(version: TransportVersion): void;
  request(
    request: TransportRequest,
    callback?: (error: Error | null, stream: TransportStream) => void,
  ): TransportStream;
  ping(callback: () => void): void;
  end(callback?: () => void): void;
}

/** The part of a connection that makes frames; a Readable of their bytes. */
export interface TransportFramer extends Readable {
  requestFrame(
    frame: TransportRequest & { readonly id: number; readonly fin: boolean },
    callback: () => void,
  ): void;
}

interface Codec {
  setCompression(pair: object): void;
  setVersion(version: TransportVersion): void;
}

interface Transport {
  readonly protocol: {
    readonly spdy: {
      readonly compressionPool: {
        create(compression: boolean): { get(version: number): object };
      };
      readonly framer: { create(options: object): TransportFramer & Codec };
      readonly parser: { create(options: object): Transform & Codec };
    };
  };
  readonly connection: {
    create(
      socket: Duplex | Socket,
      options: {
        readonly protocol: "spdy";
        readonly isServer: boolean;
        readonly headerCompression: boolean;
        readonly windowSize?: number;
      },
    ): TransportConnection;
  };
}

/** The framer by itself, without a connection. */
export function createFramer(version: TransportVersion): TransportFramer {
  const { protocol }: Transport = transport;
  return prepared(
    protocol.spdy.framer.create({
      window: { send: { update() {} } },
      timeout: { reset() {} },
    }),
    version,
  );
}

/** The parser by itself: a Transform of bytes into frames. */
export function createParser(version: TransportVersion): Transform {
  const { protocol }: Transport = transport;
  return prepared(
    protocol.spdy.parser.create({
      isServer: true,
      window: { recv: { update() {} } },
    }),
    version,
  );
}

function prepared<T extends Codec>(codec: T, version: TransportVersion): T {
  const { protocol }: Transport = transport;
  codec.setCompression(
    protocol.spdy.compressionPool.create(true).get(version),
  );
  codec.setVersion(version);
  return codec;
}

/** Creates a connection on a socket and starts it. */
export function startTransport(
  socket: Duplex | Socket,
  isServer: boolean,
  version: TransportVersion,
  windowSize?: number,
): TransportConnection {
  const { connection }: Transport = transport;
  const started = connection.create(socket, {
    protocol: "spdy",
    isServer,
    headerCompression: true,
    windowSize,
  });
  started.start(version);
  return started;
}
