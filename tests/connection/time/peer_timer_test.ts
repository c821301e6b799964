/** The time that a peer has to respond, to the millisecond. */

import { PeerTimer } from "../../../connection/time/peer_timer.ts";
import { assertEquals } from "../../deps.ts";
import { type VirtualTime, virtualTime } from "../../helpers/virtual_time.ts";

/** Whether this side reads. */
class Reader {
  readonly #time: VirtualTime;
  #since: number | undefined;
  #before = 0;

  constructor(time: VirtualTime) {
    this.#time = time;
    this.#since = time.now();
  }

  readingSince(): number | undefined {
    return this.#since;
  }

  readingTime(): number {
    return this.#since === undefined
      ? this.#before
      : this.#before + this.#time.now() - this.#since;
  }

  pause(): void {
    this.#before = this.readingTime();
    this.#since = undefined;
  }

  resume(): void {
    this.#since = this.#time.now();
  }
}

interface Timed {
  readonly time: VirtualTime;
  readonly reader: Reader;
  /** When the timer fired, ms. */
  readonly fired: number[];
}

/** Runs a timer of `delay` ms, and `meanwhile` beside it; returns when the timer fired. */
async function firedAt(
  delay: number,
  meanwhile: (timed: Timed) => Promise<void>,
): Promise<number[]> {
  using time = virtualTime();
  const timed: Timed = { time, reader: new Reader(time), fired: [] };
  const timer = new PeerTimer(
    delay,
    timed.reader,
    () => timed.fired.push(time.now()),
  );
  await meanwhile(timed);
  await time.advance(100_000);
  timer.stop();
  assertEquals(time.timers, 0);
  return timed.fired;
}

Deno.test("peer timer: a peer that is silent has exactly its time, however short that is", async () => {
  for (const delay of [1, 50, 100, 101, 1000]) {
    assertEquals(await firedAt(delay, async () => {}), [delay]);
  }
});

Deno.test("peer timer: if reading resumed in the last 100 ms, the peer has 100 ms more", async () => {
  /** Reading is paused from 7,990 ms on; the timer looks again at 9,000. */
  const resumedAt = (at: number) =>
    firedAt(8000, async ({ time, reader }) => {
      await time.advance(7990);
      reader.pause();
      await time.advance(at - 7990);
      reader.resume();
    });
  assertEquals(await resumedAt(8500), [9000]);
  assertEquals(await resumedAt(8900), [9000]);
  assertEquals(await resumedAt(8901), [9100]);
  assertEquals(await resumedAt(8989), [9100]);
  assertEquals(await resumedAt(8995), [9105]);
});

Deno.test("peer timer: while reading is paused, it looks again after an eighth of its time, but no sooner than after 100 ms", async () => {
  for (const [delay, looks] of [[8000, 1000], [400, 100]]) {
    const fired = await firedAt(delay, async ({ time, reader }) => {
      await time.advance(delay - 1);
      reader.pause();
      for (let count = 0; count < 3; count++) {
        await time.advance(1);
        assertEquals(time.next, time.now() + looks);
        await time.advance(looks - 1);
      }
      reader.resume();
    });
    assertEquals(fired.length, 1);
  }
});

Deno.test("peer timer: a process that was blocked for more than 250 ms reads for 100 ms first, and only once", async () => {
  const wokenAt = (at: number) =>
    firedAt(1000, async ({ time }) => {
      await time.advance(999);
      time.moveTo(at);
    });
  assertEquals(await wokenAt(1001), [1001]);
  assertEquals(await wokenAt(1250), [1250]);
  assertEquals(await wokenAt(1251), [1351]);
  const twice = await firedAt(1000, async ({ time }) => {
    await time.advance(999);
    time.moveTo(5000);
    await time.advance(99);
    time.moveTo(9000);
  });
  assertEquals(twice, [9000]);
});
