/** The first timers of a process. */

import { assert, assertEquals } from "../../deps.ts";
import { ONE_REQUEST, runWatched } from "../../helpers/watched_globals.ts";

/**
 * Runs a program in which `timers()` says how often `setTimeout` was created. Before
 * Deno 2.8, the original `clearTimeout` looks it up as well, so that is watched, too.
 */
const run = (program: string): ReturnType<typeof runWatched> =>
  runWatched(
    ["setTimeout", "clearTimeout"],
    `const timers = () => created.filter((name) => name === "setTimeout").length;
    ${program}`,
  );

Deno.test("system timers: a client with one request does not create setTimeout", async () => {
  const { printed } = await run(`${ONE_REQUEST} console.log(timers());`);
  assertEquals(printed, "200 true hello\n0");
});

Deno.test("system timers: the first timers fire in order, and not when they were stopped", async () => {
  const { printed, took } = await run(`
    const fired = [];
    const { promise, resolve } = Promise.withResolvers();
    startSystemTimer(() => (fired.push("late"), resolve()), 1500);
    startSystemTimer(() => {
      fired.push("soon");
      startSystemTimer(() => fired.push("from a timer"), 1);
    }, 20);
    stopSystemTimer(startSystemTimer(() => fired.push("stopped"), 10));
    const stopped = startSystemTimer(() => fired.push("stopped later"), 900);
    startSystemTimer(() => stopSystemTimer(stopped), 300);
    stopSystemTimer(undefined);
    const before = timers();
    await promise;
    console.log(fired.join(), before, timers());
  `);
  assertEquals(printed, "soon,from a timer,late 0 1");
  assert(took >= 1500, `${took} ms`);
});

Deno.test("system timers: a stopped first timer does not keep the process alive", async () => {
  const { printed, took } = await run(`
    const timer = startSystemTimer(() => console.log("fired"), 60_000);
    stopSystemTimer(timer);
    const other = startSystemTimer(() => console.log("fired"), 60_000);
    unrefSystemTimer(other);
    console.log("end");
  `);
  assertEquals(printed, "end");
  assert(took < 50_000, `${took} ms`);
});

Deno.test("system timers: a running first timer keeps the process alive", async () => {
  const { printed } = await run(
    `startSystemTimer(() => console.log("fired"), 400);`,
  );
  assertEquals(printed, "fired");
});

Deno.test("system timers: many timers create setTimeout at once", async () => {
  const { printed } = await run(`
    let fired = 0;
    const started = Array.from({ length: 20 }, () =>
      startSystemTimer(() => fired++, 100)
    );
    const inSameTurn = timers();
    await Promise.resolve();
    await Promise.resolve();
    const soon = timers();
    started.slice(0, 10).forEach(stopSystemTimer);
    await new Promise((resolve) => startSystemTimer(resolve, 150));
    console.log(inSameTurn, soon, fired);
  `);
  assertEquals(printed, "0 1 10");
});

Deno.test("system timers: a replaced global setTimeout is not used", async () => {
  const { printed } = await run(`
    // Not by an assignment, because in Deno 2.8 the property has only a getter.
    Object.defineProperty(globalThis, "setTimeout", {
      value: () => console.log("replaced"),
    });
    await new Promise((resolve) => startSystemTimer(resolve, 300));
    console.log("fired");
  `);
  assertEquals(printed, "fired");
});
