/** The values that options have when they are not set. */

import { resolveOptions } from "../../connection/options.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { PROTO_SPDY3_1 } from "../../frame/constants.ts";
import { CLIENT } from "../../session/constants.ts";
import { assertEquals, assertThrows } from "../deps.ts";

type KeepAlive = Parameters<typeof resolveOptions>[0]["keepAlive"];

const REQUIRED = { side: CLIENT, version: PROTO_SPDY3_1 } as const;

Deno.test("options: the fields of keepAlive are checked by name and range", () => {
  for (
    const [keepAlive, text] of [
      [{ interval: 1000, timeOut: 5 }, "timeOut"],
      [{ interval: 1000, timeout: -1 }, "keepAlive.timeout"],
      [{ interval: -1 }, "keepAlive.interval"],
    ] as const
  ) {
    assertThrows(
      () => resolveOptions({ ...REQUIRED, keepAlive: keepAlive as KeepAlive }),
      InvalidArgumentError,
      text,
    );
  }
  resolveOptions({ ...REQUIRED, keepAlive: { interval: 1000, timeout: 0 } });
});

Deno.test("options: the defaults are those in the documentation", () => {
  const found = resolveOptions(REQUIRED);
  assertEquals([
    found.maxSendBuffer,
    found.maxBufferedBytes,
    found.maxUnreadBytes,
    found.maxWaitingStreams,
    found.maxHeldBytes,
    found.sessionWindow,
    found.idleTimeout,
    found.headerTimeout,
    found.controlFrameTimeout,
    found.closeTimeout,
    found.tuning,
  ], [
    525312,
    4194304,
    67108864,
    256,
    2097152,
    1048576,
    0,
    0,
    30_000,
    1000,
    { maxWindow: 16 << 20, maxMemory: 4 << 20 },
  ]);
});

Deno.test("options: if more streams may be open, more may wait and hold more", () => {
  const many = resolveOptions({
    ...REQUIRED,
    limits: { maxConcurrentStreams: 1000 },
  });
  assertEquals([many.maxWaitingStreams, many.maxHeldBytes], [1000, 8_192_000]);
  const few = resolveOptions({
    ...REQUIRED,
    limits: { maxConcurrentStreams: 10 },
  });
  assertEquals([few.maxWaitingStreams, few.maxHeldBytes], [256, 2_097_152]);
});

Deno.test("options: additional room for own streams only applies without maxHeldBytes", () => {
  assertEquals(resolveOptions(REQUIRED).heldPerOwnStream, 8192);
  const given = resolveOptions({ ...REQUIRED, maxHeldBytes: 1000 });
  assertEquals([given.maxHeldBytes, given.heldPerOwnStream], [1000, 0]);
});

Deno.test("options: windowTuning false tunes nothing, and an object sets its own fields", () => {
  assertEquals(
    resolveOptions({ ...REQUIRED, windowTuning: false }).tuning,
    undefined,
  );
  assertEquals(
    resolveOptions({ ...REQUIRED, windowTuning: { maxMemory: 0 } }).tuning,
    { maxWindow: 16 << 20, maxMemory: 0 },
  );
});
