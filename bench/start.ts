/**
 * The cost of loading this module and making one request: CPU time of a whole
 * program, minus that of an empty one.
 *
 * @module
 */

import http2 from "node:http2";
import { PROTO_SPDY3_1, serve } from "../mod.ts";
import { PeerMissing, type Row, type Subject } from "./harness.ts";

/** The programs of one round. */
const RUNS = "1 2 3 4 5";
const hostname = "127.0.0.1";

/** The rows of this family. */
export const rows: readonly Row[] = [
  {
    name: "start of a client and its first request",
    unit: "us",
    rounds: 3,
    ours: () => {
      const server = serve(
        { hostname, port: 0, version: PROTO_SPDY3_1, onListen: () => {} },
        () => new Response("hello"),
      );
      const { port } = server.addr as Deno.NetAddr;
      return started(
        "connect and fetch",
        "hello_spdy.ts",
        port,
        () => server.shutdown(),
      );
    },
    peers: [{
      name: "node:http2 of Deno",
      open: async () => {
        const server = http2.createServer();
        server.on("stream", (stream) => {
          stream.respond({ ":status": 200 });
          stream.end("hello");
        });
        await new Promise<void>((resolve) =>
          server.listen(0, hostname, resolve)
        );
        const { port } = server.address() as { port: number };
        return started(
          "node:http2 of Deno",
          "hello_http2.ts",
          port,
          () => void server.close(),
        );
      },
      atLeast: 0.8,
      aim: 1.1,
    }],
  },
];

/** A program that is run with the port of its server. */
function started(
  name: string,
  program: string,
  port: number,
  close: () => void | Promise<void>,
): Subject {
  return {
    name,
    measuresItself: true,
    close,
    async run(): Promise<number> {
      const empty = await cpuTimeOf("nothing.ts");
      return await cpuTimeOf(program, String(port)) - empty;
    },
  };
}

/**
 * CPU time of a program including its threads, us. The shell reports that of its
 * children in steps of up to 10 ms, so it runs several.
 */
async function cpuTimeOf(program: string, ...args: string[]): Promise<number> {
  const { stdout } = await new Deno.Command("sh", {
    args: [
      "-c",
      `for run in ${RUNS}; do "$@" > /dev/null || exit 1; done; times`,
      "sh",
      Deno.execPath(),
      "run",
      "-A",
      "--no-check",
      new URL(`programs/${program}`, import.meta.url).pathname,
      ...args,
    ],
  }).output().catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new PeerMissing("sh is not installed");
  });
  // The second line is that of the children: 0m0.090s 0m0.016s.
  const [, children = ""] = new TextDecoder().decode(stdout).split("\n");
  const times = [...children.matchAll(/(\d+)m([\d.]+)s/g)];
  if (times.length !== 2) throw new Error(`${program} has failed`);
  const seconds = times.map(([, minutes, rest]) => +minutes * 60 + +rest);
  return (seconds[0] + seconds[1]) * 1e6 / RUNS.split(" ").length;
}
