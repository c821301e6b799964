/**
 * Clients that break the rules of exec and port-forward.
 *
 * @module
 */

import type { Connection } from "../../http/connection.ts";
import type { StreamingCall } from "../../kubernetes/call/call.ts";
import type { ProcessHandler } from "../../kubernetes/call/command.ts";
import type { ForwardHandler } from "../../kubernetes/call/forward.ts";
import {
  exec,
  RemoteCommandError,
  serveStreaming,
} from "../../kubernetes/mod.ts";
import { serverProfile } from "../../kubernetes/profile.ts";
import {
  MAX_CONNECTIONS,
  serveSpdyForward,
} from "../../kubernetes/spdy/serve_forward.ts";
import { serveSpdyCommand } from "../../kubernetes/spdy/server_channels.ts";
import {
  CANCEL,
  Connection as SpdyConnection,
  DATA,
  DATA_FLAG_FIN,
  type DataFrame,
  type Frame,
  FRAME_TOO_LARGE,
  type NameValue,
  PROTO_SPDY3_1,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
  RST_STREAM,
  SERVER,
} from "../../mod.ts";
import { assert, assertEquals, assertLess, assertRejects } from "../deps.ts";
import { memoryPair, memoryStreams } from "../helpers/connections.ts";
import { turn, virtualTime } from "../helpers/virtual_time.ts";
import { headers, RawPeer, synStream } from "../security/raw_peer.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const CALL: StreamingCall = {
  kind: "portforward",
  request: new Request("http://localhost/"),
  namespace: "",
  pod: "web",
  container: "",
  command: ["run"],
  stdin: true,
  stdout: true,
  stderr: false,
  tty: false,
};

/** A client that can send anything, and a server for it. */
interface Served extends AsyncDisposable {
  readonly peer: RawPeer;
  readonly connection: Connection;
  readonly served: Promise<void>;
}

function serve(
  work: (connection: Connection) => Promise<void>,
  streams = 2 * MAX_CONNECTIONS,
): Served {
  const [left, right] = memoryStreams();
  const connection = new SpdyConnection(right, {
    ...serverProfile(streams),
    side: SERVER,
    version: PROTO_SPDY3_1,
  });
  const peer = new RawPeer(left, PROTO_SPDY3_1);
  const served = work(connection);
  return {
    peer,
    connection,
    served,
    async [Symbol.asyncDispose]() {
      peer.close();
      await served;
    },
  };
}

function forward(handler: ForwardHandler, timeout = 30_000): Served {
  return serve((connection) =>
    serveSpdyForward(connection, CALL, handler, timeout)
  );
}

function command(handler: ProcessHandler, timeout = 30_000): Served {
  const call: StreamingCall = { ...CALL, kind: "exec" };
  return serve(
    (connection) =>
      serveSpdyCommand(
        connection,
        { protocol: "v4.channel.k8s.io", call, handler },
        timeout,
      ),
    16,
  );
}

function half(
  streamId: number,
  type: string,
  id: string | undefined,
  port = "80",
  more: NameValue[] = [],
): Frame {
  const nv: NameValue[] = [["port", port], ["streamtype", type], ...more];
  if (id !== undefined) nv.push(["requestid", id]);
  return synStream(streamId, { nv });
}

function data(
  streamId: number,
  text: string | Uint8Array,
  flags = 0,
): DataFrame {
  const bytes = typeof text === "string" ? encoder.encode(text) : text;
  return { frameType: DATA, streamId, flags, data: bytes };
}

function reset(streamId: number, statusCode = CANCEL): Frame {
  return {
    version: 3,
    frameType: RST_STREAM,
    flags: 0,
    length: 8,
    streamId,
    statusCode,
  };
}

function sorted(resets: readonly [number, number][]): [number, number][] {
  return resets.toSorted(([one], [other]) => one - other);
}

/** Text that arrived on a stream. */
function textOf(peer: RawPeer, streamId: number): string {
  return peer.frames
    .map((frame) =>
      frame.frameType === DATA && frame.streamId === streamId
        ? decoder.decode(frame.data)
        : ""
    ).join("");
}

const echo: ForwardHandler = async ({ readable, writable }) => {
  await readable.pipeTo(writable);
};

/** Lets everything in memory run. */
async function settle(): Promise<void> {
  for (let count = 0; count < 20; count++) await turn();
}

