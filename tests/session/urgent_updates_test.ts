/** WINDOW_UPDATEs of a connection do not wait for DATA that is more urgent. */

import { PROTO_SPDY3_1, SERVER } from "../../mod.ts";
import { CREDIT_ON_ARRIVAL, URGENT_UPDATES } from "../../session/options.ts";
import { assertEquals } from "../deps.ts";
import { body, data, Harness, HEADERS_LIST, synStream } from "./harness.ts";

/** What is sent after half a window of an upload was read, while a response waits. */
function sent(areUrgent: boolean, priority = 3): string[] {
  const settings = {
    autoWindowUpdate: false,
    [CREDIT_ON_ARRIVAL]: true,
    [URGENT_UPDATES]: areUrgent,
  };
  const harness = new Harness(SERVER, PROTO_SPDY3_1, settings);
  harness.give(synStream(1, { pri: priority }), synStream(3, { pri: 5 }));
  harness.session.submitResponse(1, HEADERS_LIST, body(30_000));
  harness.give(data(3, 32_768));
  harness.session.consume(3, 32_768);
  return harness.flushNames();
}

Deno.test("WINDOW_UPDATEs of a connection are sent before DATA, whatever the priorities are", () => {
  assertEquals(sent(true).slice(0, 2), [
    "WINDOW_UPDATE 0 32768",
    "WINDOW_UPDATE 3 32768",
  ]);
});

Deno.test("WINDOW_UPDATEs of a connection come between the frames of the most urgent stream", () => {
  assertEquals(sent(true, 0), [
    "SYN_REPLY 1",
    "WINDOW_UPDATE 0 32768",
    "WINDOW_UPDATE 3 32768",
    "DATA 1 0 16384",
    "DATA 1 1 13616",
  ]);
});

Deno.test("other WINDOW_UPDATEs wait for DATA of more urgent streams, as in spdylay", () => {
  assertEquals(sent(false).slice(-2), [
    "WINDOW_UPDATE 3 32768",
    "WINDOW_UPDATE 0 32768",
  ]);
});
