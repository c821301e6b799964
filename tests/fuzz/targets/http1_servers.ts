/**
 * Everything that reads HTTP/1.1 from a port, in a process of its own. It prints
 * a line of JSON with the ports, and runs until its input ends.
 *
 * @module
 */

import { proxy } from "../../../cli/proxy.ts";
import { serve } from "../../../http/server/serve.ts";
import { serveStreaming } from "../../../kubernetes/mod.ts";
import { makeCertificate } from "../../helpers/certificate.ts";

/** The first line that the process prints. */
export interface Started {
  readonly caCert: string;
  readonly servers: readonly Listening[];
}

/** One server. */
export interface Listening {
  readonly kind: "serve" | "streaming" | "spdy proxy" | "http proxy";
  readonly tls: boolean;
  readonly port: number;
}

const LOOPBACK = { hostname: "127.0.0.1", port: 0, onListen() {} };
/** Short, so that a wait for it is noticed; long enough for a correct client on a busy machine. */
const PATIENCE = 5000;

async function main(): Promise<void> {
  const { caCert, ...certificate } = await makeCertificate();
  const servers: Listening[] = [];
  for (const tls of [false, true]) {
    const secure = tls ? certificate : {};
    const spdy = serve(
      { ...LOOPBACK, ...secure, upgrade: true, handshakeTimeout: PATIENCE },
      async (request) => new Response(await request.text() || "here"),
    );
    servers.push({ kind: "serve", tls, port: spdy.addr.port });
    const streaming = serveStreaming({
      ...secure,
      headTimeout: PATIENCE,
      streamCreationTimeout: PATIENCE,
      exec: async ({ stdin, stdout }) => await stdin.pipeTo(stdout),
      attach: async () => {},
      portForward: async ({ readable, writable }) =>
        await readable.pipeTo(writable),
      fetch: async (request) => new Response(await request.text() || "here"),
      onError: () => {
        throw new Error("a callback that throws ends nothing");
      },
    });
    servers.push({ kind: "streaming", tls, port: streaming.addr.port });
  }
  const behind = Deno.serve(LOOPBACK, () => new Response("here"));
  const spdyBehind = serve(LOOPBACK, () => new Response("here"));
  servers.push({
    kind: "spdy proxy",
    tls: false,
    port: await proxyFor(`http://127.0.0.1:${behind.addr.port}`),
  }, {
    kind: "http proxy",
    tls: false,
    port: await proxyFor(`spdy://127.0.0.1:${spdyBehind.addr.port}`),
  });
  const started: Started = { caCert, servers };
  console.log(JSON.stringify(started));
  for await (const _ of Deno.stdin.readable);
  Deno.exit(0);
}

/** Starts `spdy proxy` and reads its port from its output. */
function proxyFor(url: string): Promise<number> {
  const port = Promise.withResolvers<number>();
  const { log } = console;
  console.log = (text: string) => {
    console.log = log;
    port.resolve(Number(/:(\d+)\//.exec(text)?.[1]));
  };
  proxy.run(["--port", "0", "--silent", url]).catch(port.reject);
  return port.promise;
}

if (import.meta.main) await main();
