import { assertEquals, assertThrows } from "../deps.ts";
import { resolveOptions } from "../../connection/options.ts";
import { CLIENT, InvalidArgumentError, PROTO_SPDY3 } from "../../mod.ts";

const BASE = { side: CLIENT, version: PROTO_SPDY3 } as const;
const MOST = 0x7fffffff;

Deno.test("options that limit a peer have their defaults and ranges", () => {
  const defaults = resolveOptions(BASE);
  assertEquals(defaults.maxWaitingStreams, 256);
  assertEquals(defaults.controlFrameTimeout, 30_000);
  assertEquals(defaults.trailersRoom, 65536 + 64 * 1025);
  const limits = { maxConcurrentStreams: 300 };
  assertEquals(resolveOptions({ ...BASE, limits }).maxWaitingStreams, 300);
  for (const name of ["maxWaitingStreams", "controlFrameTimeout"] as const) {
    for (const value of [0, 1, MOST]) {
      assertEquals(resolveOptions({ ...BASE, [name]: value })[name], value);
    }
    for (const value of [-1, 1.5, NaN, MOST + 1]) {
      assertThrows(
        () => resolveOptions({ ...BASE, [name]: value }),
        InvalidArgumentError,
        `${name} ${value} is not`,
      );
    }
  }
});
