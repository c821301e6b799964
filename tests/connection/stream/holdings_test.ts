/** The count of the memory that the streams of a connection take. */

import {
  Holdings,
  sizeOfHeaders,
} from "../../../connection/stream/holdings.ts";
import type { StreamCore } from "../../../connection/stream/stream_core.ts";
import { assertEquals } from "../../deps.ts";

/** What the count keeps on a stream. */
function stream(): StreamCore {
  return { held: 0 } as StreamCore;
}

Deno.test("holdings: there is room up to the limit for all streams together", () => {
  const holdings = new Holdings(1000, () => 0);
  const [first, second] = [stream(), stream()];
  holdings.open(first, 600);
  assertEquals(holdings.mayHold(400), true);
  assertEquals(holdings.mayHold(401), false);
  holdings.unread(second, 400);
  assertEquals([holdings.size, holdings.full], [1000, false]);
  holdings.unread(second, 1);
  assertEquals([holdings.size, holdings.full], [1001, true]);
  assertEquals(second.held, 401);
});

Deno.test("holdings: a stream is released once and can then be counted again", () => {
  const holdings = new Holdings(1000, () => 0);
  const [first, second] = [stream(), stream()];
  holdings.open(first, 600);
  holdings.open(second, 300);
  holdings.release(first);
  assertEquals([holdings.size, first.held], [300, 0]);
  holdings.release(first);
  assertEquals(holdings.size, 300);
  holdings.unread(first, 50);
  holdings.release(first);
  assertEquals(holdings.size, 300);
});

Deno.test("holdings: open streams of this side can raise the limit", () => {
  let own = 2000;
  const holdings = new Holdings(1000, () => own);
  holdings.open(stream(), 1500);
  assertEquals([holdings.full, holdings.mayHold(500)], [false, true]);
  assertEquals(holdings.mayHold(501), false);
  own = 0;
  assertEquals(holdings.full, true);
});

Deno.test("holdings: further headers count and are refused above the limit", () => {
  const headers: [string, string][] = [["a", "b"]];
  const size = sizeOfHeaders(headers);
  const holdings = new Holdings(2 * size, () => 0);
  const only = stream();
  assertEquals(holdings.headers(only, headers), true);
  assertEquals(holdings.headers(only, headers), true);
  assertEquals(holdings.headers(only, headers), false);
  assertEquals(only.held, 3 * size);
});
