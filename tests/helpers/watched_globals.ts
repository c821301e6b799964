/**
 * Programs that run in a process of their own, which records when the module under
 * test looks up a global. Deno creates many of its globals at the first look-up.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url);

/** The address of a module of the repository, as a literal of a program. */
function literal(path: string): string {
  return JSON.stringify(new URL(path, ROOT).href);
}

/**
 * A program: a client sends one request to a server in the same process, prints
 * the response (`200 true hello`), and both ends close.
 */
export const ONE_REQUEST = `
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
  const response = await client.fetch("/");
  console.log(response.status, response.ok, await response.text());
  await Promise.all([client.close(), server.close()]);
  listener.close();
`;

/**
 * Runs a program in a process of its own. The program sees the exports of `mod.ts`
 * as `m`, and an array `created` with the name of a global for each time that it was
 * looked up.
 *
 * @param globals The globals that are watched.
 * @return What the program printed (errors last), and how long it took, ms.
 */
export async function runWatched(
  globals: readonly string[],
  program: string,
): Promise<{ printed: string; took: number }> {
  const began = performance.now();
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-check",
      `
      const created = [];
      for (const name of ${JSON.stringify(globals)}) {
        const { get, value } = Object.getOwnPropertyDescriptor(globalThis, name);
        Object.defineProperty(globalThis, name, {
          configurable: true,
          get() {
            created.push(name);
            return get === undefined ? value : get.call(globalThis);
          },
        });
      }
      const m = await import(${literal("mod.ts")});
      const { startSystemTimer, stopSystemTimer, unrefSystemTimer } =
        await import(${literal("connection/time/system_timers.ts")});
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