Deno.test("hostile: a stream opened and reset in one piece ends no other forwarded connection", async () => {
  await using session = forward(echo);
  const { peer } = session;
  await peer.send(half(1, "error", "0"), half(3, "data", "0"));
  await peer.send(data(3, "one "));
  await peer.ping();
  await peer.send(half(5, "error", "1"), reset(5));
  await peer.send(half(7, "data", "2"), reset(7), data(3, "two"));
  await peer.ping();
  await settle();
  assertEquals(textOf(peer, 3), "one two");
  assertEquals(peer.over, false);
  // The place of the half that was reset is free again.
  await peer.send(half(9, "error", "1"), half(11, "data", "1"), data(11, "x"));
  await settle();
  assertEquals(textOf(peer, 11), "x");
});

Deno.test("hostile: a half may be reset later, with its other half in the same piece", async () => {
  await using session = forward(echo);
  const { peer } = session;
  await peer.send(half(1, "error", "0"));
  await settle();
  await peer.send(reset(1), half(3, "data", "0"));
  await settle();
  await peer.send(half(5, "error", "0"), data(3, "x"));
  await settle();
  assertEquals([textOf(peer, 3), peer.over], ["x", false]);
});

Deno.test("hostile: a stream of an exec may be opened and reset in one piece, and opened again", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  await using session = command(async ({ stdin }) => {
    resolve(await new Response(stdin).text());
  });
  const { peer } = session;
  const type = (streamId: number, name: string): Frame =>
    synStream(streamId, { nv: [["streamtype", name]] });
  await peer.send(type(1, "error"), type(3, "stdin"), reset(3));
  await settle();
  assertEquals(peer.over, false);
  await peer.send(type(5, "stdin"), type(7, "stdout"));
  await peer.send(data(5, "hello", DATA_FLAG_FIN));
  await settle();
  assertEquals(await promise, "hello");
  assertEquals(textOf(peer, 1), '{"metadata":{},"status":"Success"}');
  // Streams that the server does not expect are refused at any time.
  await peer.send(type(9, "stdin"), reset(9), type(11, "resize"));
  await settle();
  assertEquals(peer.resets, [[11, PROTOCOL_ERROR]]);
});

Deno.test("hostile: a pair with two ports and ids that only look alike are refused", async () => {
  const ports: number[] = [];
  await using session = forward(async ({ port }) => {
    ports.push(port);
    await Promise.resolve();
  });
  const { peer } = session;
  await peer.send(half(1, "error", "0", "80"), half(3, "data", "0", "22"));
  await settle();
  assertEquals([ports, peer.resets], [[], [[3, PROTOCOL_ERROR]]]);
  await peer.send(half(5, "data", "0", "80"));
  await settle();
  assertEquals(ports, [80]);
  // The text of an id is not mistaken for the internal id of streams that have
  // none.
  await peer.send(
    half(101, "error", undefined),
    half(103, "data", "stream 101"),
  );
  await settle();
  assertEquals(ports, [80]);
});

Deno.test("hostile: headers longer than any client's are refused, also later ones", async () => {
  await using session = forward(echo);
  const { peer } = session;
  const long = "x".repeat(2048);
  const many = Array.from(
    { length: 20 },
    (_, at): NameValue => [`n${at}`, "v"],
  );
  await peer.send(
    half(1, "error", "0", "80", [["long", long]]),
    half(3, "error", "0", "80", many),
    half(5, "error", "0"),
    headers(5, [["x", "1"]]),
  );
  await settle();
  assertEquals(sorted(peer.resets), [
    [1, FRAME_TOO_LARGE],
    [3, FRAME_TOO_LARGE],
    [5, PROTOCOL_ERROR],
  ]);
});

