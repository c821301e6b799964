/** HEADERS frames after the first ones of a stream. */

import { Trailers } from "../../../connection/stream/trailers.ts";
import { assert, assertEquals } from "../../deps.ts";

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
