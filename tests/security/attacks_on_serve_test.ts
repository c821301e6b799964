/**
 * Known attacks, replayed over loopback TCP against `serve`. The attacker's
 * connection ends, or stops at a bounded cost, and another client is served at
 * the same time.
 *
 * @module
 */

import { assert, assertEquals, assertLess, concat } from "../deps.ts";
import {
  connect,
  type Frame,
  FRAME_TOO_LARGE,
  FrameEncoder,
  type Limits,
  type NameValue,
  PROTO_SPDY3_1,
  serve,
  type ServeHandler,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SYN_REPLY,
} from "../../mod.ts";
import {
  data,
  headers,
  ping,
  rstStream,
  settings,
  windowUpdate,
} from "../session/harness.ts";
import { waitUntil } from "../helpers/deadline.ts";
import { type HttpPair, REQUEST } from "../helpers/http.ts";
import { MIB, usedMemory } from "./measure.ts";
import { RawPeer, synStream } from "./raw_peer.ts";

const VERSION = PROTO_SPDY3_1;
/**
 * Most bytes by which the memory in use may grow. Most of them are garbage; both
 * ends are included.
 */
const MOST_MEMORY = 128 * MIB;
/** An attack that has not ended after this time never ends, ms. */
const MOST_TIME = 30_000;

function request(streamId: number, flags = 1): Frame {
  return synStream(streamId, { flags, nv: [...REQUEST] });
}

/** A server, and a client that sends requests to it during `attack`. */
async function underAttack(
  handler: ServeHandler<Deno.NetAddr>,
  attack: (port: number, server: HttpPair["server"]) => Promise<void>,
  limits?: Limits,
): Promise<void> {
  await using server = serve(
    {
      hostname: "127.0.0.1",
      port: 0,
      onListen() {},
      version: VERSION,
      closeTimeout: 100,
      limits,
    },
    (incoming, info) =>
      new URL(incoming.url).pathname === "/honest"
        ? new Response("still here")
        : handler(incoming, info),
  );
  await using client = await connect({ port: server.addr.port });
  let over = false;
  const honest = async () => {
    do {
      const response = await client.fetch("/honest");
      assertEquals(await response.text(), "still here");
      await new Promise((resolve) => setTimeout(resolve, 5));
    } while (!over);
  };
  const asking = honest();
  const before = usedMemory();
  try {
    await attack(server.addr.port, server);
  } finally {
    over = true;
    await asking;
  }
  assertLess(usedMemory() - before, MOST_MEMORY);
}

async function dial(port: number): Promise<Deno.TcpConn> {
  return await Deno.connect({ hostname: "127.0.0.1", port });
}

