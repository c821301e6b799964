/** The exact window after each round trip. */

import { WindowTuner } from "../../../connection/flow/window_tuner.ts";
import { assert, assertEquals, assertLess } from "../../deps.ts";

const MOST = 16 << 20;
const LEAST = 32_768;

/** Round trips of a path whose window grows at once. */
class Steps {
  readonly tuner: WindowTuner;
  now = 0;
  #isMeasuring = false;

  constructor(
    options: { initial?: number; max?: number; least?: number } = {},
  ) {
    this.tuner = new WindowTuner({ initial: 65_536, max: MOST, ...options });
  }

  get window(): number {
    return this.tuner.window;
  }

  get roundTrip(): number {
    return this.tuner.roundTrip;
  }

  /** Whether the next PING leaves without a pause. */
  get measuresAtOnce(): boolean {
    return this.#isMeasuring;
  }

  /** `size` bytes arrive directly behind a PING on a path that may be quiet, whose reply takes `time` ms. */
  quiet(time: number, size = 0, sent = 0): this {
    if (!this.#isMeasuring) {
      this.now += 60_000;
      assert(this.tuner.mayBeQuiet(this.now));
    }
    return this.#finish(size, time, sent);
  }

  /** The next PING, of a path with other bytes, in 10 s at most. */
  begin(): this {
    if (this.#isMeasuring) return this;
    const end = this.now + 10_000;
    while (!this.tuner.received(0, this.now)) {
      assertLess(this.now++, end);
    }
    this.#isMeasuring = true;
    return this;
  }

  /** `size` bytes arrive directly behind a PING, whose reply takes `time` ms; `sent` bytes leave meanwhile. */
  round(size: number, time: number, sent = 0): this {
    return this.begin().#finish(size, time, sent);
  }

  /** The same, often. */
  rounds(count: number, size: number, time: number, sent = 0): this {
    for (; count > 0; count--) this.round(size, time, sent);
    return this;
  }

  #finish(size: number, time: number, sent: number): this {
    this.tuner.received(size, this.now);
    this.now += time;
    this.tuner.measured(this.now, sent);
    // Enough bytes arrive for the window to reach its new size.
    this.#isMeasuring = this.tuner.received(MOST, this.now);
    return this;
  }
}

/** The windows after each of these round trips. */
function windows(
  steps: Steps,
  ...rounds: [size: number, time: number, sent?: number][]
): number[] {
  return rounds.map((round) => steps.round(...round).window);
}

Deno.test("window tuner: with up to 4 KiB in a round trip, and as many sent besides WINDOW_UPDATEs, the path is quiet", () => {
  const roundTrips = [[4096, 0], [4097, 0], [64, 4097], [64, 4098]].map((
    [size, sent],
  ) => new Steps().quiet(100).quiet(150, size, sent).roundTrip);
  assertEquals(roundTrips, [150, 100, 150, 100]);
});

Deno.test("window tuner: a quiet round trip says nothing about what the path carries", () => {
  const steps = new Steps().quiet(100).quiet(100, 4096).round(4500, 100);
  assertEquals(steps.measuresAtOnce, true);
  assertEquals(steps.round(4500, 100).measuresAtOnce, false);
});

Deno.test("window tuner: a window grows before the reply only after a round trip and 1 ms, and 16 KiB", () => {
  const cases: [size: number, time: number, window: number][] = [
    [16_384, 2, LEAST],
    [16_383, 2.5, LEAST],
    // Six times what arrives in a round trip.
    [16_384, 2.5, 39_321],
  ];
  for (const [size, time, window] of cases) {
    const steps = new Steps({ initial: LEAST }).quiet(1).begin();
    assertEquals(steps.tuner.received(size, steps.now + time), false);
    // More bytes make the window larger, up to what the first ones have shown.
    steps.tuner.received(10_000, steps.now + time);
    assertEquals(steps.window, window, `${size}, ${time}`);
  }
});

Deno.test("window tuner: a window that did not grow early stays while the path is steady", () => {
  const steps = new Steps().quiet(100).rounds(5, 20_000, 100);
  assertEquals(steps.window, 500_000);
});

Deno.test("window tuner: early growth ends at three times what arrives in a round trip", () => {
  const steps = new Steps().quiet(100).begin();
  steps.tuner.received(400_000, steps.now + 110);
  steps.round(0, 110);
  assertEquals(windows(steps, [400_000, 110], [400_000, 110]), [
    2_181_818,
    1_101_818,
  ]);
});

Deno.test("window tuner: a window is in use if 45 % of it arrive in a round trip", () => {
  assertEquals(windows(new Steps().quiet(20), [45_000, 20]), [135_000]);
  assertEquals(windows(new Steps().quiet(20), [44_999, 20]), [100_000]);
});

