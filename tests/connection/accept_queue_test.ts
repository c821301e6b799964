/** Items that wait for readers, and readers that wait for items. */

import { AcceptQueue } from "../../connection/accept_queue.ts";
import { assertEquals, assertRejects } from "../deps.ts";

Deno.test("accept queue: items wait for readers, readers for items, and both for the end", async () => {
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
