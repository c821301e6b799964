import { now, startTimer, stopTimer } from "../../../connection/time/clock.ts";
import { PING } from "../../../frame/constants.ts";
import { assertEquals } from "../../deps.ts";
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
