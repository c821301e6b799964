/** Promises that settle later. */

import { attempt, LazyPromise, promiseOf } from "../../connection/deferred.ts";
import { assertEquals, assertRejects, assertStrictEquals } from "../deps.ts";

Deno.test("lazy promise: a listener is told once, before or after it settles, with or without a promise", async () => {
  for (const isEarly of [true, false]) {
    for (const isRead of [true, false]) {
      for (const fails of [true, false]) {
        const told: unknown[] = [];
        const listener = {
          resolved: (value: number) => void told.push(value),
          rejected: (error: unknown) => void told.push(error),
        };
        const lazy = new LazyPromise<number>();
        if (isRead) lazy.observed.catch(() => {});
        assertEquals(lazy.awaited, false);
        if (isEarly) lazy.listen(listener);
        assertEquals(lazy.awaited, isEarly);
        if (fails) lazy.reject("no");
        else if (isRead) lazy.resolve(1);
        else lazy.resolveWith(() => 1);
        if (!isEarly) lazy.listen(listener);
        lazy.resolve(2);
        const wanted = fails ? "no" : 1;
        assertEquals(told, [wanted]);
        // A promise that is read later does not tell the listener again.
        assertEquals(await lazy.promise.catch((error) => error), wanted);
        assertEquals(await promiseOf(lazy).catch((error) => error), wanted);
        assertEquals(told, [wanted]);
      }
    }
  }
});

Deno.test("lazy promise: a value that is made on demand is made once, and only if it is read", async () => {
  let made = 0;
  const lazy = new LazyPromise<number[]>();
  lazy.resolveWith(() => [++made]);
  lazy.resolve([0]);
  assertEquals(lazy.settled, true);
  assertEquals(made, 0);
  assertStrictEquals(await lazy.promise, await lazy.observed);
  assertEquals(await lazy.promise, [1]);
});

Deno.test("lazy promise: it settles once, before or after it is read", async () => {
  const early = new LazyPromise<number>();
  early.resolve(1);
  early.resolve(2);
  early.reject(new Error("late"));
  assertEquals(early.settled, true);
  assertEquals(await early.promise, 1);
  assertStrictEquals(early.promise, early.promise);
  const late = new LazyPromise<number>();
  const { promise } = late;
  late.reject(new Error("no"));
  await assertRejects(() => promise, Error, "no");
  await assertRejects(
    () =>
      attempt(() => {
        throw new Error("thrown");
      }),
    Error,
    "thrown",
  );
});
