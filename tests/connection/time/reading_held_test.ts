/** No timeout counts the time in which this side does not read. */

import type { ConnectionTuning } from "../../../connection/options.ts";
import type { Stream } from "../../../connection/stream/stream.ts";
import { PeerTimer } from "../../../connection/time/peer_timer.ts";
import { PROTO_SPDY2, PROTO_SPDY3_1 } from "../../../frame/constants.ts";
import type { NameValue } from "../../../frame/types.ts";
import { assert, assertEquals, assertRejects } from "../../deps.ts";
import { memoryPair, type Pair } from "../../helpers/connections.ts";
import { nextStream } from "../../helpers/http.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";
import { versionName } from "../../helpers/version_name.ts";

const NV: NameValue[] = [["a", "b"]];
const SIZE = 2 << 20;
const SILENCE = 10_000;

/** A side without windows whose reader has stopped, so that it stops reading as well. */
async function held(
  by: "client" | "server",
  tuning: ConnectionTuning,
  version: typeof PROTO_SPDY2 | typeof PROTO_SPDY3_1,
): Promise<{ pair: Pair; unread: Stream }> {
  const pair = memoryPair({
    version,
    both: { flowControl: false },
    [by]: { maxBufferedBytes: 65536, ...tuning },
  });
  const own = await pair.client.openStream(NV);
  const peer = await nextStream(pair.server);
  await peer.reply([["ok", "1"]]);
  await own.response;
  const [unread, full] = by === "client" ? [own, peer] : [peer, own];
  full.write(new Uint8Array(SIZE)).then(() => full.closeWrite())
    .catch(() => {});
  return { pair, unread };
}

async function readAll(stream: Stream): Promise<number> {
  const buffer = new Uint8Array(65536);
  for (let size = 0;;) {
    const read = await stream.read(buffer);
    if (read === null) return size;
    size += read;
  }
}

for (const version of [PROTO_SPDY2, PROTO_SPDY3_1] as const) {
  for (const by of ["client", "server"] as const) {
    Deno.test(`reading paused: keepAlive of the ${by} does not time out, ${versionName(version)}`, async () => {
      using time = virtualTime();
      const keepAlive = { interval: SILENCE, timeout: SILENCE };
      const { pair, unread } = await held(by, { keepAlive }, version);
      await using _ = pair;
      // At every time between two timeouts: reading, then silence again.
      for (const pause of [9, 15, 25, 70]) {
        await time.advance(pause * 1000);
        assertEquals(await unread.read(new Uint8Array(100)), 100);
      }
      assertEquals(await readAll(unread), SIZE - 400);
      assertEquals(pair[by].accepting, true);
    });

    Deno.test(`reading paused: idleTimeout of the ${by} closes nothing, ${versionName(version)}`, async () => {
      using time = virtualTime();
      const idle = { idleTimeout: SILENCE };
      const { pair, unread } = await held(by, idle, version);
      await using _ = pair;
      await time.advance(5 * SILENCE);
      assertEquals(await readAll(unread), SIZE);
    });
  }

  Deno.test(`reading paused: headerTimeout waits for a reply that cannot be read, ${versionName(version)}`, async () => {
    using time = virtualTime();
    const tuning = { headerTimeout: SILENCE };
    const { pair, unread } = await held("client", tuning, version);
    await using _ = pair;
    const asked = await pair.client.openStream(NV);
    const answering = await nextStream(pair.server);
    await time.advance(3 * SILENCE);
    const replied = answering.reply([["ok", "2"]]);
    await time.advance(SILENCE);
    assertEquals(await readAll(unread), SIZE);
    await replied;
    assertEquals(await asked.response, [["ok", "2"]]);
  });

  Deno.test(`reading paused: a missing reply times out after reading has resumed, ${versionName(version)}`, async () => {
    using time = virtualTime();
    const tuning = { headerTimeout: SILENCE };
    const { pair, unread } = await held("client", tuning, version);
    await using _ = pair;
    const asked = await pair.client.openStream(NV);
    await time.advance(3 * SILENCE);
    assertEquals(await readAll(unread), SIZE);
    await time.advance(SILENCE);
    await assertRejects(() => asked.response, Error, "sent no reply within");
  });
}

Deno.test("peer timer: only time in which this side reads counts", async () => {
  using time = virtualTime();
  let since: number | undefined = 0;
  let late: number | undefined;
  let read = 0;
  const readingTime = () =>
    since === undefined ? read : read + time.now() - since;
  new PeerTimer(1000, { readingSince: () => since, readingTime }, () => {
    late = time.now();
  });
  await time.advance(900);
  read = readingTime();
  since = undefined;
  await time.advance(5000);
  since = time.now();
  await time.advance(99);
  assertEquals(late, undefined);
  await time.advance(101);
  // There was time to read what had arrived meanwhile.
  assert(late !== undefined && late >= 6000);
});

for (const [reads, pause] of [[150, 2], [30, 2], [500, 3000], [50, 1000]]) {
  Deno.test(`peer timer: pauses of ${pause} ms after ${reads} ms only delay it by themselves`, async () => {
    using time = virtualTime();
    let since: number | undefined = 0;
    let read = 0;
    let late = false;
    const readingTime = () =>
      since === undefined ? read : read + time.now() - since;
    new PeerTimer(1000, { readingSince: () => since, readingTime }, () => {
      late = true;
    });
    while (readingTime() < 1300 && !late) {
      await time.advance(reads);
      read = readingTime();
      since = undefined;
      if (read < 1000) assert(!late, `after ${read} ms of reading`);
      await time.advance(pause);
      since = time.now();
    }
    assert(late);
    assertEquals(time.timers, 0);
  });
}

Deno.test("peer timer: a timer that expires while reading is paused fires when reading resumes", async () => {
  using time = virtualTime();
  let since: number | undefined = 0;
  let late = false;
  const readingTime = () => Math.min(time.now(), 1000);
  new PeerTimer(1000, { readingSince: () => since, readingTime }, () => {
    late = true;
  });
  await time.advance(999);
  since = undefined;
  await time.advance(10_000);
  assertEquals(late, false);
  since = time.now();
  await time.advance(1000);
  assertEquals(late, true);
});

Deno.test("peer timer: a suspended process first reads what arrived meanwhile", async () => {
  using time = virtualTime();
  let late = 0;
  const start = () =>
    new PeerTimer(1000, {
      readingSince: () => 0,
      readingTime: () => time.now(),
    }, () => late++);
  start();
  time.moveTo(60_000);
  time.fire();
  assertEquals(late, 0);
  // There was nothing to read, however late this is noticed.
  time.moveTo(70_000);
  time.fire();
  assertEquals(late, 1);
  const answered = start();
  time.moveTo(120_000);
  time.fire();
  answered.stop();
  await time.advance(5000);
  assertEquals([late, time.timers], [1, 0]);
});
