/** PINGs of one side, and how many have no reply. */

import { Pinger } from "../../../connection/time/pinger.ts";
import { closedBy } from "../../../connection/end_errors.ts";
import { CLIENT, SERVER } from "../../../session/constants.ts";
import {
  assertEquals,
  assertGreaterOrEqual,
  assertRejects,
} from "../../deps.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";

for (const [side, firstId] of [[CLIENT, 1], [SERVER, 2]] as const) {
  Deno.test(`pinger: a PING waits from its call to its reply, with ids from ${firstId}`, async () => {
    using time = virtualTime();
    const pinger = new Pinger(side, () => {});
    const first = pinger.ping();
    const second = pinger.ping();
    assertEquals(pinger.waiting, 2);
    pinger.idAssigned(firstId);
    assertEquals(pinger.waiting, 2);
    pinger.idAssigned(firstId + 2);
    assertEquals(pinger.waiting, 2);
    // A PING of the peer, whose ids have the other parity.
    pinger.idAssigned(firstId + 1);
    pinger.received(firstId + 1);
    assertEquals(pinger.waiting, 2);
    await time.advance(30);
    pinger.received(firstId + 2);
    assertEquals([pinger.waiting, await second], [1, 30]);
    const third = pinger.ping();
    assertEquals(pinger.waiting, 2);
    pinger.fail(() => closedBy("remote", "gone"));
    assertEquals(pinger.waiting, 0);
    await assertRejects(() => first, Error, "gone");
    await assertRejects(() => third, Error, "gone");
  });
}

Deno.test("pinger: replies are matched with their PINGs, and requests of the peer are not", async () => {
  let submitted = 0;
  const pinger = new Pinger(CLIENT, () => submitted++);
  const first = pinger.ping();
  const second = pinger.ping();
  assertEquals(submitted, 2);
  pinger.idAssigned(2);
  pinger.idAssigned(1);
  pinger.idAssigned(3);
  pinger.received(2);
  pinger.received(3);
  assertGreaterOrEqual(await second, 0);
  pinger.fail(() => closedBy("remote", "gone"));
  await assertRejects(() => first, Error, "gone");
});

Deno.test("pinger: a listener is called for the next own PING in the write buffer, once", () => {
  const pinger = new Pinger(CLIENT, () => {});
  let called = 0;
  pinger.sent(1);
  pinger.onNextSent(() => called++);
  pinger.sent(2);
  assertEquals(called, 0);
  pinger.sent(3);
  pinger.sent(5);
  assertEquals(called, 1);
});

Deno.test("pinger: the round trip is that of the last reply, without PINGs for the windows", async () => {
  using time = virtualTime();
  const pinger = new Pinger(CLIENT, () => {});
  const measured = async (id: number, delay: number, forWindows?: boolean) => {
    const reply = pinger.ping(forWindows);
    await time.advance(7);
    pinger.idAssigned(id);
    await time.advance(delay);
    pinger.received(id);
    pinger.received(id);
    return await reply;
  };
  assertEquals(pinger.roundTrip, undefined);
  // The time before it is sent does not count.
  assertEquals([await measured(1, 50), pinger.roundTrip], [50, 50]);
  assertEquals([await measured(3, 90, true), pinger.roundTrip], [90, 50]);
  assertEquals([await measured(5, 20), pinger.roundTrip], [20, 20]);
});