Deno.test("window tuner: in a round trip with a queue that carries more than ever, the rate and the shortest round trip count", () => {
  assertEquals(windows(new Steps().quiet(20), [80_000, 40]), [120_000]);
});

Deno.test("window tuner: when the round trip becomes shorter, the window becomes what it may be at most", () => {
  const steps = new Steps().quiet(10);
  assertEquals(
    windows(steps, [60_000, 10], [180_000, 10], [540_000, 10], [10_000, 0.5]),
    [180_000, 540_000, 1_620_000, 524_288],
  );
});

Deno.test("window tuner: two round trips with a queue limit a window that is not in use to one and a half times what arrives", () => {
  // The first one carries more than ever.
  const queued: [number, number][] = [[LEAST, 180], [LEAST, 180], [LEAST, 180]];
  const steps = new Steps().quiet(100);
  assertEquals(windows(steps, ...queued), [500_000, 500_000, 49_152]);
  // The round trip does not make it larger again.
  assertEquals(steps.quiet(100).window, 49_152);
  assertEquals(
    windows(new Steps({ least: 65_536 }).quiet(100), ...queued).at(-1),
    65_536,
  );
  // Round trips with fewer bytes do not count, nor do two that do not follow
  // each other.
  assertEquals(
    new Steps().quiet(100).rounds(5, LEAST - 1, 180).window,
    500_000,
  );
  const other: [number, number] = [LEAST, 100];
  assertEquals(
    windows(new Steps().quiet(100), other, queued[0], other, queued[0]).at(-1),
    500_000,
  );
  // Far from the shortest round trip, a still smaller window is tried.
  assertEquals(new Steps().quiet(100).rounds(3, LEAST, 300).window, LEAST);
});

Deno.test("window tuner: on a path that was never quiet, two of the first round trips with a queue are needed as well", () => {
  assertEquals(
    windows(new Steps(), [200_000, 1000], [40_000, 1300], [40_000, 1300]),
    [600_000, 600_000, 60_000],
  );
});

/** A path that was never quiet, when a quarter of the window is tried. */
function quarterTried(): Steps {
  const steps = new Steps();
  assertEquals(
    windows(steps, [200_000, 1000], [280_000, 1200], [280_000, 1200]),
    [600_000, 600_000, 150_000],
  );
  return steps;
}

Deno.test("window tuner: a quarter of the window is tried once, when a path that was never quiet is steady", () => {
  const steps = quarterTried().round(140_000, 600);
  // Clearly less arrives, so there was no queue.
  assertEquals(windows(steps, [70_000, 600]), [210_350]);
  assertEquals(steps.roundTrip, 600);
  assertEquals(windows(steps, [100_000, 600], [100_000, 600]), [
    210_350,
    210_350,
  ]);
});

Deno.test("window tuner: a quarter of the window that is below the lower limit is not tried", () => {
  const steps = new Steps({ initial: LEAST }).rounds(3, 20_000, 1000);
  assertEquals(steps.window, 60_000);
  const least = new Steps({ initial: LEAST, max: LEAST });
  least.rounds(3, 20_000, 1000);
  // A round trip later the window is adapted: nothing is tried.
  assertEquals(least.measuresAtOnce, false);
});

Deno.test("window tuner: a window in use with two queued round trips becomes what the path carries, if that is less than 75 % of it", () => {
  const fitted = (first: number, ...sizes: number[]): number => {
    const steps = new Steps({ initial: 60_000 }).quiet(4).round(first, 4);
    return windows(steps, ...sizes.map((size): [number, number] => [size, 10]))
      .at(-1)!;
  };
  assertEquals(fitted(24_000, 60_000, 60_000), 60_000);
  assertEquals(fitted(24_000, 60_000, 59_990), 44_996);
  // The path carries more than the window allows.
  assertEquals(fitted(26_900, 80_600, 80_600), 60_450);
});

/** A window of 900,000 bytes, of which about half is tried once. */
function halfTriedOnce(): Steps {
  const steps = new Steps().quiet(100);
  assertEquals(
    windows(steps, [300_000, 100], [450_000, 150], [450_000, 150]),
    [900_000, 900_000, 454_500],
  );
  return steps;
}

Deno.test("window tuner: a window becomes no less than a quarter at once", () => {
  const steps = new Steps().quiet(100).round(300_000, 100);
  assertEquals(windows(steps, [450_000, 1500], [450_000, 1500]), [
    900_000,
    225_000,
  ]);
});

Deno.test("window tuner: a smaller window that carries as much stays, and no smaller one is tried at once", () => {
  const steps = halfTriedOnce().rounds(3, 450_000, 150);
  assertEquals(steps.window, 454_500);
});