Deno.test("hostile: streams above the limit of a session are refused without SETTINGS", async () => {
  const left = Promise.withResolvers<void>();
  let running = 0;
  await using session = forward(async () => {
    running++;
    await left.promise;
  });
  const { peer } = session;
  const frames: Frame[] = [];
  for (let pair = 0; pair < MAX_CONNECTIONS + 10; pair++) {
    frames.push(half(4 * pair + 1, "error", `${pair}`));
    frames.push(half(4 * pair + 3, "data", `${pair}`));
  }
  await peer.send(...frames);
  await settle();
  assertEquals(running, MAX_CONNECTIONS);
  assertEquals(peer.resets.length, 20);
  assert(peer.resets.every(([, status]) => status === REFUSED_STREAM));
  // Running handlers count as well, even if the client has reset their streams.
  await peer.send(...frames.slice(0, 40).map((_, at) => reset(2 * at + 1)));
  const next = 4 * (MAX_CONNECTIONS + 10);
  await peer.send(half(next + 1, "error", "n"), half(next + 3, "data", "n"));
  await settle();
  assertEquals(running, MAX_CONNECTIONS);
  left.resolve();
  await settle();
  await peer.send(half(next + 5, "error", "m"), half(next + 7, "data", "m"));
  await settle();
  assertEquals(running, MAX_CONNECTIONS + 1);
  assertEquals(peer.frames.filter((frame) => frame.frameType === 4), []);
});

Deno.test("hostile: streams that the client never ends are reset after a while", async () => {
  using time = virtualTime();
  await using session = forward(async () => {});
  const { peer } = session;
  await peer.send(half(1, "error", "0"), half(3, "data", "0"));
  await time.advance(9_999);
  assertEquals(peer.resets, []);
  await time.advance(1);
  await settle();
  assertEquals(sorted(peer.resets), [[1, CANCEL], [3, CANCEL]]);
  // No timer waits for streams that have ended.
  await peer.send(half(5, "error", "1"), half(7, "data", "1"));
  await peer.send(data(5, "", DATA_FLAG_FIN), data(7, "", DATA_FLAG_FIN));
  await settle();
  assertEquals(time.timers, 0);
});

Deno.test("hostile: bytes that a handler leaves unread do not stop other connections", async () => {
  // No time passes, so the stream is not reset because its client is silent.
  using _time = virtualTime();
  await using session = forward(async ({ port, readable, writable }) => {
    if (port === 80) await readable.pipeTo(writable);
  });
  const { peer } = session;
  await peer.send(half(1, "error", "0", "1"), half(3, "data", "0", "1"));
  await peer.send(half(5, "error", "1"), half(7, "data", "1"));
  for (let count = 0; count < 20; count++) {
    peer.send(data(3, new Uint8Array(1 << 20)));
  }
  peer.send(data(7, "through"));
  await settle();
  await settle();
  assertEquals(textOf(peer, 7), "through");
});

Deno.test("hostile: a handler that pauses beside one that waits stops the client but ends nothing", async () => {
  using time = virtualTime();
  const go = Promise.withResolvers<void>();
  const read: number[] = [0, 0];
  await using session = forward(async ({ port, readable }) => {
    // One handler waits for bytes that never arrive, the other does not read.
    if (port === 2) await go.promise;
    for await (const chunk of readable) read[port - 1] += chunk.length;
  });
  const { peer } = session;
  await peer.send(half(1, "error", "0", "1"), half(3, "data", "0", "1"));
  await peer.send(half(5, "error", "1", "2"), half(7, "data", "1", "2"));
  let taken = 0;
  for (let count = 0; count < 20; count++) {
    peer.send(data(7, new Uint8Array(1 << 20))).then(() => taken++);
  }
  await settle();
  await time.advance(3_600_000);
  assertLess(taken, 7);
  assertEquals(peer.over, false);
  go.resolve();
  await settle();
  assertEquals([taken, read], [20, [0, 20 << 20]]);
});

Deno.test("hostile: unread bytes of ended streams count, so that a slow handler stops the client", async () => {
  const go = Promise.withResolvers<void>();
  let read = 0;
  await using session = forward(async ({ readable, writable }) => {
    await writable.close();
    await go.promise;
    for await (const chunk of readable) read += chunk.length;
  });
  const { peer } = session;
  let taken = 0;
  const count = 20;
  for (let pair = 0; pair < count; pair++) {
    const id = 4 * pair;
    peer.send(half(id + 1, "error", `${pair}`), half(id + 3, "data", `${pair}`))
      .then(() =>
        peer.send(data(id + 3, new Uint8Array(1 << 20), DATA_FLAG_FIN))
      ).then(() => taken++);
    await settle();
  }
  // 4 MiB, and what is in the pipe.
  assertLess(taken, 7);
  go.resolve();
  await settle();
  assertEquals([taken, read], [count, count << 20]);
});

