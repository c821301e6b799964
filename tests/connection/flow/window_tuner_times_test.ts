/** When the window tuner measures a path, and when it tries another window. */

import { WindowTuner } from "../../../connection/flow/window_tuner.ts";
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
} from "../../deps.ts";

const INITIAL = 65_536;
const MOST = 16 << 20;

function newTuner(): WindowTuner {
  return new WindowTuner({ initial: INITIAL, max: MOST });
}

/** A tuner that knows the quiet path, with a round trip of `delay` ms, and the time after that. */
function knowing(
  delay: number,
  tuner: WindowTuner = newTuner(),
): { tuner: WindowTuner; now: number } {
  assert(tuner.mayBeQuiet(0));
  tuner.measured(delay);
  return { tuner, now: delay };
}

/** The next time, in ms, at which an arriving byte begins a measurement. */
function nextMeasurement(tuner: WindowTuner, from: number): number {
  for (let now = from;; now++) {
    if (tuner.received(1, now)) return now;
  }
}

Deno.test("window tuner: while nothing changes, pauses between measurements double from 50 to 500 ms", () => {
  let { tuner, now } = knowing(10);
  const pauses: number[] = [];
  for (let count = 0; count < 8; count++) {
    const begin = nextMeasurement(tuner, now);
    pauses.push(begin - now);
    // Few bytes are under way.
    tuner.received(10_000, begin + 5);
    now = begin + 10;
    assertEquals(tuner.measured(now), false);
  }
  // After the first bytes, the path is measured again at once, because it may
  // carry more.
  assertEquals(pauses, [50, 0, 50, 100, 200, 400, 500, 500]);
  // If the window changes, the path is measured without a pause.
  const begin = nextMeasurement(tuner, now);
  tuner.received(INITIAL, begin + 5);
  assertEquals(tuner.measured(begin + 10), true);
  assertEquals(nextMeasurement(tuner, begin + 10), begin + 10);
});

Deno.test("window tuner: when a stream that begins shows another path, the next measurement follows at once", () => {
  let { tuner, now } = knowing(20);
  for (let count = 0; count < 5; count++) {
    const begin = nextMeasurement(tuner, now);
    tuner.received(10_000, begin);
    now = begin + 20;
    tuner.measured(now);
  }
  assertEquals(tuner.received(1, now + 10), false);
  assert(tuner.mayBeQuiet(now + 10));
  // The round trip is longer now, and the window larger.
  assertEquals(tuner.measured(now + 60), true);
  assertEquals(tuner.received(1, now + 60), true);
});

/** A tuner that has measured the quiet path three times, the last time at `last` ms. */
function settled(): { tuner: WindowTuner; last: number } {
  const { tuner } = knowing(20);
  for (const begin of [120, 240]) {
    assertEquals(tuner.mayBeQuiet(begin - 1), false);
    assertEquals(tuner.mayBeQuiet(begin), true);
    // While a PING is unanswered, there is no other.
    assertEquals(tuner.mayBeQuiet(begin), false);
    tuner.measured(begin + 20);
  }
  return { tuner, last: 260 };
}

/** Lets this many bytes arrive within one measurement. */
function receive(tuner: WindowTuner, size: number, from: number): void {
  const begin = nextMeasurement(tuner, from);
  tuner.received(size - 1, begin);
  tuner.measured(begin + 1);
}

Deno.test("window tuner: the quiet path is measured three times at first, and then after 2 s and 256 KiB", () => {
  const enough = 256 * 1024;
  for (
    const [size, age, isDue] of [
      [enough, 2000, true],
      [enough, 1999, false],
      [enough - 1, 60_000, false],
    ] as const
  ) {
    const { tuner, last } = settled();
    receive(tuner, size, last + 1000);
    assertEquals(tuner.mayBeQuiet(last + age), isDue, `${size}, ${age}`);
    if (!isDue) continue;
    // After that, both start again.
    tuner.measured(last + age + 20);
    receive(tuner, enough - 1, last + age + 3000);
    assertEquals(tuner.mayBeQuiet(last + age + 60_000), false);
  }
});

Deno.test("window tuner: after a PING without an answer, the next one follows after 10 s", () => {
  const tuner = newTuner();
  assert(tuner.received(1, 0));
  tuner.abandoned(500);
  assertEquals(nextMeasurement(tuner, 500), 10_500);
});

