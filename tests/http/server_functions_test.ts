/** What a program may do with a server besides calling its methods. */

import { connect } from "../../http/connect.ts";
import { serve } from "../../http/server/serve.ts";
import type { ConnectionErrorInfo } from "../../http/server/serve_options.ts";
import type { Transport } from "../../connection/transport/transport.ts";
import { assertEquals, assertRejects, assertThrows } from "../deps.ts";
import { memoryStreams, tcpConns } from "../helpers/connections.ts";
import { waitFor } from "../helpers/deadline.ts";
import { turn } from "../helpers/virtual_time.ts";

const quiet = { hostname: "127.0.0.1", port: 0, onListen() {} };
const answer = () => new Response("x");

Deno.test("as Deno.serve: shutdown, ref and unref can be passed on as functions", async () => {
  const theirs = Deno.serve(quiet, answer);
  const ours = serve(quiet, answer);
  for (const { shutdown, ref, unref, finished } of [theirs, ours]) {
    unref();
    ref();
    await shutdown();
    await finished;
  }
});

Deno.test("setCertificate can be passed on as a function", async () => {
  await using server = serve(quiet, answer);
  const { setCertificate } = server;
  const error = await assertRejects(
    // deno-lint-ignore require-await -- what it throws becomes a rejection
    async () => setCertificate({ cert: "", key: "" }),
    Error,
  );
  assertEquals(error.message.includes("does not use TLS"), true);
});

/** A listener that yields these transports, one after the other. */
function listenerOf(transports: unknown[]) {
  const ended = Promise.withResolvers<never>();
  return {
    addr: { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const,
    accept: (): Promise<Transport> => {
      const next = transports.shift();
      return next === undefined
        ? ended.promise
        : Promise.resolve(next as Transport);
    },
    close: () => ended.reject(new Deno.errors.Interrupted("closed")),
  };
}

Deno.test("serve: a connection that cannot be used is closed, reported and not counted", async () => {
  const told: [message: string, info: ConnectionErrorInfo][] = [];
  const [near, far] = await tcpConns();
  const locked = new TransformStream<Uint8Array, Uint8Array>();
  locked.readable.getReader();
  await using server = serve({
    listener: listenerOf([null, "x", {}, locked, far]),
    maxConnections: 1,
    onListen() {},
    onConnectionError: (error, info) =>
      told.push([(error as Error).message, info]),
  }, answer);
  await using client = await connect({
    port: 1,
    dial: () => Promise.resolve(near),
  });
  assertEquals(await (await client.fetch("/")).text(), "x");
  assertEquals(told.map(([message]) => message).slice(0, 3), [
    "the transport is not an object",
    "the transport is not an object",
    "the transport has neither `read` and `write` nor `readable` and `writable`",
  ]);
  assertEquals(told.length, 4);
  assertEquals(told[3][1].connection, undefined);
  await client.close();
  await waitFor("shutdown", server.shutdown());
});

Deno.test("serve: web streams of a listener are refused and closed with upgrade", async () => {
  const told: string[] = [];
  const [left, right] = memoryStreams();
  await using _server = serve({
    listener: listenerOf([right]),
    upgrade: true,
    onListen() {},
    onConnectionError: (error) => told.push((error as Error).message),
  }, answer);
  await turn();
  assertEquals(told, [
    "`upgrade` needs a transport with `read` and `write`, such as a Deno.Conn",
  ]);
  await assertRejects(() => left.readable.getReader().read());
  await assertRejects(() => left.writable.getWriter().closed);
});

for (const proxyProtocol of [false, "required"] as const) {
  const where = proxyProtocol ? "behind a balancer" : "alone";
  Deno.test(`serve ${where}: of a pair with something that is no stream, the reason is reported and the stream closed`, async () => {
    const told: string[] = [];
    let cancelled = 0;
    const readable = new ReadableStream({ cancel: () => void cancelled++ });
    let closed = 0;
    await using _server = serve({
      listener: listenerOf([
        { readable: 1, writable: 1 },
        { readable, writable: 1 },
        { readable: 1, writable: 1, close: () => closed++ },
      ]),
      proxyProtocol,
      onListen() {},
      onConnectionError: (error) => told.push((error as Error).message),
    }, answer);
    await turn();
    assertEquals(told, [
      "streams.readable.getReader is not a function",
      "streams.writable.getWriter is not a function",
      "streams.readable.getReader is not a function",
    ]);
    assertEquals([cancelled, closed], [1, 1]);
  });
}

Deno.test("serve behind a balancer: a connection that cannot be used is reported", async () => {
  const told: string[] = [];
  const listener = listenerOf([null]);
  await using _server = serve({
    listener,
    proxyProtocol: "required",
    onListen() {},
    onConnectionError: (error) => told.push((error as Error).name),
  }, answer);
  await turn();
  assertEquals(told, ["TypeError"]);
});

Deno.test("serve: a socket that refuses setNoDelay, as a reset one on macOS, is served", async () => {
  const told: unknown[] = [];
  const [near, far] = await tcpConns();
  far.setNoDelay = () => {
    throw new Error("Invalid argument (os error 22)");
  };
  await using _server = serve({
    listener: listenerOf([far]),
    onListen() {},
    onConnectionError: (error) => told.push(error),
  }, answer);
  await using client = await connect({
    port: 1,
    dial: () => Promise.resolve(near),
  });
  assertEquals(await (await client.fetch("/")).text(), "x");
  assertEquals(told, []);
});

Deno.test("serve: a connection that is accepted after the end is closed", async () => {
  const last = Promise.withResolvers<Transport>();
  const accepts = [last.promise];
  const [near, far] = await tcpConns();
  const server = serve({
    listener: {
      addr: { transport: "unix", path: "" },
      accept: () =>
        accepts.shift() ??
          Promise.reject(new Deno.errors.Interrupted("closed")),
      close() {},
    },
    upgrade: true,
    signal: AbortSignal.abort(),
    onListen() {},
  }, answer);
  last.resolve(far);
  await server.finished;
  assertThrows(() => far.close(), Deno.errors.BadResource);
  near.close();
});

Deno.test("serve: an accept that fails is reported, unless only its client has left", async () => {
  const told: string[] = [];
  const failures = [
    new Error("Too many open files (os error 24)"),
    new Deno.errors.ConnectionAborted("software caused connection abort"),
  ];
  const [near, far] = await tcpConns();
  const listener = listenerOf([far]);
  const { accept } = listener;
  listener.accept = () => {
    const failure = failures.shift();
    return failure === undefined ? accept() : Promise.reject(failure);
  };
  await using _server = serve({
    listener,
    onListen() {},
    onConnectionError: (error) => told.push((error as Error).message),
  }, answer);
  await using client = await connect({
    port: 1,
    dial: () => Promise.resolve(near),
  });
  assertEquals(await (await client.fetch("/")).text(), "x");
  assertEquals(told, ["Too many open files (os error 24)"]);
});
