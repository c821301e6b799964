import { assertEquals, assertThrows } from "../deps.ts";
import { ERR_INVALID_STATE, SpdyError } from "../../errors.ts";
import { CLIENT, SERVER } from "../../session/constants.ts";
import { Pings } from "../../session/pings.ts";

Deno.test("PING ids: odd from a client, even from a server", () => {
  const client = new Pings(CLIENT, 10);
  assertEquals([client.take(), client.take(), client.take()], [1, 3, 5]);
  const server = new Pings(SERVER, 10);
  assertEquals([server.take(), server.take()], [2, 4]);
  assertEquals([client.isOwn(3), client.isOwn(4)], [true, false]);
  assertEquals([server.isOwn(3), server.isOwn(4)], [false, true]);
});

Deno.test("PING ids start again after 2^31-1 and skip those that wait", () => {
  const pings = new Pings(CLIENT, 10, 0x7fffffff);
  pings.written(pings.take());
  assertEquals(pings.take(), 1);
  const server = new Pings(SERVER, 10, 0x7ffffffe);
  assertEquals([server.take(), server.take()], [0x7ffffffe, 2]);
});

Deno.test("an id that waits is not used again", () => {
  const pings = new Pings(CLIENT, 10, 0x7fffffff);
  pings.written(pings.take());
  pings.written(pings.take());
  const rest = [pings.take(), pings.take()];
  assertEquals(rest, [3, 5]);
  assertEquals(pings.answered(1), true);
  assertEquals(pings.answered(1), false);
});

Deno.test("every PING that waits is remembered, up to the limit", () => {
  const pings = new Pings(CLIENT, 2);
  pings.written(pings.take());
  pings.take();
  assertEquals(pings.outstanding, 2);
  const error = assertThrows(
    () => pings.take(),
    SpdyError,
    "2 PINGs are waiting",
  );
  assertEquals(error.code, ERR_INVALID_STATE);
  assertEquals(pings.answered(3), false, "not written yet");
  pings.written(3);
  assertEquals(pings.answered(1), true);
  assertEquals(pings.take(), 5);
});

Deno.test("the last PING id, 2^31-1, is used", () => {
  const pings = new Pings(CLIENT, 10, 0x7ffffffd);
  assertEquals([pings.take(), pings.take(), pings.take()], [
    0x7ffffffd,
    0x7fffffff,
    1,
  ]);
});
