/** Waiting for work until a signal aborts. */

import { unlessAborted } from "../../../connection/time/unless_aborted.ts";
import { assertEquals, assertRejects } from "../../deps.ts";
import { turn } from "../../helpers/virtual_time.ts";

Deno.test("unlessAborted: it settles like the work", async () => {
  const { signal } = new AbortController();
  for (const each of [undefined, signal]) {
    assertEquals(await unlessAborted(Promise.resolve(1), each), 1);
    const failing = Promise.reject(new Error("failed"));
    await assertRejects(() => unlessAborted(failing, each), Error, "failed");
  }
});

Deno.test("unlessAborted: an abort before or during the wait is the error, and a later failure of the work is handled", async () => {
  for (const isEarly of [true, false]) {
    const work = Promise.withResolvers<void>();
    const controller = new AbortController();
    const abort = (): void => controller.abort(new Error("enough"));
    if (isEarly) abort();
    const waiting = unlessAborted(work.promise, controller.signal);
    if (!isEarly) abort();
    await assertRejects(() => waiting, Error, "enough");
    // An unhandled rejection would fail the test at the end of the turn.
    work.reject(new Error("too late"));
    await turn();
  }
});
