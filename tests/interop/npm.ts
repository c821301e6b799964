/**
 * npm's spdy, the SPDY server and client for Node, over TLS with ALPN; and
 * spdy-transport, on which it is based, whose tests run on Deno.
 *
 * @module
 */

import { assertEquals } from "../deps.ts";
import { connect, npnGetVersion, serve } from "../../mod.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { patternDigest, patternStream } from "./pattern.ts";
import { installNodePackages, Peer, requireTool } from "./peers.ts";
import type { PreparedSuite, Scenario, Suite } from "./report.ts";

const MIB = 1 << 20;
const PROTOCOLS = ["spdy/3.1", "spdy/3", "spdy/2"] as const;
const decoder = new TextDecoder();

/** npm's spdy and spdy-transport. */
export const npmSuites: readonly Suite[] = [
  { peer: "npm spdy", prepare: prepareSpdy },
  { peer: "npm spdy-transport", prepare: prepareTransport },
];

async function prepareSpdy(): Promise<PreparedSuite> {
  const folder = await installNodePackages();
  const { cert, key, caCert } = await makeCertificate();
  await Deno.writeTextFile(`${folder}/cert.pem`, cert);
  await Deno.writeTextFile(`${folder}/key.pem`, key);
  await Deno.writeTextFile(`${folder}/ca.pem`, caCert);
  const peer = await Peer.run("node", [
    "--no-deprecation",
    `${folder}/spdy_server.cjs`,
    `${folder}/cert.pem`,
    `${folder}/key.pem`,
  ]);
  const scenarios = PROTOCOLS.flatMap((protocol): Scenario[] => [
    {
      name: `our fetch, TLS with ALPN, ${protocol}`,
      run: () => fetchFrom(peer.port, caCert, protocol),
    },
    {
      name: `our server, TLS with ALPN, ${protocol}`,
      run: () => serveTo(folder, cert, key, protocol),
    },
  ]);
  return {
    version: peer.hello.version,
    scenarios,
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}

async function fetchFrom(
  port: number,
  caCert: string,
  protocol: string,
): Promise<void> {
  await using connection = await connect({
    hostname: "localhost",
    port,
    tls: { caCerts: [caCert], alpnProtocols: [protocol] },
    // npm's spdy 4.0.2 has windows in SPDY/2 as well, and waits for a
    // WINDOW_UPDATE that does not exist in SPDY/2, so the window is large
    // enough for everything.
    settings: protocol === "spdy/2" ? [[7, 0, 64 * MIB]] : [],
  });
  assertEquals(connection.version, npnGetVersion(protocol));
  const url = `https://localhost:${port}`;
  const sizes = Array.from({ length: 50 }, (_, i) => i * 600);
  await Promise.all(sizes.map(async (size) => {
    const response = await connection.fetch(`${url}/${size}`);
    assertEquals(response.headers.get("x-version"), protocol.slice(5));
    assertEquals((await response.arrayBuffer()).byteLength, size);
  }));
  // An upload that is larger than its window.
  const response = await connection.fetch(`${url}/`, {
    method: "POST",
    body: patternStream(MIB),
  });
  assertEquals(await response.text(), await patternDigest(MIB));
}

async function serveTo(
  folder: string,
  cert: string,
  key: string,
  protocol: string,
): Promise<void> {
  const settings: [number, number, number][] = protocol === "spdy/2"
    ? [[7, 0, 64 * MIB]]
    : [];
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, cert, key, settings, onListen() {} },
    (request) => {
      const size = Number(new URL(request.url).pathname.slice(1));
      return new Response(patternStream(size));
    },
  );
  const { port } = server.addr as Deno.NetAddr;
  const sizes = [0, 1, 1000, 100_000, MIB];
  const { success, stdout, stderr } = await new Deno.Command("node", {
    args: [
      "--no-deprecation",
      `${folder}/spdy_client.cjs`,
      `${folder}/ca.pem`,
      protocol,
      ...sizes.map((size) => `https://localhost:${port}/${size}`),
    ],
    signal: AbortSignal.timeout(20_000),
  }).output();
  assertEquals(success, true, decoder.decode(stderr));
  const results: [number, number, string][] = JSON.parse(
    decoder.decode(stdout),
  );
  for (const [index, [status, size, sum]] of results.entries()) {
    assertEquals(status, 200);
    assertEquals(`${size} ${sum}`, await patternDigest(sizes[index]));
  }
}

async function prepareTransport(): Promise<PreparedSuite> {
  await requireTool("deno", ["--version"]);
  const tests = new URL("spdy_transport_test.ts", import.meta.url);
  const source = await Deno.readTextFile(
    new URL("spdy_transport.ts", import.meta.url),
  );
  return {
    version: /npm:spdy-transport@([\d.]+)/.exec(source)?.[1] ?? "unknown",
    scenarios: [{
      name: "its tests, three versions, TLS with ALPN",
      run: async () => {
        const { success, stdout, stderr } = await new Deno.Command(
          Deno.execPath(),
          {
            args: [
              "run",
              "-A",
              new URL("../../tools/std.ts", import.meta.url).pathname,
              "test",
              "-A",
              tests.pathname,
            ],
            env: { NO_COLOR: "1" },
          },
        ).output();
        const text = decoder.decode(stdout);
        if (!success) {
          throw new Error((text + decoder.decode(stderr)).slice(-2000));
        }
        return /\d+ passed \| \d+ failed/.exec(text)?.[0];
      },
    }],
    async [Symbol.asyncDispose]() {},
  };
}
