/** Promises that settle later. */

import { attempt, LazyPromise } from "../../connection/deferred.ts";
import { assertEquals, assertRejects, assertStrictEquals } from "../deps.ts";

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
