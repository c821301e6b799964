/**
 * Our client against real servers: the CRI streaming server that container
 * runtimes contain, and in front of it the proxies of an API server, including
 * the WebSocket tunnel.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "../deps.ts";
import {
  attach,
  COMMAND_PROTOCOLS,
  exec,
  type ForwardedConnection,
  type ForwardTransport,
  portForward,
  type PortForwarder,
  PortForwardError,
  RemoteCommandError,
  type RemoteProcess,
  StreamingRefusedError,
  type TargetOptions,
} from "../../kubernetes/mod.ts";
import { digest, patternDigest, patternStream } from "./pattern.ts";
import { Peer } from "./peers.ts";
import type { PreparedSuite, Scenario, Suite } from "./report.ts";

/** How many times the long transfers must be complete. */
const RUNS = 50;
const MIB = 1 << 20;
const encoder = new TextEncoder();

/** Our client against the CRI streaming server and an API server's proxies. */
export const kubernetesClientSuite: Suite = {
  peer: "CRI streaming server",
  prepare,
};

async function prepare(): Promise<PreparedSuite> {
  const peer = await Peer.start("kubeserver");
  const target: TargetOptions = {
    url: `http://${peer.address}`,
    pod: { name: "pod" },
  };
  const port = Number(peer.hello.target.split(":").at(-1));
  const forward = (transport: ForwardTransport): Scenario => ({
    name: `port-forward, 50 requests, ${transport}`,
    run: async () => {
      await using forwarder = await portForward({ ...target, transport });
      assertEquals(forwarder.transport, transport);
      await Promise.all(
        Array.from({ length: 50 }, () => request(forwarder, port)),
      );
    },
  });
  const scenarios: Scenario[] = [
    { name: "exec: outputs and exit code", run: () => execWithExit(target) },
    {
      name: "exec at a runtime's own URL",
      run: async () => {
        const answer = await fetch(
          `http://${peer.address}/cri/exec?command=echo&command=hi&stdout=1&stderr=1`,
        );
        const process = await exec({ url: await answer.text() });
        assertEquals((await outputs(process)).stdout, "hi\n");
      },
    },
    {
      name: "exec: stdout of 64 MiB, 50 times",
      run: () => repeat(async () => await download(target)),
    },
    {
      name: "exec: stdin of 16 MiB, 50 times",
      run: () => repeat(async () => await upload(target)),
    },
    { name: "exec with a terminal: sizes", run: () => resize(target) },
    { name: "exec: every sub-protocol", run: () => everyProtocol(target) },
    { name: "exec: failure of the runtime", run: () => failure(target) },
    { name: "attach", run: () => attachAndEcho(target) },
    { name: "exec, TLS with a client certificate", run: execOverTls },
    {
      name: "refusal of the API server",
      run: async () => {
        const nothing = { stdout: false, stderr: false };
        const error = await assertRejects(
          () => exec({ ...target, command: ["true"], ...nothing }),
          StreamingRefusedError,
        );
        assertEquals(error.status, 400);
      },
    },
    forward("spdy"),
    forward("websocket"),
    {
      name: "port-forward: fallback to SPDY",
      run: async () => {
        const url = `http://${peer.address}/old`;
        await using forwarder = await portForward({ ...target, url });
        assertEquals(forwarder.transport, "spdy");
        await request(forwarder, port);
      },
    },
    {
      name: "port-forward at a runtime's own URL",
      run: async () => {
        const answer = await fetch(`http://${peer.address}/cri/portforward`);
        await using forwarder = await portForward({ url: await answer.text() });
        await request(forwarder, port);
      },
    },
    {
      name: "port-forward to a closed port",
      run: async () => {
        await using forwarder = await portForward(target);
        const { readable } = await forwarder.connect(1);
        await assertRejects(() => digest(readable), PortForwardError);
        // The session continues after that.
        await request(forwarder, port);
      },
    },
  ];
  return {
    version: peer.hello.version,
    scenarios,
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}

async function execWithExit(target: TargetOptions): Promise<void> {
  const command = ["sh", "-c", "echo out; echo err >&2; exit 42"];
  const process = await exec({ ...target, command });
  assertEquals(await outputs(process), { stdout: "out\n", stderr: "err\n" });
  assertEquals((await process.status).code, 42);
}

/** A private authority for both sides: it signs the server's certificate and the client's. */
async function execOverTls(): Promise<void> {
  await using peer = await Peer.start("kubeserver", ["-tls"]);
  const { ca, cert, key, target: address } = peer.hello;
  const target: TargetOptions = {
    url: `https://localhost:${peer.port}`,
    pod: { name: "pod" },
    tls: { caCerts: [ca], cert, key },
  };
  await execWithExit(target);
  await download(target);
  for (const transport of ["spdy", "websocket"] as const) {
    await using forwarder = await portForward({ ...target, transport });
    await request(forwarder, Number(address.split(":").at(-1)));
  }
  // Without a client certificate, the server closes the connection.
  await assertRejects(
    () => execWithExit({ ...target, tls: { caCerts: [ca] } }),
  );
}

async function download(target: TargetOptions): Promise<void> {
  const process = await exec({
    ...target,
    command: ["produce", `${64 * MIB}`],
    stderr: false,
  });
  assertEquals(await digest(process.stdout), await patternDigest(64 * MIB));
  assertEquals((await process.status).code, 0);
}

async function upload(target: TargetOptions): Promise<void> {
  const process = await exec({ ...target, command: ["consume"], stdin: true });
  const sent = patternStream(16 * MIB).pipeTo(process.stdin);
  const { stdout } = await outputs(process);
  await sent;
  assertEquals(stdout, await patternDigest(16 * MIB));
  assertEquals((await process.status).code, 0);
}

async function resize(target: TargetOptions): Promise<void> {
  const process = await exec({ ...target, command: ["sizes", "2"], tty: true });
  await process.resize(80, 24);
  await process.resize(100, 30);
  assertEquals(await new Response(process.stdout).text(), "80x24\n100x30\n");
  assertEquals((await process.status).code, 0);
}

async function everyProtocol(target: TargetOptions): Promise<string> {
  const codes: string[] = [];
  // The runtime's server does not support v5 over SPDY.
  const protocols = COMMAND_PROTOCOLS.filter((name) => !name.startsWith("v5"));
  for (const protocol of protocols) {
    const command = ["sh", "-c", "echo out; exit 3"];
    const process = await exec({
      ...target,
      command,
      protocols: [protocol],
      transport: "spdy",
    });
    assertEquals(process.protocol, protocol);
    assertEquals((await outputs(process)).stdout, "out\n");
    const { code, success } = await process.status;
    codes.push(`${code ?? (success ? "unknown" : "failed")}`);
  }
  assertEquals(codes, ["3", "failed", "failed", "unknown"]);
  return `exit code 3 shows as ${codes.join(", ")} in v4 to v1`;
}

async function failure(target: TargetOptions): Promise<void> {
  const process = await exec({ ...target, command: ["fail", "no such thing"] });
  await outputs(process);
  const error = await assertRejects(() => process.status, RemoteCommandError);
  assertEquals(error.reason, "InternalError");
  assert(error.message.endsWith("no such thing"), error.message);
}

async function attachAndEcho(target: TargetOptions): Promise<void> {
  const process = await attach({ ...target, stdin: true });
  const writer = process.stdin.getWriter();
  await writer.write(encoder.encode("hello"));
  await writer.close();
  assertEquals((await outputs(process)).stdout, "attached\nhello");
  assertEquals((await process.status).code, 0);
}

/** One HTTP request of 1 MiB, on a forwarded connection of its own. */
async function request(forwarder: PortForwarder, port: number): Promise<void> {
  const connection = await forwarder.connect(port);
  const writer = connection.writable.getWriter();
  await writer.write(encoder.encode(`GET /${MIB} HTTP/1.0\r\n\r\n`));
  const { head, body } = await readAnswer(connection);
  const [, sum] = (await digest([body])).split(" ");
  assertEquals(body.length, MIB);
  assert(head.toLowerCase().includes(`digest: ${sum}\r\n`), head);
}

async function readAnswer(
  { readable }: ForwardedConnection,
): Promise<{ head: string; body: Uint8Array }> {
  const bytes = new Uint8Array(await new Response(readable).arrayBuffer());
  // In this encoding, each byte is a character, so offsets are the same.
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, 4096));
  const end = text.indexOf("\r\n\r\n") + 4;
  return { head: text.slice(0, end), body: bytes.subarray(end) };
}

async function outputs(
  { stdout, stderr }: RemoteProcess,
): Promise<{ stdout: string; stderr: string }> {
  const [out, err] = await Promise.all([
    new Response(stdout).text(),
    new Response(stderr).text(),
  ]);
  return { stdout: out, stderr: err };
}

async function repeat(run: () => Promise<void>): Promise<string> {
  for (let i = 0; i < RUNS; i++) await run();
  return `${RUNS} of ${RUNS} whole`;
}
