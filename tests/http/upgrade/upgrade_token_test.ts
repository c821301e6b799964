/** What errors say about the headers of an upgrade. */

import {
  readToken,
  wrongUpgrade,
} from "../../../http/upgrade/upgrade_token.ts";
import { PROTO_SPDY3_1 } from "../../../mod.ts";
import { assertEquals } from "../../deps.ts";

Deno.test("upgrade headers: an error names what is missing or wrong", () => {
  for (
    const [headers, text] of [
      [
        { connection: "Upgrade" },
        "has no header upgrade, which names the protocol",
      ],
      [{}, "has no header upgrade, which names the protocol"],
      [
        { upgrade: "SPDY/3.1" },
        'has the header upgrade, but not "connection: Upgrade"',
      ],
      [
        { connection: "keep-alive", upgrade: "SPDY/3.1" },
        'has the header upgrade, but not "connection: Upgrade"',
      ],
      [
        { connection: "Upgrade", upgrade: "SPDY/2, h2c" },
        "names the protocol SPDY/2, h2c, not SPDY/3.1 or SPDY/3",
      ],
    ] as const
  ) {
    assertEquals(readToken(headers, [PROTO_SPDY3_1]), undefined);
    assertEquals(wrongUpgrade(headers, ["SPDY/3.1", "SPDY/3"]), text);
  }
});