Deno.test("window tuner: without an answer for a second, the window is three times what arrived in a second", () => {
  for (const begin of [0, 5000]) {
    const tuner = newTuner();
    assert(tuner.received(1000, begin));
    tuner.received(100_000, begin + 1000);
    assertEquals(tuner.window, INITIAL);
    tuner.received(50_000, begin + 1500);
    // 150,000 bytes in 1.5 s.
    assertEquals(tuner.window, 300_000);
    tuner.received(10 << 20, begin + 2000);
    assertEquals(tuner.window, 1 << 20);
  }
});

/**
 * The times at which the window becomes smaller or larger in `until` ms, on a
 * path that carries `rate` bytes per ms.
 */
function changes(
  { rate, delay, sent = 0, until, tuner = newTuner() }: {
    rate: number;
    delay: number;
    /** Bytes that this side sends during each measurement. */
    sent?: number;
    until: number;
    tuner?: WindowTuner;
  },
): { at: number; from: number; to: number }[] {
  const { now: begin } = knowing(delay, tuner);
  const found: { at: number; from: number; to: number }[] = [];
  let now = begin;
  let last = tuner.window;
  while (now < until) {
    const from = tuner.window;
    // It becomes larger as bytes arrive.
    if (from !== last) found.push({ at: now, from: last, to: from });
    last = from;
    const measures = tuner.received(1, now);
    if (!measures) {
      now += 10;
      continue;
    }
    const roundTrip = Math.max(delay, from / rate);
    now += roundTrip;
    tuner.received(Math.min(from, rate * roundTrip), now);
    tuner.measured(now, sent);
  }
  return found;
}

/** Times between the changes that `wanted` selects, ms. */
function timesBetween(
  all: ReturnType<typeof changes>,
  wanted: (one: { from: number; to: number }) => boolean,
): number[] {
  const times = all.filter(wanted).map(({ at }) => at);
  return times.slice(1).map((at, index) => at - times[index]);
}

Deno.test("window tuner: on a steady path, half the window is tried every 10 s, for a few round trips", () => {
  const all = changes({ rate: 1000, delay: 100, until: 60_000 });
  const usual = all.at(-1)!.to;
  // One and a half times what the path carries in a round trip.
  assertLess(Math.abs(usual - 150_000), 3000);
  const trials = all.filter(({ at, from }) => at > 5000 && from === usual);
  for (const { to } of trials) assertEquals(to, Math.floor(usual / 2));
  for (const time of timesBetween(trials, () => true)) {
    assert(time >= 10_000 && time < 11_500, `${time}`);
  }
  assertEquals(trials.length, 5);
  for (const { at } of trials) {
    const back = all.find((one) => one.at > at)!;
    assertEquals(back.to, usual);
    assertLess(back.at - at, 500);
  }
});

Deno.test("window tuner: at the lower limit, half the window is tried every 2 s", () => {
  const all = changes({ rate: 1000, delay: 20, until: 30_000 });
  const trials = all.filter(({ at, to }) => at > 1000 && to === 16_384);
  const times = timesBetween(trials, () => true);
  assertGreaterOrEqual(trials.length, 10);
  for (const time of times) assert(time >= 2000 && time < 2700, `${time}`);
  assertEquals(all.at(-1)!.from + all.at(-1)!.to, 32_768 + 16_384);
});

Deno.test("window tuner: while this side sends, twice the window is tried after 4, 8, and then every 10 s", () => {
  const all = changes({ rate: 1000, delay: 100, sent: 200_000, until: 60_000 });
  const times = timesBetween(
    all.filter(({ at }) => at > 5200),
    ({ from, to }) => from > 100_000 && to === 2 * from,
  );
  assertGreaterOrEqual(times.length, 4);
  const least = [4000, 8000, 10_000, 10_000];
  for (const [index, time] of times.entries()) {
    const wanted = least[Math.min(index, 3)];
    assert(time >= wanted && time < wanted + 1500, `${times}`);
  }
});

Deno.test("window tuner: no window below the lower limit is tried", () => {
  const tuner = new WindowTuner({
    initial: INITIAL,
    max: MOST,
    least: INITIAL,
  });
  const all = changes({ rate: 1000, delay: 20, until: 60_000, tuner });
  for (const { to } of all) assert(to >= INITIAL, `${to}`);
});
