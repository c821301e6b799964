/** An orderly end of a connection creates no error that nobody receives. */

import { SpdyError } from "../../errors.ts";
import { ConnectionClosedError } from "../../connection/errors.ts";
import { lazily } from "../../connection/end_errors.ts";
import { assertEquals, assertRejects, assertStrictEquals } from "../deps.ts";
import { memoryPair } from "../helpers/connections.ts";

Deno.test("orderly end: an error is created once, on first use", () => {
  let created = 0;
  const reason = lazily(() => {
    created++;
    return new ConnectionClosedError();
  });
  assertEquals(created, 0);
  assertStrictEquals(reason(), reason());
  assertEquals(created, 1);
});

for (const side of ["client", "server"] as const) {
  Deno.test(`orderly end: there is no error object if the ${side} closes and nothing is pending`, async () => {
    const pair = memoryPair();
    await pair.client.ping();
    await pair.server.ping();
    using errors = new CreatedErrors();
    await pair[side].close();
    await Promise.all([pair.client.closed, pair.server.closed]);
    assertEquals(errors.count, 0);
  });

  Deno.test(`orderly end: everything pending when the ${side} closes gets an error`, async () => {
    const pair = memoryPair();
    await pair.client.ping();
    const opened = await pair.client.openStream([["a", "b"]]);
    const waiting = assertRejects(() => opened.response, SpdyError);
    await pair[side].close();
    await waiting;
    await pair.client.closed.catch(() => {});
  });
}

/**
 * Counts how many errors of ended connections are created, with a class between
 * their class and its base.
 */
class CreatedErrors implements Disposable {
  count = 0;
  readonly #base: typeof SpdyError = Object.getPrototypeOf(
    ConnectionClosedError,
  );

  constructor() {
    const count = () => this.count++;
    class Counted extends this.#base {
      constructor(...args: ConstructorParameters<typeof SpdyError>) {
        super(...args);
        count();
      }
    }
    Object.setPrototypeOf(ConnectionClosedError, Counted);
  }

  [Symbol.dispose](): void {
    Object.setPrototypeOf(ConnectionClosedError, this.#base);
  }
}
