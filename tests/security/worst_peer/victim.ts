/**
 * A program whose memory a peer tries to use up: `serve`, or a client with many
 * requests. `worst_peer_test.ts` runs it, and asks for figures on its standard
 * input. The port is on its standard output, or the argument after the role.
 *
 * @module
 */

import { connect, type ProtocolVersion, serve } from "../../../mod.ts";

const [role, version, port] = Deno.args;
const options = {
  hostname: "127.0.0.1",
  version: Number(version) as ProtocolVersion,
};
/** The reader of one body keeps up until this many bytes have arrived, and then stops. */
const KEPT_UP = 24 << 20;

const kept: unknown[] = [];

async function readFor(body: ReadableStream<Uint8Array> | null): Promise<void> {
  let size = 0;
  const reader = body?.getReader();
  while (reader !== undefined && size < KEPT_UP) {
    const { value, done } = await reader.read();
    if (done) break;
    size += value.length;
  }
  kept.push(reader);
}

function answerNever(): Promise<Response> {
  return new Promise(() => {});
}

if (role === "serve") {
  const server = serve({ ...options, port: 0, onListen() {} }, (request) => {
    // Work that does not depend on the client, and so continues after it has
    // disconnected.
    kept.push(request);
    kept.push([...request.headers].length);
    if (request.url.endsWith("/grow")) readFor(request.body);
    return answerNever();
  });
  console.log(server.addr.port);
} else {
  const connection = await connect({ ...options, port: Number(port) });
  for (let count = 0; count < 100; count++) {
    connection.fetch(count === 0 ? "/grow" : "/").then((response) => {
      kept.push(response);
      if (count === 0) readFor(response.body);
    }, () => {});
  }
  console.log(0);
}

const { gc } = globalThis as unknown as { gc(): void };
const line = new Uint8Array(16);
while (await Deno.stdin.read(line) !== null) {
  for (let count = 0; count < 4; count++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    gc();
  }
  const { heapUsed, external } = Deno.memoryUsage();
  console.log(JSON.stringify({ held: heapUsed + external }));
}
Deno.exit(0);
