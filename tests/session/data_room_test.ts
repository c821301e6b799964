/** An option of connections: how long a DATA frame may be now. */

import { CLIENT, PROTO_SPDY3, type SessionOptions } from "../../mod.ts";
import { DATA_ROOM, type TransportSettings } from "../../session/options.ts";
import { assertEquals } from "../deps.ts";
import { body, Harness, HEADERS_LIST } from "./harness.ts";

Deno.test("room for DATA: without room nothing is sent, and with room for one byte sending continues", () => {
  let room = 0;
  const options: SessionOptions & TransportSettings = {
    [DATA_ROOM]: () => room,
  };
  const harness = new Harness(CLIENT, PROTO_SPDY3, options);
  harness.session.submitRequest(0, HEADERS_LIST, body(3));
  harness.session.submitPing();
  assertEquals(harness.flushNames(), []);
  assertEquals(harness.session.wantWrite(), true);
  room = 1;
  assertEquals(harness.flushNames(), [
    "PING 1",
    "SYN_STREAM 1",
    "DATA 1 0 1",
    "DATA 1 0 1",
    "DATA 1 1 1",
  ]);
});

Deno.test("room for DATA: what is submitted while there is none is sent before a less urgent body", () => {
  let room = 10;
  const options: SessionOptions & TransportSettings = {
    [DATA_ROOM]: () => room,
    onDataSend: () => {
      room -= 10;
    },
    limits: { maxDataFrameSize: 10 },
  };
  const harness = new Harness(CLIENT, PROTO_SPDY3, options);
  harness.session.submitRequest(3, HEADERS_LIST, body(25));
  assertEquals(harness.flushNames(), ["SYN_STREAM 1", "DATA 1 0 10"]);
  harness.session.submitRequest(0, HEADERS_LIST);
  room = 100;
  assertEquals(harness.flushNames(), [
    "SYN_STREAM 3",
    "DATA 1 0 10",
    "DATA 1 1 5",
  ]);
});
