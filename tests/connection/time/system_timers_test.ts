/** The first timers of a process. Each program counts how often `setTimeout` was created. */

import { assert, assertEquals } from "../../deps.ts";

const ROOT = new URL("../../../", import.meta.url);

/** Runs a program in a process of its own; what it prints, and how long it took, ms. */
async function run(
  program: string,
): Promise<{ printed: string; took: number }> {
  const began = performance.now();
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-check",
      `
      let created = 0;
      for (const name of ["setTimeout", "clearTimeout"]) {
        const { get, value } = Object.getOwnPropertyDescriptor(globalThis, name);
        Object.defineProperty(globalThis, name, {
          configurable: true,
          get() {
            if (name === "setTimeout") created++;
            return get === undefined ? value : get.call(globalThis);
          },
        });
      }
      const m = await import(${JSON.stringify(new URL("mod.ts", ROOT).href)});
      const { startSystemTimer, stopSystemTimer, unrefSystemTimer } = await import(
        ${
        JSON.stringify(new URL("connection/time/system_timers.ts", ROOT).href)
      }
      );
      ${program}
      `,
    ],
  }).output();
  const decoder = new TextDecoder();
  return {
    printed: (decoder.decode(stdout) + decoder.decode(stderr)).trim(),
    took: performance.now() - began,
  };
}

Deno.test("system timers: a client with one request does not create setTimeout", async () => {
  const { printed } = await run(`
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepted = listener.accept().then((conn) => m.accept(conn));
    const client = await m.connect(listener.addr);
    const server = await accepted;
    (async () => {
      for await (const stream of server) {
        await stream.reply([[":status", "200"], [":version", "HTTP/1.1"]]);
        await stream.write(new TextEncoder().encode("hello"));
        await stream.closeWrite();
      }
    })();
    console.log(await (await client.fetch("/")).text());
    await Promise.all([client.close(), server.close()]);
    listener.close();
    console.log(created);
  `);
  assertEquals(printed, "hello\n0");
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
    const before = created;
    await promise;
    console.log(fired.join(), before, created);
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
    const timers = Array.from({ length: 20 }, () =>
      startSystemTimer(() => fired++, 100)
    );
    const inSameTurn = created;
    await Promise.resolve();
    await Promise.resolve();
    const soon = created;
    timers.slice(0, 10).forEach(stopSystemTimer);
    await new Promise((resolve) => startSystemTimer(resolve, 150));
    console.log(inSameTurn, soon, fired);
  `);
  assertEquals(printed, "0 1 10");
});

Deno.test("system timers: a replaced global setTimeout is not used", async () => {
  const { printed } = await run(`
    // Not by an assignment: in Deno 2.8, the property has a getter alone.
    Object.defineProperty(globalThis, "setTimeout", {
      value: () => console.log("replaced"),
    });
    await new Promise((resolve) => startSystemTimer(resolve, 300));
    console.log("fired");
  `);
  assertEquals(printed, "fired");
});
