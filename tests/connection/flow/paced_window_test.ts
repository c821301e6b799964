/** A window that grows as bytes arrive. */

import { PacedWindow } from "../../../connection/flow/paced_window.ts";
import { assertEquals, assertLessOrEqual } from "../../deps.ts";

const KIB = 1024;

Deno.test("paced window: it grows by two bytes for each one that arrives, up to its aim", () => {
  const window = new PacedWindow(64 * KIB);
  window.become(200 * KIB);
  assertEquals([window.size, window.aim], [64 * KIB, 200 * KIB]);
  window.received(10 * KIB);
  assertEquals(window.size, 84 * KIB);
  window.received(50 * KIB);
  assertEquals(window.size, 184 * KIB);
  window.received(50 * KIB);
  assertEquals(window.size, 200 * KIB);
  window.received(50 * KIB);
  assertEquals(window.size, 200 * KIB);
});

Deno.test("paced window: small pieces make it grow by 16 KiB at once, and at last by the rest", () => {
  const window = new PacedWindow(64 * KIB);
  window.become(100 * KIB);
  const sizes = new Set<number>();
  for (let count = 0; count < 1000; count++) {
    window.received(100);
    sizes.add(window.size);
    assertLessOrEqual(window.size, 64 * KIB + (count + 1) * 200);
  }
  assertEquals([...sizes], [64 * KIB, 81_936, 98_336, 100 * KIB]);
});

Deno.test("paced window: it becomes smaller at once, and bytes that arrived before count for no later growth", () => {
  const window = new PacedWindow(64 * KIB);
  window.become(200 * KIB);
  window.received(7 * KIB);
  window.become(32 * KIB + 0.5);
  assertEquals([window.size, window.aim], [32 * KIB, 32 * KIB]);
  window.become(200 * KIB);
  window.received(7 * KIB);
  assertEquals(window.size, 32 * KIB);
});

Deno.test("paced window: a new size may be set at once, in whole bytes", () => {
  const window = new PacedWindow(64 * KIB);
  window.become(200 * KIB);
  window.set(100_000.7);
  assertEquals([window.size, window.aim], [100_000, 100_000]);
});

Deno.test("paced window: bytes that arrive while it has its size count for no later growth", () => {
  const window = new PacedWindow(64 * KIB);
  window.received(7 * KIB);
  window.become(200 * KIB);
  window.received(8 * KIB - 1);
  assertEquals(window.size, 64 * KIB);
  window.received(1);
  assertEquals(window.size, 80 * KIB);
  // Bytes that arrived before the last change do not count either.
  window.received(7 * KIB);
  window.become(80 * KIB);
  window.become(200 * KIB);
  window.received(7 * KIB);
  assertEquals(window.size, 80 * KIB);
});

Deno.test("paced window: a difference of one byte is made up by the first byte", () => {
  const window = new PacedWindow(64 * KIB);
  window.set(64 * KIB);
  window.grow(64 * KIB + 1);
  window.received(0);
  assertEquals(window.size, 64 * KIB);
  window.received(1);
  assertEquals(window.size, 64 * KIB + 1);
});

Deno.test("paced window: a lower limit and an upper one change only what is beyond them", () => {
  const window = new PacedWindow(64 * KIB);
  window.grow(10 * KIB);
  window.limit(100 * KIB);
  assertEquals([window.size, window.aim], [64 * KIB, 64 * KIB]);
  window.grow(90 * KIB);
  assertEquals([window.size, window.aim], [64 * KIB, 90 * KIB]);
  window.limit(70 * KIB);
  assertEquals([window.size, window.aim], [64 * KIB, 70 * KIB]);
  window.limit(50 * KIB);
  assertEquals([window.size, window.aim], [50 * KIB, 50 * KIB]);
});
