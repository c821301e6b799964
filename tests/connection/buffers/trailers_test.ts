/** HEADERS frames after the first ones of a stream. */

import {
  Trailers,
  trailersRoom,
} from "../../../connection/buffers/trailers.ts";
import { assert, assertEquals } from "../../deps.ts";

Deno.test("trailers: names and values count for the room that headers take", () => {
  const roomFor = (name: string, value: string) => {
    let room = 0;
    while (!new Trailers().add([[name, value]], false, room)) room++;
    return room;
  };
  const least = roomFor("", "");
  assertEquals(roomFor("a", "") - least, 1);
  assertEquals(roomFor("", "abc") - least, 3);
});

Deno.test("trailers: frames wait for a handler, and a removed handler is not called", () => {
  const trailers = new Trailers();
  const seen: string[] = [];
  const see = (headers: [string, string][], fin: boolean) => {
    seen.push(`${headers.map(([name]) => name)} ${fin}`);
  };
  assert(trailers.add([["a", "1"]], false, 1000));
  trailers.handler = undefined;
  trailers.handler = see;
  assertEquals(seen, ["a false"]);
  assert(trailers.add([["b", "2"]], false, 1000));
  trailers.handler = undefined;
  assert(trailers.add([["c", "3"]], true, 1000));
  assertEquals(seen, ["a false", "b false"]);
  trailers.handler = see;
  assertEquals(seen, ["a false", "b false", "c true"]);
  assertEquals(trailers.all.map(([name]) => name), ["a", "b", "c"]);
});

Deno.test("trailers: all headers together have the room of one block, and a frame that waits takes room as well", () => {
  const one: [string, string][] = [["abc", "value"]];
  // 64 bytes for a header and its 8 characters.
  const size = 72;
  const read = new Trailers();
  read.handler = () => {};
  assert(read.add(one, false, 2 * size));
  assert(read.add(one, false, 2 * size));
  assert(read.add([], false, 2 * size));
  assertEquals(read.add([["", ""]], false, 2 * size), false);
  assertEquals(read.all.length, 2);
  const waiting = new Trailers();
  assert(waiting.add(one, false, 64 + size));
  assertEquals(waiting.add([], false, 64 + size), false);
  assert(waiting.add([], false, 64 + size + 64));
  assertEquals(
    trailersRoom({ maxHeaderBlock: 1000, maxHeaderCount: 9 }),
    1000 + 64 * 10,
  );
});