Deno.test("window tuner: a trial during which the peer has little to send is given up", () => {
  const steps = halfTriedOnce().round(450_000, 150);
  assertEquals(windows(steps, [204_524, 100], [450_000, 100]), [
    900_000,
    1_350_000,
  ]);
  const quarter = quarterTried().round(140_000, 600);
  assertEquals(windows(quarter, [67_500, 400]), [150_000]);
  const less = quarterTried().round(140_000, 600);
  assertEquals(windows(less, [67_499, 400]), [600_000]);
});

Deno.test("window tuner: after a trial without effect, half the window is tried 10 s later", () => {
  for (const [wait, window] of [[9999, 454_500], [10_000, 227_250]]) {
    const steps = halfTriedOnce().round(450_000, 150).round(205_000, 100);
    assertEquals(steps.window, 454_500);
    steps.now += wait - 100;
    assertEquals(steps.round(220_000, 100).window, window, `${wait} ms`);
  }
});

Deno.test("window tuner: half the window is tried 10 s after a quarter of it", () => {
  for (const [wait, window] of [[9999, 600_000], [10_000, 300_000]]) {
    const steps = quarterTried();
    const begin = steps.now;
    // The peer has little to send.
    steps.round(140_000, 1200).round(5000, 1000);
    steps.now = begin + wait - 1000;
    assertEquals(steps.round(270_000, 1000).window, window, `${wait} ms`);
  }
});

Deno.test("window tuner: half the window is tried 10 s after the first round trip", () => {
  for (const [wait, window] of [[9999, 144_000], [10_000, 72_000]]) {
    const steps = new Steps().quiet(20);
    const begin = steps.now;
    assertEquals(windows(steps, [48_000, 20], [66_000, 26]), [
      144_000,
      144_000,
    ]);
    steps.now = begin + wait - 26;
    assertEquals(steps.round(66_000, 26).window, window, `${wait} ms`);
  }
});

Deno.test("window tuner: while the path stays full, smaller windows are tried down to 16 KiB", () => {
  const tried = (initial: number, size: number): number[] => {
    const steps = new Steps({ initial }).quiet(4).round(26_000, 4);
    steps.now += 10_000;
    return windows(
      steps,
      ...[1, 2, 3, 4].map((): [number, number] => [size, 5]),
      ...[1, 2, 3].map((): [number, number] => [size / 2, 2.5]),
    );
  };
  // 15,000 bytes are too few.
  assertEquals(tried(60_000, 30_000).slice(0, 4), [
    30_000,
    30_000,
    30_000,
    45_000,
  ]);
  assertEquals(tried(65_536, 32_000), [
    LEAST,
    LEAST,
    LEAST,
    16_384,
    16_384,
    16_384,
    33_600,
  ]);
});

Deno.test("window tuner: of two equal rates, the earlier round trip tells whether later ones are longer", () => {
  const steps = quarterTried().rounds(3, 140_000, 600);
  assertEquals([steps.window, steps.roundTrip], [75_000, 600]);
  steps.round(70_000, 600).round(40_000, 751);
  assertEquals(steps.roundTrip, 751);
});

Deno.test("window tuner: while this side sends, twice the window is given up if round trips become longer, and tried again after 2 s", () => {
  for (const [wait, window] of [[1999, 500_000], [2000, 1_000_000]]) {
    const sent = 100_000;
    const steps = new Steps().quiet(100);
    assertEquals(
      windows(steps, [200_000, 100, sent], [300_000, 150, sent]),
      [500_000, 1_000_000],
    );
    const begin = steps.now;
    steps.round(300_000, 150, sent);
    assertEquals(
      windows(steps, [500_000, 250, sent], [500_000, 250, sent]),
      [1_000_000, 500_000],
    );
    steps.now = begin + wait - 150;
    assertEquals(steps.round(300_000, 150, sent).window, window, `${wait} ms`);
  }
});

Deno.test("window tuner: while this side sends, twice the window is kept if more arrives, and doubled again at once", () => {
  for (const [wait, window] of [[1999, 1_000_000], [2000, 2_000_000]]) {
    const sent = 100_000;
    const steps = new Steps().quiet(100);
    assertEquals(
      windows(steps, [200_000, 180, sent], [250_000, 180, sent]),
      [500_000, 1_000_000],
    );
    steps.round(250_000, 180, sent).rounds(2, 500_000, 200, sent);
    assertEquals([steps.window, steps.roundTrip], [1_000_000, 180]);
    assertEquals(steps.round(500_000, 250, sent).window, 2_000_000);
    const begin = steps.now;
    steps.round(500_000, 250, sent).rounds(2, 1_000_000, 500, sent);
    steps.now = begin + wait - 250;
    assertEquals(steps.round(500_000, 250, sent).window, window, `${wait} ms`);
  }
});
