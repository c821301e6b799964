/** The order in which waiting streams are opened. */

import { OpenQueue } from "../../../connection/stream/open_queue.ts";
import { assertEquals } from "../../deps.ts";

Deno.test("open queue: entries leave by urgency and then by age, and can be removed", () => {
  const queue = new OpenQueue<string>();
  assertEquals(queue.shift(), undefined);
  for (
    const [pri, entry] of [[3, "c"], [0, "a"], [3, "d"], [0, "b"]] as const
  ) {
    queue.push(pri, entry);
  }
  assertEquals(queue.size, 4);
  assertEquals(queue.delete(3, "c"), true);
  assertEquals(queue.delete(3, "c"), false);
  assertEquals(queue.delete(7, "x"), false);
  assertEquals([queue.shift(), queue.shift(), queue.shift()], ["a", "b", "d"]);
  assertEquals(queue.size, 0);
});

Deno.test("open queue: the next entry that fits may be behind others, which stay in order", () => {
  const queue = new OpenQueue<string>();
  for (const entry of ["a1", "a2", "b1"]) queue.push(1, entry);
  queue.push(0, "b0");
  const fits = (entry: string) => entry.startsWith("a");
  assertEquals(queue.shift(fits), "a1");
  assertEquals(queue.shift(fits), "a2");
  assertEquals(queue.shift(fits), undefined);
  assertEquals(queue.size, 2);
  assertEquals([queue.shift(), queue.shift(), queue.shift()], [
    "b0",
    "b1",
    undefined,
  ]);
});
