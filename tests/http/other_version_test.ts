/** Client and server that were started with different versions of SPDY. */

import { connectRaw } from "../../connection/mod.ts";
import { connect } from "../../http/connect.ts";
import { serve } from "../../http/server/serve.ts";
import {
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
} from "../../frame/constants.ts";
import { assertRejects, assertStringIncludes } from "../deps.ts";
import { versionName } from "../helpers/version_name.ts";

const PAIRS: [ProtocolVersion, ProtocolVersion, string, string][] = [
  [
    PROTO_SPDY2,
    PROTO_SPDY3_1,
    "the server speaks SPDY/3 or SPDY/3.1, but this side speaks SPDY/2",
    "the client speaks SPDY/2, but this side speaks SPDY/3.1",
  ],
  [
    PROTO_SPDY3,
    PROTO_SPDY2,
    "the server speaks SPDY/2, but this side speaks SPDY/3:",
    "the client speaks SPDY/3 or SPDY/3.1, but this side speaks SPDY/2",
  ],
  [
    PROTO_SPDY3_1,
    PROTO_SPDY2,
    "the server speaks SPDY/2, but this side speaks SPDY/3.1",
    "the client speaks SPDY/3 or SPDY/3.1, but this side speaks SPDY/2",
  ],
];

/** A server of one version. */
function serverOf(version: ProtocolVersion): {
  readonly port: number;
  /** Resolves to the first error of a connection. */
  readonly error: Promise<unknown>;
} & AsyncDisposable {
  const error = Promise.withResolvers<unknown>();
  const server = serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen() {},
    version,
    onConnectionError: error.resolve,
  }, () => new Response("not sent"));
  return {
    port: (server.addr as Deno.NetAddr).port,
    error: error.promise,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

for (const [own, other, onClient, onServer] of PAIRS) {
  const name = `client ${versionName(own)}, server ${versionName(other)}`;
  Deno.test(`other version: the errors of both sides name both versions, ${name}`, async () => {
    await using server = serverOf(other);
    await using connection = await connect({
      port: server.port,
      version: own,
    });
    const error = await assertRejects(
      () => connection.fetch("/", { method: "POST", body: "x".repeat(10_000) }),
      TypeError,
    );
    assertStringIncludes(error.message, onClient);
    assertStringIncludes(String(await server.error), onServer);
  });

  Deno.test(`other version: a client that sends nothing gets the same error, ${name}`, async () => {
    await using server = serverOf(other);
    await using connection = await connectRaw({
      port: server.port,
      version: own,
    });
    const error = await assertRejects(() => connection.closed);
    assertStringIncludes(String(error), onClient);
    assertStringIncludes(String(await server.error), onServer);
  });
}
