import {
  now,
  pause,
  startIdleTimer,
  startTimeout,
  startTimer,
  stopTimer,
  within,
} from "../../../connection/time/clock.ts";
import { PING } from "../../../frame/constants.ts";
import { assertEquals, assertRejects } from "../../deps.ts";
import { memoryPair } from "../../helpers/connections.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";

const ROOT = new URL("../../../", import.meta.url);

/** Runs a program in a process of its own; resolves to its output. */
async function run(program: string): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", program],
  }).output();
  const decoder = new TextDecoder();
  return (decoder.decode(stdout) + decoder.decode(stderr)).trim();
}

Deno.test("clock: the first timer of a process runs nothing inside the session", async () => {
  const printed = await run(`
    import * as m from ${JSON.stringify(new URL("mod.ts", ROOT).href)};
    const up = new TransformStream(), down = new TransformStream();
    const version = m.PROTO_SPDY3_1;
    const server = new m.Connection(
      { readable: up.readable, writable: down.writable },
      { side: m.SERVER, version },
    );
    const client = new m.Connection(
      { readable: down.readable, writable: up.writable },
      { side: m.CLIENT, version, headerTimeout: 60_000 },
    );
    (async () => {
      for await (const stream of server) stream.reply([["ok", "1"]], { fin: true });
    })();
    const stream = await client.openStream([["a", "b"]], { fin: true });
    console.log(JSON.stringify(await stream.response));
    await client.close();
    await server.close();
  `);
  assertEquals(printed, '[["ok","1"]]');
});

Deno.test("clock: virtual time fires timers in order and only moves on request", async () => {
  using time = virtualTime();
  const fired: string[] = [];
  startTimer(() => fired.push(`b at ${now()}`), 20);
  startTimer(() => {
    fired.push(`a at ${now()}`);
    startTimer(() => fired.push(`c at ${now()}`), 10);
  }, 10);
  const stopped = startTimer(() => fired.push("stopped"), 15);
  stopTimer(stopped);
  await time.advance(9);
  assertEquals(fired, []);
  await time.advance(11);
  assertEquals(fired, ["a at 10", "b at 20", "c at 20"]);
  assertEquals(time.timers, 0);
});

Deno.test("clock: a connection's keepalive runs on virtual time", async () => {
  using time = virtualTime();
  let pings = 0;
  const { client, server } = memoryPair({
    client: {
      keepAlive: { interval: 60_000 },
      onFrame: (direction, frame) => {
        if (direction === "sent" && frame.frameType === PING) pings++;
      },
    },
  });
  await time.advance(1);
  const first = pings;
  await time.advance(59_990);
  assertEquals(pings, first);
  await time.advance(20);
  assertEquals(pings, first + 1);
  await Promise.all([client.close(), server.close()]);
  assertEquals(time.timers, 0);
});

Deno.test("clock: a wait within a time ends with its promise or with the time, and leaves no timer", async () => {
  using time = virtualTime();
  const ended: string[] = [];
  const wait = (name: string, timeout: number, promise: Promise<unknown>) =>
    within(timeout, promise).then(
      () => ended.push(`${name} at ${time.now()}`),
      (error) => ended.push(`${name} at ${time.now()}: ${error.message}`),
    );
  const never = new Promise<void>(() => {});
  const later = (milliseconds: number, error?: Error) =>
    pause(milliseconds).then(() => {
      if (error !== undefined) throw error;
    });
  wait("hanging", 1000, never);
  wait("resolved later", 1000, later(300));
  wait("rejected later", 1000, later(400, new Error("failed")));
  wait("slow", 1000, later(1001));
  wait("no limit", 0, later(5000));
  await time.advance(10_000);
  assertEquals(ended, [
    "resolved later at 300",
    "rejected later at 400: failed",
    "hanging at 1000",
    "slow at 1000",
    "no limit at 5000",
  ]);
  assertEquals(time.timers, 0);
});

Deno.test("clock: a wait for what ends within few microtasks starts no timer", async () => {
  using time = virtualTime();
  let started = 0;
  const start = time.startTimer;
  time.startTimer = (callback, delay) => {
    started++;
    return start.call(time, callback, delay);
  };
  await within(1000, Promise.resolve());
  await assertRejects(
    () => within(1000, Promise.reject(new Error("failed"))),
    Error,
    "failed",
  );
  await within(
    1000,
    (async () => {
      for (let turn = 0; turn < 5; turn++) await undefined;
    })(),
  );
  assertEquals(started, 0);
  const { promise, resolve } = Promise.withResolvers<void>();
  const waiting = within(1000, promise);
  await time.advance(1);
  assertEquals([started, time.timers], [1, 1]);
  resolve();
  await waiting;
  assertEquals(time.timers, 0);
});

Deno.test("clock: an idle timer fires without keeping the process alive, and a timeout of 0 is no timer", async () => {
  using time = virtualTime();
  let fired = 0;
  startIdleTimer(() => fired++, 50);
  assertEquals(time.timers, 0);
  assertEquals(startTimeout(() => fired++, 0), undefined);
  startTimeout(() => fired++, 80);
  assertEquals(time.timers, 1);
  await time.advance(50);
  assertEquals(fired, 1);
  await time.advance(50);
  assertEquals(fired, 2);
});
