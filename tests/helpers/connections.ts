/**
 * Pairs of connected connections, for tests.
 *
 * @module
 */

import type { ConnectionTuning } from "../../connection/options.ts";
import type {
  ByteStreams,
  Transport,
} from "../../connection/transport/transport.ts";
import { PROTO_SPDY3_1, type ProtocolVersion } from "../../frame/constants.ts";
import { Connection } from "../../http/connection.ts";
import { CLIENT, SERVER } from "../../session/constants.ts";

/** How the two sides of a pair are set up. */
export interface PairOptions {
  readonly version?: ProtocolVersion;
  readonly both?: ConnectionTuning;
  readonly client?: ConnectionTuning;
  readonly server?: ConnectionTuning;
}

/** A client and a server that talk to each other; disposing of it closes both. */
export interface Pair extends AsyncDisposable {
  readonly client: Connection;
  readonly server: Connection;
}

/** A pair over loopback TCP. */
export async function tcpPair(options: PairOptions = {}): Promise<Pair> {
  const [left, right] = await tcpConns();
  return pairOver(left, right, options);
}

/** Two ends of one loopback TCP connection. */
export async function tcpConns(): Promise<[Deno.TcpConn, Deno.TcpConn]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  return await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port }),
    listener.accept(),
  ]);
}

/** A pair over two in-memory pipes. */
export function memoryPair(options: PairOptions = {}): Pair {
  const [left, right] = memoryStreams();
  return pairOver(left, right, options);
}

/** Two ends of an in-memory byte pipe. */
export function memoryStreams(): [ByteStreams, ByteStreams] {
  const up = new TransformStream<Uint8Array, Uint8Array>();
  const down = new TransformStream<Uint8Array, Uint8Array>();
  return [
    { readable: down.readable, writable: up.writable },
    { readable: up.readable, writable: down.writable },
  ];
}

/** A client on `left` and a server on `right`. */
export function pairOver(
  left: Transport,
  right: Transport,
  options: PairOptions,
): Pair {
  const { version = PROTO_SPDY3_1, both } = options;
  const server = new Connection(right, {
    ...both,
    ...options.server,
    side: SERVER,
    version,
  });
  const client = new Connection(left, {
    ...both,
    ...options.client,
    side: CLIENT,
    version,
  });
  return {
    client,
    server,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([client.close(), server.close()]);
    },
  };
}
