import { usedSessions } from "../../bench/session_pair.ts";
import { shrinkHeaders } from "../../session.ts";
import { assert, assertEquals, assertLess } from "../deps.ts";
import { collect, withCollector } from "../helpers/collector.ts";
import { type Pair, tcpPair } from "../helpers/connections.ts";
import { nextStream, RESPONSE } from "../helpers/http.ts";

/**
 * Checks that sessions and connections hold no memory that they do not need. The
 * bounds are multiples of the window of deflate, 32 KiB, because a connection in
 * use needs one in each direction. They are a third above what was measured.
 */
const WINDOW = 32 * 1024;
const COUNT = 200;
const PAIRS = 60;
/** Enough requests to fill all windows. */
const MANY = 300;

withCollector.test({
  name: "memory: a session after its first request takes no whole window",
  fn() {
    usedSessions();
    const before = memoryInUse();
    const sessions = Array.from({ length: COUNT / 2 }, usedSessions).flat();
    const ratio = (memoryInUse() - before) / COUNT / WINDOW;
    // Read after the measurement, so that the sessions are still there.
    assert(sessions.every((session) => session.wantRead()));
    console.log(`session after a request: ${ratio.toFixed(2)} windows`);
    assertLess(ratio, 0.6);
  },
});

withCollector.test({
  name:
    "memory: a silent session takes about twice the window of the headers that it receives",
  fn() {
    usedSessions(MANY);
    const before = memoryInUse();
    const sessions = Array.from(
      { length: PAIRS / 2 },
      () => usedSessions(MANY),
    ).flat();
    const busy = (memoryInUse() - before) / PAIRS / WINDOW;
    for (const session of sessions) shrinkHeaders(session);
    const silent = (memoryInUse() - before) / PAIRS / WINDOW;
    assert(sessions.every((session) => session.wantRead()));
    console.log(
      `session after ${MANY} requests: ${busy.toFixed(2)} windows, silent ${
        silent.toFixed(2)
      }`,
    );
    assertLess(silent, 2.8);
  },
});

function memoryInUse(): number {
  collect?.();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

withCollector.test({
  name: "memory: an idle connection keeps nothing of the bulk that it moved",
  async fn() {
    const pairs: Pair[] = [await busyPair()];
    const before = memoryInUse();
    while (pairs.length <= PAIRS) pairs.push(await busyPair());
    // Each pair has two connections in this process.
    const ratio = (memoryInUse() - before) / PAIRS / 2 / WINDOW;
    console.log(`connection after bulk: ${ratio.toFixed(2)} windows`);
    for (const pair of pairs) await pair[Symbol.asyncDispose]();
    assertLess(ratio, 1.4);
  },
});

/** A client and a server that have moved 1 MiB each way, and then a little. */
async function busyPair(): Promise<Pair> {
  const pair = await tcpPair();
  const stream = await pair.client.openStream([["x", "1"]]);
  const other = await nextStream(pair.server);
  await other.reply([...RESPONSE]);
  const echoed = other.readable.pipeTo(other.writable);
  const sent = new Blob([new Uint8Array(1 << 20)]).stream()
    .pipeTo(stream.writable);
  let size = 0;
  for await (const { length } of stream.readable) size += length;
  assertEquals(size, 1 << 20);
  await Promise.all([echoed, sent]);
  await pair.client.ping();
  await pair.server.ping();
  return pair;
}
