/**
 * The command line with foreign programs at the other end: moby/spdystream and
 * npm's spdy-transport are servers for `spdy get` and clients of `spdy serve`,
 * and tcpdump writes what `spdy decode` reads.
 *
 * @module
 */

import { createServer } from "node:net";
import { connect as connectSocket } from "node:net";
import type { AddressInfo } from "node:net";
import { assertEquals, assertMatch, concat } from "../deps.ts";
import { command, run, start } from "../cli/process.ts";
import { Lines } from "../helpers/lines.ts";
import { digest, patternChunks, patternDigest } from "./pattern.ts";
import { Peer, playJson, requireTool } from "./peers.ts";
import type { PreparedSuite, Scenario, Suite } from "./report.ts";
import { startTransport, type TransportVersion } from "./spdy_transport.ts";

const SIZE = 5 << 20;
const VERSIONS: readonly TransportVersion[] = [2, 3, 3.1];

/** `spdy get`, `spdy serve` and `spdy decode`. */
export const commandLineSuites: readonly Suite[] = [
  { peer: "spdy command line", prepare },
  { peer: "tcpdump", prepare: prepareTcpdump },
];

async function prepare(): Promise<PreparedSuite> {
  const folder = await Deno.makeTempDir();
  await Deno.writeFile(
    `${folder}/pattern`,
    ReadableStream.from(patternChunks(SIZE)),
  );
  const spdystream = await Peer.start("spdystream", ["server"]);
  return {
    version: "this one",
    scenarios: [
      {
        name: "get from spdystream, 5 MiB",
        run: () =>
          getPattern(`spdy://${spdystream.address}/${SIZE}`, "3.1", [
            "--no-flow-control",
          ]),
      },
      {
        name: "serve to spdystream, 5 MiB",
        run: () => serveToSpdystream(folder),
      },
      ...VERSIONS.flatMap((version): Scenario[] => [
        {
          name: `get from spdy-transport, SPDY/${version}`,
          run: () => getFromTransport(version),
        },
        {
          name: `serve to spdy-transport, SPDY/${version}`,
          run: () => serveToTransport(folder, version),
        },
      ]),
    ],
    async [Symbol.asyncDispose]() {
      await spdystream[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function getPattern(
  url: string,
  version: string,
  options: string[] = [],
  size = SIZE,
): Promise<void> {
  const { code, bytes, stderr } = await run([
    "get",
    "--version",
    version,
    ...options,
    url,
  ]);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(await digest([bytes]), await patternDigest(size));
}

async function serveToSpdystream(folder: string): Promise<void> {
  await using server = await start([
    "serve",
    folder,
    "-p",
    "0",
    "-s",
    "--no-flow-control",
  ]);
  const address = new URL(server.url).host;
  await playJson("spdystream", [
    "client",
    "-address",
    address,
    "-scenario",
    "get",
    "-size",
    String(SIZE),
  ]);
}

async function getFromTransport(version: TransportVersion): Promise<void> {
  // spdy-transport 3.0.0 has windows in SPDY/2 as well, and waits for a
  // WINDOW_UPDATE that does not exist in SPDY/2.
  const size = version === 2 ? 60_000 : SIZE;
  const body = concat([...patternChunks(size)]);
  const server = createServer((socket) => {
    const connection = startTransport(socket, true, version);
    connection.on("error", () => {});
    connection.on("stream", (stream) => {
      stream.on("error", () => {});
      stream.respond(200, {});
      stream.end(body);
    });
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  const { port } = server.address() as AddressInfo;
  await getPattern(`spdy://127.0.0.1:${port}/`, String(version), [], size);
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
}

async function serveToTransport(
  folder: string,
  version: TransportVersion,
): Promise<void> {
  await using server = await start([
    "serve",
    folder,
    "-p",
    "0",
    "-s",
    "--version",
    String(version),
  ]);
  const socket = connectSocket(Number(new URL(server.url).port), "127.0.0.1");
  const connection = startTransport(socket, false, version);
  connection.on("error", () => {});
  const request = connection.request({
    method: "GET",
    path: "/pattern",
    host: "localhost",
  });
  request.end();
  assertEquals(await digest(request), await patternDigest(SIZE));
  socket.destroy();
}

async function prepareTcpdump(): Promise<PreparedSuite> {
  const line = await requireTool("tcpdump", ["--version"]);
  return {
    version: line.split(" ").at(-1) ?? line,
    scenarios: [{
      name: "decode reads what tcpdump -w writes",
      run: decodeCapture,
    }],
    async [Symbol.asyncDispose]() {},
  };
}

async function decodeCapture(): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/hello`, "hello");
    await using server = await start(["serve", folder, "-p", "0", "-s"]);
    const { port } = new URL(server.url);
    const file = `${folder}/capture.pcap`;
    const tcpdump = new Deno.Command("tcpdump", {
      args: ["-i", "lo", "-U", "--immediate-mode", "-w", file, "port", port],
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const lines = new Lines(tcpdump.stderr);
    await lines.find(/listening on/);
    await run(["get", `${server.url}hello`]);
    tcpdump.kill("SIGINT");
    await lines[Symbol.asyncDispose]();
    await tcpdump.status;
    const { code, stdout } = await run(["decode", file]);
    assertEquals(code, 0, command(["decode"]).join(" "));
    assertMatch(
      stdout,
      /SYN_STREAM[\s\S]*:path \/hello[\s\S]*SYN_REPLY[\s\S]*DATA +1 +5 +FIN/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
