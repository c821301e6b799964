/** Items that wait for readers, and readers that wait for items. */

import { AcceptQueue } from "../../connection/accept_queue.ts";
import { assertEquals, assertRejects } from "../deps.ts";

Deno.test("accept queue: items wait for readers, readers wait for items, and the end ends both waits", async () => {
  const queue = new AcceptQueue<number>();
  queue.push(1);
  queue.push(2);
  assertEquals((await queue.next()).value, 1);
  assertEquals((await queue.next()).value, 2);
  const waiting = queue.next();
  queue.push(3);
  assertEquals((await waiting).value, 3);
  const last = queue.next();
  queue.push(4);
  queue.push(5);
  queue.end(undefined);
  queue.end(new Error("too late"));
  assertEquals((await last).value, 4);
  assertEquals((await queue.next()).value, 5);
  assertEquals((await queue.next()).done, true);
  assertEquals((await queue.next()).done, true);

  const failing = new AcceptQueue<number>();
  const pending = failing.next();
  failing.end(new Error("gone"));
  await assertRejects(() => pending, Error, "gone");
  await assertRejects(() => failing.next(), Error, "gone");
});

Deno.test("accept queue: it reports each item that waits and each waiting item that is taken, and no other", async () => {
  const log: string[] = [];
  const queue = new AcceptQueue<number>(
    (item) => log.push(`waits ${item}`),
    (item) => log.push(`taken ${item}`),
  );
  assertEquals([queue.take(), queue.size, queue.reading], [undefined, 0, 0]);
  const first = queue.next();
  const second = queue.next();
  assertEquals(queue.reading, 2);
  queue.push(1);
  queue.push(2);
  assertEquals([(await first).value, (await second).value], [1, 2]);
  assertEquals([queue.reading, log], [0, []]);
  for (const item of [3, 4, 5, 6]) queue.push(item);
  assertEquals([queue.size, queue.waiting()], [4, [3, 4, 5, 6]]);
  assertEquals([queue.take(), (await queue.next()).value], [3, 4]);
  assertEquals([queue.size, queue.waiting()], [2, [5, 6]]);
  assertEquals([queue.takeAll(), queue.size], [[5, 6], 0]);
  assertEquals(queue.takeAll(), []);
  assertEquals(log, [
    "waits 3",
    "waits 4",
    "waits 5",
    "waits 6",
    "taken 3",
    "taken 4",
    "taken 5",
    "taken 6",
  ]);
});

Deno.test("accept queue: the order stays, however many items wait and are taken", () => {
  const queue = new AcceptQueue<number>();
  let pushed = 0;
  let taken = 0;
  for (const [push, take] of [[100, 31], [1, 1], [5, 2], [40, 80], [0, 32]]) {
    for (let count = 0; count < push; count++) queue.push(pushed++);
    for (let count = 0; count < take; count++) {
      assertEquals(queue.take(), taken++);
    }
    assertEquals(queue.size, pushed - taken);
    assertEquals(queue.waiting()[0], taken < pushed ? taken : undefined);
  }
});
