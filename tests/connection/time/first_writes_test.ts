/** First writes that wait for the peer's first bytes with a common timer. */

import { FirstWrites } from "../../../connection/time/first_writes.ts";
import { assertEquals } from "../../deps.ts";
import { type VirtualTime, virtualTime } from "../../helpers/virtual_time.ts";

/** Writers that note when they write, ms. */
class Writers {
  readonly log: string[] = [];
  readonly writes = new FirstWrites();
  readonly #time: VirtualTime;
  readonly #begin: number;

  constructor(time: VirtualTime) {
    this.#time = time;
    this.#begin = time.now();
  }

  add(name: string): { flush(): void } {
    const writer = {
      flush: () => {
        this.log.push(`${name} at ${this.#time.now() - this.#begin}`);
      },
    };
    this.writes.add(writer, this.#time.now());
    return writer;
  }
}

Deno.test("first writes: each waits for 5 ms", async () => {
  using time = virtualTime();
  const writers = new Writers(time);
  writers.add("a");
  await time.advance(2);
  writers.add("b");
  await time.advance(2);
  writers.add("c");
  await time.advance(100);
  assertEquals(writers.log, ["a at 5", "b at 7", "c at 9"]);
  writers.add("d");
  await time.advance(100);
  assertEquals(writers.log.at(-1), "d at 109");
  assertEquals(time.timers, 0);
});

Deno.test("first writes: one that no longer waits does nothing and delays no other", async () => {
  using time = virtualTime();
  const writers = new Writers(time);
  const gone = writers.add("a");
  await time.advance(1);
  writers.writes.delete(gone);
  writers.add("b");
  await time.advance(1);
  writers.writes.delete(writers.add("c"));
  await time.advance(100);
  assertEquals(writers.log, ["b at 6"]);
});

Deno.test("first writes: all share one timer, which ends with the last connection", async () => {
  using time = virtualTime();
  const writers = new Writers(time);
  for (let count = 0; count < 10; count++) {
    writers.writes.delete(writers.add(`${count}`));
    assertEquals(time.timers, 1);
  }
  const last = writers.add("last");
  writers.writes.connectionEnded();
  assertEquals(time.timers, 1);
  writers.writes.delete(last);
  writers.writes.connectionEnded();
  assertEquals(time.timers, 0);
  writers.writes.connectionEnded();
  writers.add("next");
  await time.advance(5);
  assertEquals(writers.log, ["next at 5"]);
});
