/** PINGs of one side, and how many have no reply. */

import { Pinger } from "../../../connection/time/pinger.ts";
import { CLIENT, SERVER } from "../../../session/constants.ts";
import { assert, assertEquals, assertRejects } from "../../deps.ts";
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
    pinger.fail(new Error("closed"));
    assertEquals(pinger.waiting, 0);
    await assertRejects(() => first, Error, "closed");
    await assertRejects(() => third, Error, "closed");
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
  assert(await second >= 0);
  pinger.fail(new Error("gone"));
  await assertRejects(() => first, Error, "gone");
});