/** Sends bursts until the server has ended the connection; fails if it does not. */
async function floodUntilClosed(
  port: number,
  bursts: (index: number) => Frame[],
  reading = true,
): Promise<void> {
  const conn = await dial(port);
  const encoder = new FrameEncoder(VERSION);
  let ended = false;
  const drained = reading ? drain(conn).then(() => ended = true) : undefined;
  const deadline = performance.now() + MOST_TIME;
  try {
    for (let index = 0; !ended; index++) {
      assertLess(performance.now(), deadline, "the server puts up with it");
      await writeAll(
        conn,
        concat(bursts(index).map((frame) => encoder.encode(frame))),
      );
      // Lets the other parties run.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  } catch (error) {
    // The server closed the connection while this side wrote, as expected.
    const broken = error instanceof Deno.errors.BrokenPipe ||
      error instanceof Deno.errors.ConnectionReset ||
      error instanceof Deno.errors.ConnectionAborted;
    if (!broken) throw error;
  } finally {
    conn.close();
    await drained;
  }
}

async function drain(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65536);
  try {
    while (await conn.read(buffer) !== null);
  } catch {
    // A reset ends it as well.
  }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

const ok: ServeHandler<Deno.NetAddr> = () => new Response("ok");

Deno.test("serve, CVE-2019-9512 ping flood: a client that does not read the replies is disconnected", async () => {
  await underAttack(ok, (port) =>
    floodUntilClosed(
      port,
      (burst) => times(5000, (index) => ping(2 * (5000 * burst + index) + 1)),
      false,
    ));
});

Deno.test("serve, CVE-2019-9515 settings flood: the client is disconnected", async () => {
  await underAttack(ok, (port) =>
    floodUntilClosed(
      port,
      () => times(500, (index) => settings([1 + index % 6, 0, index])),
    ));
});

Deno.test("serve, CVE-2019-9518 empty frames flood: the client is disconnected", async () => {
  await underAttack(() => new Promise<Response>(() => {}), async (port) => {
    for (const frame of [data(1, 0), headers(1)]) {
      await floodUntilClosed(
        port,
        (burst) => burst === 0 ? [request(1, 0)] : times(500, () => frame),
      );
    }
  });
});

Deno.test("serve, CVE-2023-44487 rapid reset: the number of running handlers is limited", async () => {
  let atWork = 0;
  let most = 0;
  let begun = 0;
  let release = () => {};
  const released = new Promise<void>((resolve) => release = resolve);
  await underAttack(async () => {
    begun++;
    most = Math.max(most, ++atWork);
    // A handler that ignores its signal.
    await released;
    atWork--;
    return new Response("too late");
  }, async (port) => {
    await floodUntilClosed(
      port,
      (burst) =>
        times(100, (index) => 2 * (100 * burst + index) + 1)
          .flatMap((id) => [request(id), rstStream(id)]),
    );
    release();
  });
  assertLess(most, 101);
  assertLess(begun, 1100);
});

Deno.test("serve, CVE-2023-44487 rapid reset: mixed with successful requests", async () => {
  const bursts = 30;
  let atWork = 0;
  let most = 0;
  /** How many handlers of successful requests have run. */
  let answered = 0;
  // Handlers of requests that were reset ignore their signal and run until their
  // burst is released. Those of the last bursts run longer than the connection.
  const releases = times(bursts, () => Promise.withResolvers<void>());
  await underAttack(async (incoming) => {
    most = Math.max(most, ++atWork);
    const [, kind, burst] = new URL(incoming.url).pathname.split("/");
    if (kind === "quick") answered++;
    else await releases[Number(burst)].promise;
    atWork--;
    return new Response("x");
  }, async (port) => {
    const peer = new RawPeer(await dial(port), VERSION);
    const to = (path: string) =>
      REQUEST.map(([name, value]): NameValue =>
        name === ":path" ? [name, path] : [name, value]
      );
    const quick = to("/quick");
    let id = 1;
    try {
      for (let burst = 0; burst < bursts; burst++) {
        // Successful requests restore the budget of resets, so as many as are
        // reset change nothing.
        peer.send(
          ...times(50, () => synStream(id += 2, { flags: 1, nv: quick })),
        );
        await peer.ping();
        const slow = to(`/slow/${burst}`);
        peer.send(
          ...times(50, () => id += 2).flatMap((each) => [
            synStream(each, { flags: 1, nv: slow }),
            rstStream(each),
          ]),
        );
        await peer.ping();
        // Two bursts take all permits, so the requests of the next one wait for this.
        releases[burst - 2]?.resolve();
        await waitUntil(
          `the successful requests of burst ${burst} run`,
          () => answered === 50 * (burst + 1),
        );
      }
      await peer.ping();
      assert(!peer.over, "the server has ended the connection");
    } finally {
      peer.close();
      await peer.ended;
      for (const release of releases) release.resolve();
    }
  });
  assertEquals(atWork, 0);
  assertEquals(answered, 50 * bursts);
  // All permits were in use, and no more.
  assertEquals(most, 100);
});

Deno.test("serve, CVE-2019-9511 data dribble: a client that raises windows byte by byte is disconnected", async () => {
  let bytes = 0;
  const endless = () =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        bytes += 16384;
        controller.enqueue(new Uint8Array(16384));
      },
    });
  await underAttack(
    () => new Response(endless()),
    (port) =>
      floodUntilClosed(port, (burst) =>
        burst === 0
          ? [
            settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 0]),
            ...times(100, (index) => request(2 * index + 1)),
          ]
          : [settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, burst])]),
  );
  // A few chunks wait for each stream, no more.
  assertLess(bytes, 100 * 16 * 16384);
});

Deno.test("serve, CVE-2019-9517 internal data buffering: a client that sends requests and does not read", async () => {
  const CHUNK = 65536;
  let pulled = 0;
  const body = () => {
    let left = 256;
    return new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += CHUNK;
        controller.enqueue(new Uint8Array(CHUNK));
        if (--left === 0) controller.close();
      },
    });
  };
  await underAttack(() => new Response(body()), async (port, server) => {
    using conn = await dial(port);
    const encoder = new FrameEncoder(VERSION);
    const frames = [
      settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 0x7fffffff]),
      windowUpdate(0, 0x7fffffff - 65536),
      ...times(100, (index) => request(2 * index + 1)),
    ];
    await writeAll(
      conn,
      concat(frames.map((frame) => encoder.encode(frame))),
    );
    const waiting = (): number => {
      const attacked = [...server.connections].find(({ remoteAddr }) =>
        (remoteAddr as Deno.NetAddr).port === conn.localAddr.port
      );
      const streams = attacked?.stats().streams ?? [];
      return streams.filter(({ waitsFor }) => waitsFor.includes("transport"))
        .length;
    };
    await waitUntil("all responses to wait", () => waiting() === 100);
    // They also wait between two writes. When nothing has been pulled for a second, the
    // socket is full.
    for (let last = -1, same = 0; same < 10; last = pulled) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      same = pulled === last ? same + 1 : 0;
    }
    assertEquals(waiting(), 100);
  });
  // 1600 MiB were requested. Each stream has a few chunks of its own, and the
  // kernel holds some MiB.
  assertLess(pulled, 64 * MIB);
});

Deno.test("serve: 256 headers are served, one more is FRAME_TOO_LARGE", async () => {
  const attack = async (port: number): Promise<void> => {
    const peer = new RawPeer(await dial(port), VERSION);
    const list = (count: number) => [
      ...REQUEST,
      ...times(count - REQUEST.length, (index): NameValue => [`n${index}`, ""]),
    ];
    await peer.send(
      synStream(1, { flags: 1, nv: list(256) }),
      synStream(3, { flags: 1, nv: list(257) }),
    );
    await peer.ping();
    while (!peer.frames.some((frame) => frame.frameType === SYN_REPLY)) {
      assert(!peer.over);
      await peer.ping();
    }
    assertEquals(peer.resets, [[3, FRAME_TOO_LARGE]]);
    peer.close();
    await peer.ended;
  };
  await underAttack(ok, attack);
  await underAttack(ok, attack, { maxHeaderCount: undefined });
});
