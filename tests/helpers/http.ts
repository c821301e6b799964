/**
 * A server and a connection to it, for tests.
 *
 * @module
 */

import { coreOf, type RawConnection } from "../../connection.ts";
import type { ConnectOptions } from "../../connection/connect.ts";
import type { Stream } from "../../connection/stream/stream.ts";
import {
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
} from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import { connect } from "../../http/connect.ts";
import type { Connection } from "../../http/connection.ts";
import { serve } from "../../http/server/serve.ts";
import { handleStream } from "../../http/server/server_exchange.ts";
import type {
  ServeHandler,
  ServeTcpOptions,
  SpdyServer,
} from "../../http/server/serve_options.ts";
import { assert, assertRejects, toText } from "../deps.ts";

/** All versions. */
export const VERSIONS: readonly ProtocolVersion[] = [
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
];

/** A running server and one client's connection to it; disposing of it ends both. */
export interface HttpPair extends AsyncDisposable {
  readonly server: SpdyServer<Deno.NetAddr>;
  readonly client: Connection;
}

/** Serves on a free port of loopback TCP and connects to it. */
export async function httpPair(
  handler: ServeHandler<Deno.NetAddr>,
  serving: ServeTcpOptions = {},
  connecting: ConnectOptions = {},
): Promise<HttpPair> {
  const server = serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
    ...serving,
  }, handler);
  const client = await connect({
    hostname: "127.0.0.1",
    port: server.addr.port,
    version: serving.version,
    ...connecting,
  });
  return {
    server,
    client,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await server.shutdown();
    },
  };
}

/** The headers of an ordinary request, which tests change. */
export const REQUEST: readonly NameValue[] = [
  [":host", "localhost"],
  [":method", "GET"],
  [":path", "/"],
  [":scheme", "http"],
  [":version", "HTTP/1.1"],
];

/** The headers of an ordinary response, which tests change. */
export const RESPONSE: readonly NameValue[] = [
  [":status", "200"],
  [":version", "HTTP/1.1"],
];

/** Value of a header in a list. */
export function valueOf(
  nv: readonly NameValue[],
  name: string,
): string | undefined {
  return nv.find((pair) => pair[0] === name)?.[1];
}

/** Waits for the next stream that the peer opens. */
export async function nextStream(connection: Connection): Promise<Stream> {
  const result = await connection[Symbol.asyncIterator]().next();
  if (result.done) throw new Error("the connection ended without a stream");
  return result.value;
}

/** Writes a body and ends it. */
export async function writeBody(stream: Stream, text: string): Promise<void> {
  const writer = stream.writable.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
}

/** Reads a body as text. */
export function readBody(stream: Stream): Promise<string> {
  return toText(stream.readable);
}

/** Silences `console.error`, and records its arguments. */
export function captureErrors(): { readonly logged: unknown[][] } & Disposable {
  const original = console.error;
  const logged: unknown[][] = [];
  console.error = (...args: unknown[]) => {
    logged.push(args);
  };
  return {
    logged,
    [Symbol.dispose]: () => {
      console.error = original;
    },
  };
}

/**
 * Asserts that a fetch, or the reading of its response, fails as the Fetch standard
 * says: with a `TypeError`, whose message must contain the text. Returns its cause,
 * which must be of the class.
 */
export async function assertFetchFails<E extends Error>(
  work: () => PromiseLike<unknown>,
  // deno-lint-ignore no-explicit-any
  causeClass: abstract new (...args: any[]) => E,
  text = "",
): Promise<E> {
  const { cause } = await assertRejects(work, TypeError, text);
  assert(cause instanceof causeClass, `${cause} is no ${causeClass.name}`);
  return cause as E;
}

/** Answers the streams of a connection with `handler`, without a server. */
export async function answerStreams(
  connection: RawConnection,
  handler: ServeHandler,
): Promise<void> {
  const peer = {
    remoteAddr: { transport: "unix", path: "" },
    version: connection.version,
  } as const;
  const onError = (): Response => new Response(null, { status: 500 });
  const host = { handler, onError };
  for await (const stream of coreOf(connection).incoming) {
    handleStream(stream, peer, host, () => {});
  }
}
