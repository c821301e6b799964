/** When the transport has taken a frame, so that the peer's time to respond begins. */

import { TrackedFrames } from "../../../connection/time/tracked_frames.ts";
import { assertEquals } from "../../deps.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";

Deno.test("tracked frames: a frame counts as written with its last byte", async () => {
  using time = virtualTime();
  // This side has read for half of the time.
  const frames = new TrackedFrames((at) => at / 2);
  const [first, second, third] = [1, 2, 3].map(() => frames.create());
  frames.buffered(first, 100);
  frames.buffered(second, 200);
  const writtenAt = () =>
    [first, second, third].map((frame) => frame.writtenAt);
  assertEquals(writtenAt(), [undefined, undefined, undefined]);
  await time.advance(1000);
  const begin = time.now();
  frames.written(99, begin);
  assertEquals(writtenAt(), [undefined, undefined, undefined]);
  // Until then, the time runs from the last byte of any frame.
  assertEquals([first.since, frames.lastWrite], [begin / 2, begin]);
  frames.written(1, begin + 10);
  assertEquals(writtenAt(), [begin / 2 + 5, undefined, undefined]);
  frames.written(100, begin + 20);
  assertEquals(writtenAt(), [begin / 2 + 5, begin / 2 + 10, undefined]);
  assertEquals([first.since, second.since], [begin / 2 + 5, begin / 2 + 10]);
  // What the transport took before it was announced was written at that time.
  await time.advance(100);
  frames.buffered(third, 200);
  assertEquals(third.writtenAt, (begin + 100) / 2);
});

Deno.test("tracked frames: one write may have the ends of several frames", () => {
  using _time = virtualTime();
  const frames = new TrackedFrames((at) => at);
  const [first, second, third] = [1, 2, 3].map(() => frames.create());
  frames.buffered(first, 10);
  frames.buffered(second, 20);
  frames.buffered(third, 30);
  frames.written(25, 7);
  assertEquals(
    [first, second, third].map((frame) => frame.writtenAt),
    [7, 7, undefined],
  );
  frames.written(5, 9);
  assertEquals(
    [first, second, third].map((frame) => frame.writtenAt),
    [7, 7, 9],
  );
});