Deno.test("hostile: a client that resets a stream loses its unread bytes", async () => {
  const errors: string[] = [];
  const go = Promise.withResolvers<void>();
  await using session = forward(async ({ port, readable, writable }) => {
    if (port === 80) return await readable.pipeTo(writable);
    await go.promise;
    await readable.getReader().read().catch(({ name }) => errors.push(name));
  });
  const { peer } = session;
  for (let pair = 0; pair < 10; pair++) {
    const id = 4 * pair;
    peer.send(
      half(id + 1, "error", `${pair}`, "1"),
      half(id + 3, "data", `${pair}`, "1"),
      data(id + 3, new Uint8Array(1 << 20)),
    );
    await settle();
    peer.send(reset(id + 3));
  }
  await peer.send(half(101, "error", "x"), half(103, "data", "x"));
  await peer.send(data(103, "through"));
  await settle();
  assertEquals(textOf(peer, 103), "through");
  go.resolve();
  await settle();
  assertEquals(errors, Array(10).fill("StreamResetError"));
});

Deno.test("hostile: streams that a server opens to its client are refused", async () => {
  const { CLIENT_PROFILE } = await import("../../kubernetes/profile.ts");
  await using pair = memoryPair({
    client: CLIENT_PROFILE,
    server: { flowControl: false },
  });
  const stream = await pair.server.openStream([["streamtype", "data"]]);
  assert(await stream.closed !== 0);
});

Deno.test("everything that a handler wrote arrives, even if it awaited nothing", async () => {
  await using server = serveStreaming({
    // deno-lint-ignore require-await
    async exec({ stdout }) {
      const writer = stdout.getWriter();
      for (let count = 0; count < 100; count++) {
        writer.write(new Uint8Array(10_000));
      }
      return 3;
    },
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  await using process = await exec({
    url,
    pod: { name: "web" },
    stderr: false,
  });
  const { length } = await new Response(process.stdout).bytes();
  assertEquals([length, (await process.status).code], [1_000_000, 3]);

  await using session = forward(({ writable }) => {
    const writer = writable.getWriter();
    for (const text of ["a", "b", "c", "d"]) writer.write(encoder.encode(text));
    return Promise.resolve();
  });
  await session.peer.send(half(1, "error", "0"), half(3, "data", "0"));
  await settle();
  assertEquals(textOf(session.peer, 3), "abcd");
});

Deno.test("handlers may close twice, write after the end, abort, or write values that are not bytes", async () => {
  const handlers: ProcessHandler[] = [
    async ({ stdout }) => {
      const writer = stdout.getWriter();
      writer.write(encoder.encode("out"));
      const closed = writer.close();
      writer.write(encoder.encode("late")).catch(() => {});
      await closed;
    },
    async ({ stdout }) => await stdout.abort("enough"),
    async ({ stdout }) => {
      const writer = stdout.getWriter();
      await writer.write("text" as unknown as Uint8Array).catch(() => {});
      writer.write(encoder.encode("late")).catch(() => {});
    },
  ];
  for (const handler of handlers) {
    await using server = serveStreaming({ exec: handler });
    const url = `http://127.0.0.1:${server.addr.port}`;
    await using process = await exec({ url, pod: { name: "web" } });
    await Promise.all([
      process.stdout.pipeTo(new WritableStream()),
      process.stderr.cancel(),
    ]);
    assertEquals((await process.status).code, 0);
  }
});

Deno.test("a handler may throw anything, and return anything as exit code", async () => {
  const odd = Object.create(null);
  const thrown: ProcessHandler[] = [
    () => Promise.reject(odd),
    () => Promise.reject(undefined),
    () => Promise.resolve(NaN),
    () => Promise.resolve(2 ** 40),
    () => Promise.resolve("0" as unknown as number),
  ];
  for (const handler of thrown) {
    await using server = serveStreaming({ exec: handler });
    const url = `http://127.0.0.1:${server.addr.port}`;
    await using process = await exec({ url, pod: { name: "web" } });
    const error = await assertRejects(() => process.status, RemoteCommandError);
    assertEquals(error.reason, "InternalError");
  }
  await using session = forward(() => Promise.reject(odd));
  await session.peer.send(half(1, "error", "0"), half(3, "data", "0"));
  await settle();
  assertEquals(
    textOf(session.peer, 1),
    "error forwarding port 80: the thrown value cannot be converted to text",
  );
});
