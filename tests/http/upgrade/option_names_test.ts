/** Options that the functions of the HTTP/1.1 upgrade do not have, or that are invalid. */

import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import {
  InvalidArgumentError,
  UnsupportedVersionError,
} from "../../../errors.ts";
import { acceptUpgrade } from "../../../http/upgrade/accept_upgrade.ts";
import { connectUpgrade } from "../../../http/upgrade/connect_upgrade.ts";
import { assertEquals, assertRejects } from "../../deps.ts";

Deno.test("connectUpgrade refuses an unknown option and suggests a known one", async () => {
  const options = { header: [["a", "b"]] };
  await assertRejects(
    () => connectUpgrade("http://127.0.0.1:9/", options as object),
    InvalidArgumentError,
    'connectUpgrade has no option "header"; did you mean "headers"?',
  );
});

Deno.test("acceptUpgrade refuses an unknown option and leaves the socket untouched", async () => {
  const request = { headers: {}, method: "GET" } as IncomingMessage;
  const socket = new PassThrough();
  const options = { allowedOrigin: ["https://a.example"] };
  await assertRejects(
    () => acceptUpgrade(request, socket, new Uint8Array(0), options as object),
    InvalidArgumentError,
    'acceptUpgrade has no option "allowedOrigin"; did you mean "allowedOrigins"?',
  );
  assertEquals([socket.writableEnded, socket.readableLength], [false, 0]);
});

Deno.test("acceptUpgrade refuses an option out of its range and leaves the socket untouched", async () => {
  const request = {
    headers: { host: "h", connection: "Upgrade", upgrade: "SPDY/3.1" },
    method: "GET",
  } as unknown as IncomingMessage;
  class OfClass {
    get closeTimeout(): number {
      return -1;
    }
  }
  const wrong = [
    [{ idleTimeout: -1 }, InvalidArgumentError, "idleTimeout"],
    [new OfClass(), InvalidArgumentError, "closeTimeout"],
    [{ settingsStore: new Map() }, InvalidArgumentError, "needs the option"],
    [{ versions: [7] }, UnsupportedVersionError, "7"],
    [{ headers: { "a b": "c" } }, TypeError, "a b"],
  ] as const;
  for (const [options, errorClass, text] of wrong) {
    const socket = new PassThrough();
    await assertRejects(
      () => acceptUpgrade(request, socket, Uint8Array.of(1), options as object),
      errorClass,
      text,
    );
    assertEquals([socket.writableEnded, socket.readableLength], [false, 0]);
    socket.destroy();
  }
});
