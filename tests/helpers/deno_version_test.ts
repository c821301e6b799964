/** The comparison of versions of Deno. */

import { assertEquals } from "../deps.ts";
import { isDenoBefore } from "./deno_version.ts";

Deno.test("versions of Deno are compared part by part, as numbers", () => {
  for (
    const [running, version, wanted] of [
      ["2.7.14", "2.8.0", true],
      ["2.10.0", "2.9.0", false],
      ["2.9.0", "2.9.0", false],
      ["2.9.0", "2.9.1", true],
      ["3.0.0", "2.9.1", false],
      ["2.9.0-rc.1+abc", "2.9.0", false],
    ] as const
  ) {
    assertEquals(isDenoBefore(version, running), wanted, running);
  }
});
