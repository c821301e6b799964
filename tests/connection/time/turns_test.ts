/** When a turn of the process ends: after some microtasks first, and with `process.nextTick` later. */

import { assertEquals } from "../../deps.ts";
import { turn } from "../../helpers/virtual_time.ts";

type Clock = typeof import("../../../connection/time/clock.ts");

let loaded = 0;

/** The module in its first state. */
function freshClock(): Promise<Clock> {
  return import(`../../../connection/time/clock.ts?turns=${++loaded}`);
}

/** Microtasks until the turn ends; `undefined` if it lasts longer than 1,000 of them. */
async function microtasksOfTurn(clock: Clock): Promise<number | undefined> {
  let ended = false;
  clock.atEndOfTurn(() => ended = true);
  let count = 0;
  while (!ended && count < 1000) {
    await undefined;
    count++;
  }
  return ended ? count : undefined;
}

/** Uses turns, and waits until what they load is there. */
async function useTurns(clock: Clock, count: number): Promise<void> {
  for (let left = count; left > 0; left--) clock.atEndOfTurn(() => {});
  await import("node:process");
  await turn();
  await turn();
}

Deno.test("turns: the first 64 end after 128 microtasks, and later ones after all microtasks", async () => {
  const clock = await freshClock();
  await useTurns(clock, 62);
  assertEquals(await microtasksOfTurn(clock), 128);
  // The 64th loads process.nextTick.
  assertEquals(await microtasksOfTurn(clock), 128);
  await useTurns(clock, 0);
  assertEquals(await microtasksOfTurn(clock), undefined);
});

Deno.test("turns: the callback runs once, at the end of the turn", async () => {
  const clock = await freshClock();
  await useTurns(clock, 64);
  let calls = 0;
  clock.atEndOfTurn(() => calls++);
  assertEquals(calls, 0);
  await turn();
  await turn();
  assertEquals(calls, 1);
});
