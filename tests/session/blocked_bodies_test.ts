import { assertEquals } from "../deps.ts";
import { CLIENT, PROTO_SPDY3_1, SERVER } from "../../mod.ts";
import {
  body,
  Harness,
  HEADERS_LIST,
  rstStream,
  synReply,
  synStream,
  windowUpdate,
} from "./harness.ts";

const WINDOW = 65536;
/** Streams that are opened and reset, fewer than the budget allows. */
const STREAMS = 500;

Deno.test("bodies that wait for the session's window end with their streams", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3_1);
  const { session } = harness;
  harness.give(synStream(1, { flags: 1 }), windowUpdate(1, WINDOW));
  session.submitResponse(1, HEADERS_LIST, body(WINDOW + 1));
  session.send();
  for (let index = 0; index < STREAMS; index++) {
    const id = 3 + 2 * index;
    harness.give(synStream(id, { flags: 1 }));
    session.submitResponse(id, HEADERS_LIST, body(1));
    session.send();
    harness.give(rstStream(id));
  }
  assertEquals(session.wantWrite(), false);

  harness.written();
  harness.give(windowUpdate(0, WINDOW));
  assertEquals(session.getOutboundQueueSize(), 1);
  assertEquals(harness.flushNames(), ["DATA 1 1 1"]);
});

Deno.test("a body that waits for the session's window ends with its own reset", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3_1);
  const { session } = harness;
  session.submitRequest(0, HEADERS_LIST, body(WINDOW));
  session.submitRequest(7, HEADERS_LIST, body(1));
  session.submitRequest(7, HEADERS_LIST, body(1));
  session.send();
  harness.give(synReply(1), synReply(3), synReply(5));
  session.submitRstStream(3, 5);
  session.send();
  harness.written();
  harness.give(windowUpdate(0, WINDOW));
  assertEquals(session.getOutboundQueueSize(), 1);
  assertEquals(harness.flushNames(), ["DATA 5 1 1"]);
});
