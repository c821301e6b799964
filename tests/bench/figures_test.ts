import { figure, times, toFixedApart, verdict } from "../../bench/figures.ts";
import { assertEquals } from "../deps.ts";

Deno.test("bench: figures and ratios have few digits", () => {
  assertEquals(figure(1234567, "op/s"), "1,234,567 op/s");
  assertEquals(figure(12.345, "MB/s"), "12.3 MB/s");
  assertEquals(figure(1.2345, "GB/s"), "1.23 GB/s");
  assertEquals(times(12.345), "12.3 x");
  assertEquals(times(1.2345), "1.23 x");
});

Deno.test("bench: two figures that differ can be told apart", () => {
  assertEquals(figure(63.02, "bytes", 63), "63.02 bytes");
  assertEquals(figure(63, "bytes", 63.02), "63.00 bytes");
  assertEquals(figure(63.001, "bytes", 63), "63.001 bytes");
  assertEquals(figure(139_665.4, "bytes", 139_665.1), "139,665.4 bytes");
  // Halves in decimal, but not in binary.
  assertEquals(figure(5.295, "us", 5.3), "5.295 us");
  assertEquals(figure(5.3, "us", 5.295), "5.300 us");
  assertEquals(figure(1.284, "us", 1.275), "1.284 us");
  assertEquals(figure(1.275, "us", 1.284), "1.275 us");
  assertEquals(toFixedApart(5.295, [5.3], 2), "5.295");
  // These need no further digits.
  assertEquals(figure(63, "bytes", 63), "63.0 bytes");
  assertEquals(figure(63, "bytes", 64), "63.0 bytes");
});

Deno.test("bench: a ratio that is behind can be told from what was wanted", () => {
  for (
    const [ratio, atLeast, aim, text, said] of [
      [0.9997, 1, undefined, "0.9997 x", "behind"],
      [0.996, 1, undefined, "0.996 x", "behind"],
      [0.897, 0.9, 0.95, "0.897 x", "behind"],
      [0.946, 0.9, 0.95, "0.946 x", "ahead"],
      [0.9496, 0.9, 0.95, "0.9496 x", "ahead"],
      [11.96, 12, 15, "11.96 x", "behind"],
      // A ratio that is ahead does not seem to contradict the verdict.
      [1.003, 1, undefined, "1.00 x", "ahead"],
      [1, 1, 1, "1.00 x", "ahead, aim reached"],
      [0.5, undefined, undefined, "0.50 x", ""],
    ] as const
  ) {
    const goals = [atLeast, aim].filter((goal) => goal !== undefined);
    assertEquals(
      [times(ratio, goals), verdict(ratio, atLeast, aim)],
      [text, said],
    );
  }
});

Deno.test("bench: the digits of two figures end somewhere", () => {
  assertEquals(toFixedApart(1 + Number.EPSILON, [1], 2).length, 17);
  assertEquals(toFixedApart(NaN, [1], 2), "NaN");
});
