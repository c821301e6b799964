/** Options that do not exist are refused, and the error names the one that was meant. */

import {
  accept,
  Client,
  connect,
  serve,
  serveConnection,
  Session,
} from "../mod.ts";
import { InvalidArgumentError } from "../errors.ts";
import { PROTO_SPDY3_1 } from "../frame/constants.ts";
import { CLIENT } from "../session/constants.ts";
import { assertRejects, assertThrows } from "./deps.ts";
import { memoryStreams, tcpConns } from "./helpers/connections.ts";

type Options = Record<string, unknown>;
const handler = () => new Response();
const quiet = { port: 0, hostname: "127.0.0.1", onListen() {} };

const TAKERS: Record<string, (options: Options) => unknown> = {
  "a Session": (options) => new Session(CLIENT, PROTO_SPDY3_1, options),
  "a Client": (options) => new Client(options),
  "serve": (options) => serve({ ...quiet, ...options }, handler),
  "serveConnection": (options) =>
    serveConnection(memoryStreams()[1], options, handler),
};

const WRONG: Record<string, [name: string, meant: string][]> = {
  "a Session": [
    ["on_ctrl_recv_cb", "onCtrlRecv"],
    ["send_cb", "send"],
    ["user_data", "userData"],
    ["OnCtrlSend", "onCtrlSend"],
    ["autoWindowUpdates", "autoWindowUpdate"],
    ["config", "SessionOptions"],
  ],
  "a Client": [["retires", "retries"], ["idle_timeout", "idleTimeout"]],
  "serve": [
    ["onerror", "onError"],
    ["hostName", "hostname"],
    ["max_connections", "maxConnections"],
    ["keyFile", "`key`"],
    ["keepalive", "keepAlive"],
  ],
  "serveConnection": [["on_connection", "onConnection"], ["port", "no option"]],
};

for (const [what, wrong] of Object.entries(WRONG)) {
  for (const [name, meant] of wrong) {
    Deno.test(`${what} has no option ${name}`, () => {
      const error = assertThrows(
        () => TAKERS[what]({ [name]: () => 1 }),
        InvalidArgumentError,
        `has no option "${name}"`,
      );
      if (!(error as Error).message.includes(meant)) throw error;
      if (name !== "keyFile" && name !== "config") {
        // What is undefined was not set.
        TAKERS[what]({ [name]: undefined, ...REST[what] });
      }
    });
  }
}

/** Ends at once what is started. */
const REST: Record<string, Options> = {
  serve: { signal: AbortSignal.abort() },
  serveConnection: { signal: AbortSignal.abort() },
};

Deno.test("connect and accept have no options of others", async () => {
  await assertRejects(
    () => connect({ port: 1, host: "localhost" } as { port: number }),
    InvalidArgumentError,
    'connect has no option "host"',
  );
  const [near, far] = await tcpConns();
  await assertRejects(
    () => accept(far, { upgrade: true } as { version?: 4 }),
    InvalidArgumentError,
    'accept has no option "upgrade"',
  );
  near.close();
  far.close();
});

Deno.test("limits that do not exist are refused", () => {
  const limits = { maxConcurrentStream: 1 } as Record<string, number>;
  for (const taker of Object.values(TAKERS)) {
    assertThrows(
      () => taker({ limits }),
      InvalidArgumentError,
      'did you mean "maxConcurrentStreams"?',
    );
  }
});

Deno.test("serve takes what Deno.serve takes, or says why not", async () => {
  await serve({
    ...quiet,
    transport: "tcp",
    tcpBacklog: 16,
    automaticCompression: false,
    reusePort: false,
  }, handler).shutdown();
  const path = `${await Deno.makeTempDir()}/socket`;
  await serve({ transport: "unix", path, onListen() {} }, handler).shutdown();
  for (
    const [options, text] of [
      [{ automaticCompression: true }, "CompressionStream"],
      [{ transport: "udp" }, "udp"],
      [{ transport: "unix" }, "path"],
      [{ tcpBacklog: 0 }, "tcpBacklog"],
    ] as const
  ) {
    assertThrows(
      () => serve({ ...quiet, ...options as Options }, handler),
      InvalidArgumentError,
      text,
    );
  }
});
