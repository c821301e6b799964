/**
 * A peer of a link row that runs in Deno, with client and server in this process:
 * `subject.ts PEER ROW PORT VIA`, with the row as JSON. The client connects to the port
 * `VIA`, which may be that of a relay.
 *
 * @module
 */

import { connect, serve } from "../../mod.ts";
import { run } from "./load.mjs";

const [peer, row, port, via] = Deno.args;
const hostname = "127.0.0.1";
const body = new Uint8Array(1024).fill(120);
const chunk = Uint8Array.from({ length: 65_536 }, (_, index) => index % 251);
const onServerBytes = new Map<string, (size: number) => void>();

async function handle(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname === "/down") return new Response(endless());
  if (!pathname.startsWith("/up")) return new Response(body.slice());
  const onBytes = onServerBytes.get(pathname);
  for await (const data of request.body ?? []) onBytes?.(data.length);
  return new Response();
}

function endless(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    pull: (controller) => controller.enqueue(chunk),
  }, { highWaterMark: 0 });
}

type Init = RequestInit & { pri?: number; duplex?: "half" };
type Fetch = (url: string, init: Init) => Promise<Response>;

async function open(): Promise<Fetch> {
  const onListen = (): void => {};
  if (peer === "http1") {
    Deno.serve({ hostname, port: Number(port), onListen }, handle);
    const client = Deno.createHttpClient({ http2: false });
    return (url, { pri: _, ...init }) => fetch(url, { ...init, client });
  }
  serve({ hostname, port: Number(port), onListen }, handle);
  const connection = await connect({ hostname, port: Number(via) });
  return connection.fetch;
}

const ask = await open();
const origin = `http://${hostname}:${via}`;
let uploads = 0;
const result = await run({
  async small(pri: number): Promise<void> {
    await (await ask(`${origin}/`, { pri })).arrayBuffer();
  },
  async bulk(
    direction: string,
    pri: number,
    onBytes: (size: number) => void,
  ): Promise<() => void> {
    const controller = new AbortController();
    const { signal } = controller;
    if (direction === "up") {
      const path = `/up${uploads++}`;
      onServerBytes.set(path, onBytes);
      const body = endless();
      ask(origin + path, { method: "POST", body, duplex: "half", pri, signal })
        .catch(() => {});
    } else {
      const response = await ask(`${origin}/down`, { pri, signal });
      (async () => {
        for await (const data of response.body ?? []) onBytes(data.length);
      })().catch(() => {});
    }
    return () => controller.abort();
  },
}, JSON.parse(row));
console.log(JSON.stringify(result));
Deno.exit(0);
