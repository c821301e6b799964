/** `serve` with more requests than may be handled at once. */

import { assertLess } from "../deps.ts";
import { httpPair } from "../helpers/http.ts";

Deno.test("serve: requests that wait for a permit leave nothing on the connection", async () => {
  const { prototype } = Promise;
  const { then } = prototype;
  const listeners = new WeakMap<Promise<unknown>, number>();
  let most = 0;
  let release = (): void => {};
  await using pair = await httpPair(async () => {
    await new Promise<void>((resolve) => release = resolve);
    return new Response("answered");
  }, {
    limits: { maxConcurrentStreams: 1, maxRapidResets: 2 ** 30 },
  });
  // deno-lint-ignore no-explicit-any -- as the platform declares it
  prototype.then = function (this: Promise<unknown>, ...handlers: any[]): any {
    const count = (listeners.get(this) ?? 0) + 1;
    listeners.set(this, count);
    most = Math.max(most, count);
    return then.apply(this, handlers as Parameters<typeof then>);
  };
  try {
    for (let count = 0; count < 50; count++) {
      // The client disconnects, the handler continues, and the next request
      // waits for it.
      const abort = new AbortController();
      const left = pair.client.fetch("/", { signal: abort.signal });
      await pair.client.ping();
      abort.abort();
      await left.catch(() => {});
      const next = pair.client.fetch("/");
      await pair.client.ping();
      release();
      await pair.client.ping();
      release();
      await (await next).text();
    }
  } finally {
    prototype.then = then;
  }
  assertLess(most, 25);
});
