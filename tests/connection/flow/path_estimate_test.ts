/** What is learned about a path from round trips and the bytes that arrive in them. */

import {
  joined,
  PathEstimate,
  type Sample,
} from "../../../connection/flow/path_estimate.ts";
import { assertEquals } from "../../deps.ts";

/** A round trip of `time` ms in which `rate` bytes per ms arrived. */
function round(rate: number, time: number): Sample {
  return { size: rate * time, time, roundTrip: time };
}

/** A path whose round trip, in ms, was measured while it was quiet. */
function quietPath(roundTrip: number): PathEstimate {
  const path = new PathEstimate();
  path.quiet(roundTrip);
  return path;
}

Deno.test("path estimate: before the first round trip, nothing is known about the path", () => {
  const path = new PathEstimate();
  assertEquals(
    [path.isKnown, path.isUnsure, path.isGrowing, path.isSteady],
    [false, false, false, false],
  );
  assertEquals(path.roundTrip, Infinity);
});

Deno.test("path estimate: two round trips together have all bytes, all time, and the shorter round trip", () => {
  assertEquals(joined(round(10, 20), round(1, 30)), {
    size: 230,
    time: 50,
    roundTrip: 20,
  });
});

Deno.test("path estimate: a round trip is near up to a quarter and 1 ms more, and far above twice and 1 ms more", () => {
  const path = quietPath(100);
  assertEquals(path.isKnown, true);
  assertEquals([126, 126.5].map((time) => path.isNear(time)), [true, false]);
  assertEquals([201, 201.5].map((time) => path.isFar(time)), [false, true]);
});

Deno.test("path estimate: the shortest round trip with other bytes counts, and a quiet one in any case", () => {
  const path = quietPath(100);
  path.busy(round(10, 120));
  assertEquals(path.roundTrip, 100);
  path.busy(round(10, 90));
  assertEquals([path.roundTrip, path.isUnsure], [90, false]);
  path.quiet(150);
  assertEquals(path.roundTrip, 150);
  path.correct(130);
  assertEquals(path.roundTrip, 130);
});

Deno.test("path estimate: a path grows if it carries more than 1.2 times its earlier maximum", () => {
  const path = quietPath(100);
  // Any number of bytes is more than none.
  path.carried(round(1, 100));
  assertEquals(path.isGrowing, true);
  path.carried(round(10, 100));
  assertEquals([path.isMore(12), path.isMore(12.1)], [false, true]);
  path.carried(round(12, 100));
  assertEquals(path.isGrowing, false);
  path.carried(round(20, 100));
  assertEquals(path.isGrowing, true);
  path.busy(round(20, 100));
  assertEquals(path.isGrowing, false);
  path.carried(round(40, 100));
  path.quiet(100);
  assertEquals(path.isGrowing, false);
});

Deno.test("path estimate: a path is steady after two round trips without growth, and growth begins anew", () => {
  const path = quietPath(100);
  path.carried(round(10, 100));
  assertEquals(path.isSteady, false);
  path.carried(round(10, 100));
  assertEquals(path.isSteady, false);
  path.carried(round(10, 100));
  assertEquals(path.isSteady, true);
  path.carried(round(20, 100));
  assertEquals(path.isSteady, false);

  // Even if nothing ever grew.
  const first = new PathEstimate();
  first.busy(round(10, 100));
  first.carried(round(10, 100));
  assertEquals(first.isSteady, false);
  first.carried(round(10, 100));
  assertEquals(first.isSteady, true);
});

Deno.test("path estimate: the earlier maximum becomes 5 % less in each round trip with less", () => {
  const path = quietPath(100);
  path.carried(round(1000, 100));
  for (let count = 0; count < 2; count++) path.carried(round(1, 100));
  // 902.5, of which 1.2 times is 1083.
  assertEquals([path.isMore(1082), path.isMore(1084)], [false, true]);
});

Deno.test("path estimate: a path that was never quiet is unsure until it carries more than four times as much in the same time", () => {
  const cases: [rate: number, time: number, isUnsure: boolean][] = [
    [400, 100, true],
    [401, 100, false],
    [401, 201, false],
    // This much time may be spent in a queue.
    [401, 201.5, true],
    // Shorter by less than a quarter and 1 ms.
    [401, 79.2, false],
    // The shorter round trip is compared with later ones.
    [401, 79, true],
  ];
  for (const [rate, time, isUnsure] of cases) {
    const path = new PathEstimate();
    path.busy(round(100, 100));
    assertEquals([path.isKnown, path.isUnsure], [true, true]);
    path.busy(round(rate, time));
    assertEquals(path.isUnsure, isUnsure, `${rate}, ${time}`);
  }
});

Deno.test("path estimate: the rate of a clearly shorter round trip is the one to exceed", () => {
  const path = new PathEstimate();
  path.busy(round(100, 100));
  path.busy(round(50, 10));
  path.busy(round(200, 10));
  assertEquals(path.isUnsure, true);
  path.busy(round(201, 10));
  assertEquals(path.isUnsure, false);
});

Deno.test("path estimate: the first round trip with other bytes has the maximum until then", () => {
  const path = new PathEstimate();
  path.busy(round(100, 100));
  assertEquals([path.isMore(120), path.isMore(121)], [false, true]);
});

Deno.test("path estimate: a path is no longer unsure after a quiet round trip or after a window was tried", () => {
  const quiet = new PathEstimate();
  quiet.busy(round(100, 100));
  quiet.quiet(50);
  assertEquals([quiet.isUnsure, quiet.roundTrip], [false, 50]);
  const tried = new PathEstimate();
  tried.busy(round(100, 100));
  tried.beSure();
  assertEquals(tried.isUnsure, false);
});
