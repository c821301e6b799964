/** Errors show a wrong value so that its type is visible, and do not fail to show it. */

import { connectUpgrade, InvalidArgumentError } from "../../mod.ts";
import {
  attach,
  exec,
  forwardPorts,
  portForward,
} from "../../kubernetes/mod.ts";
import { assertEquals, assertRejects, assertThrows } from "../deps.ts";
import { memoryPair } from "../helpers/connections.ts";
import { httpPair } from "../helpers/http.ts";

// deno-lint-ignore no-explicit-any -- values that the types do not allow
type Any = any;

/** Wrong values, and how an error shows them. */
const SHOWN: readonly (readonly [Any, string])[] = [
  ["5", '"5"'],
  [5n, "5n"],
  [[5], "[5]"],
  [Symbol("x"), "Symbol(x)"],
  [Object.create(null), "of type object"],
];

const url = "http://127.0.0.1:1/";
const dial = () => Promise.reject(new Error("dialled"));

Deno.test("Stream.reset: a status that is no number is shown with its type", async () => {
  await using pair = memoryPair();
  const stream = await pair.client.openStream([["a", "b"]]);
  for (const [value, shown] of SHOWN) {
    assertThrows(
      () => stream.reset(value),
      InvalidArgumentError,
      `statusCode ${shown} is not a whole number from 1 to 4294967295`,
    );
  }
  for (const value of [0, -1, 1.5, NaN, 2 ** 32]) {
    assertThrows(() => stream.reset(value), InvalidArgumentError, `${value}`);
  }
  stream.reset(0xffffffff);
  assertEquals(await stream.closed, 0xffffffff);
});

Deno.test("fetch: a wrong contentLength is shown with its type", async () => {
  await using pair = await httpPair(() => new Response());
  for (const [contentLength, shown] of SHOWN) {
    await assertRejects(
      () => pair.client.fetch("/", { contentLength }),
      TypeError,
      `contentLength is ${shown}, it must be "check" or "ignore"`,
    );
  }
});

Deno.test("connectUpgrade: a method that is no string is shown with its type", async () => {
  for (const [method, shown] of SHOWN.slice(1)) {
    await assertRejects(
      () => connectUpgrade(url, { method, dial }),
      InvalidArgumentError,
      `method ${shown} is not a string`,
    );
  }
});

for (
  const [name, call] of Object.entries({
    exec: (options: Any) => exec({ url, dial, ...options }),
    attach: (options: Any) => attach({ url, dial, ...options }),
    portForward: (options: Any) => portForward({ url, dial, ...options }),
    forwardPorts: (options: Any) =>
      forwardPorts({
        target: { url, dial },
        ports: ["0:80"],
        addresses: ["127.0.0.1"],
        ...options,
      }),
  })
) {
  Deno.test(`${name}: an unknown transport is refused and shown with its type`, async () => {
    for (const [transport, shown] of [...SHOWN, ["SPDY", '"SPDY"']]) {
      await assertRejects(
        () => call({ transport }),
        InvalidArgumentError,
        `transport ${shown} is none of "auto", "websocket", "spdy"`,
      );
    }
  });
}
