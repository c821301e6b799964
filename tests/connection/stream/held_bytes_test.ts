/** The count of the memory that the streams of a connection take. */

import {
  HeldBytes,
  sizeOfHeaders,
  sizeOfStream,
} from "../../../connection/stream/held_bytes.ts";
import type { StreamCore } from "../../../connection/stream/stream_core.ts";
import { assertEquals } from "../../deps.ts";

/** The account of a stream. */
function stream(): StreamCore {
  return { held: 0 } as StreamCore;
}

Deno.test("held bytes: there is room up to the limit for all streams together", () => {
  const heldBytes = new HeldBytes(1000, () => 0);
  const [first, second] = [stream(), stream()];
  heldBytes.open(first, 600);
  assertEquals(heldBytes.mayHold(400), true);
  assertEquals(heldBytes.mayHold(401), false);
  heldBytes.unread(second, 400);
  assertEquals([heldBytes.size, heldBytes.full], [1000, false]);
  heldBytes.unread(second, 1);
  assertEquals([heldBytes.size, heldBytes.full], [1001, true]);
  assertEquals(second.held, 401);
});

Deno.test("held bytes: a stream is released once and can then be counted again", () => {
  const heldBytes = new HeldBytes(1000, () => 0);
  const [first, second] = [stream(), stream()];
  heldBytes.open(first, 600);
  heldBytes.open(second, 300);
  heldBytes.release(first);
  assertEquals([heldBytes.size, first.held], [300, 0]);
  heldBytes.release(first);
  assertEquals(heldBytes.size, 300);
  heldBytes.unread(first, 50);
  heldBytes.release(first);
  assertEquals(heldBytes.size, 300);
});

Deno.test("held bytes: open streams of this side can raise the limit", () => {
  let own = 2000;
  const heldBytes = new HeldBytes(1000, () => own);
  heldBytes.open(stream(), 1500);
  assertEquals([heldBytes.full, heldBytes.mayHold(500)], [false, true]);
  assertEquals(heldBytes.mayHold(501), false);
  own = 0;
  assertEquals(heldBytes.full, true);
});

Deno.test("held bytes: further headers count and are refused above the limit", () => {
  const headers: [string, string][] = [["a", "b"]];
  const size = sizeOfHeaders(headers);
  const heldBytes = new HeldBytes(2 * size, () => 0);
  const only = stream();
  assertEquals(heldBytes.headers(only, headers), true);
  assertEquals(heldBytes.headers(only, headers), true);
  assertEquals(heldBytes.headers(only, headers), false);
  assertEquals(only.held, 3 * size);
});

Deno.test("held bytes: headers count with the memory that their text takes", () => {
  const [list, header] = [64, 128];
  const wide = "\u20ac";
  for (
    const [headers, size] of [
      [[], 0],
      [[["", ""]], header],
      [[["name", ""]], header + 8],
      // Up to 64 characters, two bytes each are assumed.
      [[["n", "x".repeat(64)]], header + 2 + 128],
      [[["n", "x".repeat(65)]], header + 2 + 65],
      [[["n", "x".repeat(1000)]], header + 2 + 1000],
      // One character that takes two bytes makes all characters of the value
      // take two.
      [[["n", "x".repeat(999) + wide]], header + 2 + 2000],
      [[["n", "x".repeat(99) + "\u007f"]], header + 2 + 100],
      [[["n", "\u0080" + "x".repeat(99)]], header + 2 + 200],
      // Values of one name may be parts of one string.
      [[["n", "x".repeat(33)], ["n", "y".repeat(32)]], 2 * (header + 2) + 65],
      [[["n", "x".repeat(32)], ["n", "y".repeat(32)]], 2 * (header + 2) + 128],
      [
        [["n", "x".repeat(40)], ["n", "y".repeat(40)], ["n", wide]],
        3 * (header + 2) + 162,
      ],
      [[["n", "x".repeat(40)], ["m", "y".repeat(40)]], 2 * (header + 2) + 160],
      [
        [["n", "x".repeat(100)], ["m", wide.repeat(100)]],
        2 * (header + 2) + 100 + 200,
      ],
    ] as [[string, string][], number][]
  ) {
    assertEquals(sizeOfHeaders(headers), list + size);
    assertEquals(sizeOfStream(headers), 2048 + list + size);
  }
});
