/**
 * A server of this module or of Deno, in a process of its own. It prints its
 * port, and for each line of its input what it has used so far.
 *
 *     deno run -A bench/programs/server.ts spdy|http1
 *
 * It uses TLS if the variables `CERT` and `KEY` are set (PEM).
 *
 * @module
 */

import process from "node:process";
import { PROTO_SPDY3_1, serve } from "../../mod.ts";

const PIECE = crypto.getRandomValues(new Uint8Array(64 * 1024));
const PIECES = 16;

const cert = Deno.env.get("CERT");
const key = Deno.env.get("KEY");
const tls = cert !== undefined && key !== undefined ? { cert, key } : undefined;
const address = { hostname: "127.0.0.1", port: 0, onListen: () => {} };

async function handle(request: Request): Promise<Response> {
  if (request.url.endsWith("/down")) return new Response(manyPieces());
  if (!request.url.endsWith("/up")) return new Response("hello");
  let size = 0;
  for await (const chunk of request.body ?? []) size += chunk.length;
  return new Response(String(size));
}

function manyPieces(): ReadableStream<Uint8Array> {
  let left = PIECES;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(PIECE);
      if (--left === 0) controller.close();
    },
  }, { highWaterMark: 0 });
}

function listen(): Deno.Addr {
  if (Deno.args[0] === "http1") {
    return tls === undefined
      ? Deno.serve(address, handle).addr
      : Deno.serve({ ...address, ...tls }, handle).addr;
  }
  return tls === undefined
    ? serve({ ...address, version: PROTO_SPDY3_1 }, handle).addr
    : serve({ ...address, ...tls }, handle).addr;
}

console.log((listen() as Deno.NetAddr).port);
const line = new Uint8Array(16);
while (await Deno.stdin.read(line) !== null) {
  const { user, system } = process.cpuUsage();
  const { rss } = Deno.memoryUsage();
  console.log(JSON.stringify({ rss, cpu: user + system }));
}
Deno.exit(0);
