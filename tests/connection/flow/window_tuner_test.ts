/** How large the window becomes on a path. */

import { ReceiveWindows } from "../../../connection/flow/receive_windows.ts";
import { WindowTuner } from "../../../connection/flow/window_tuner.ts";
import type { ResolvedOptions } from "../../../connection/options.ts";
import { CLIENT, PROTO_SPDY3_1, Session } from "../../../mod.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertLessOrEqual,
} from "../../deps.ts";
import { Random } from "../../helpers/random.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";

const KIB = 1024;
const INITIAL = 64 * KIB;
const MOST = 16 * KIB * KIB;

/** A path that always carries as much as the window allows. */
interface Path {
  /** Bytes per ms. */
  rate: number;
  /** The round trip without a queue, ms. */
  delay: number;
}

/** A tuner, and a sender that fills its window. */
class Transfer {
  readonly tuner: WindowTuner;
  readonly path: Path;
  now = 0;
  /** Bytes under way, while the window shrinks. */
  #flight = 0;
  /** TCP sends this many bytes in the first round trip, and twice as many in each further one. */
  #slowStart = 14_000;

  constructor(path: Path, max = MOST) {
    this.tuner = new WindowTuner({ initial: INITIAL, max });
    this.path = path;
  }

  /** A PING while nothing else is under way. */
  quiet(): void {
    assert(this.tuner.mayBeQuiet(this.now));
    this.now += this.path.delay;
    this.tuner.measured(this.now);
  }

  /** The round trip of an urgent request at this time. */
  get roundTrip(): number {
    return Math.max(this.path.delay, this.#flight / this.path.rate);
  }

  /** Bytes per ms. */
  get rate(): number {
    return Math.min(this.path.rate, this.#flight / this.path.delay);
  }

  /**
   * Lets this many ms pass. With `noise`, round trips are longer by a random time
   * of up to `noise`.
   */
  run(milliseconds: number, random?: Random, noise = 0): void {
    const { tuner, path } = this;
    const end = this.now + milliseconds;
    while (this.now < end) {
      // Bytes that a larger window allowed are still under way.
      const window = Math.min(tuner.window, this.#slowStart);
      const flight = Math.max(window, this.#flight);
      this.#flight = window;
      this.#slowStart *= 2;
      const odd = 1 + noise * (random?.float() ?? 0);
      const roundTrip = Math.max(path.delay, flight / path.rate) * odd;
      const measures = tuner.received(1, this.now);
      this.now += roundTrip;
      assert(Number.isInteger(tuner.window));
      if (!measures) continue;
      tuner.received(Math.min(flight, roundTrip * path.rate), this.now);
      tuner.measured(this.now);
    }
  }
}

Deno.test("window tuner: the window becomes what the path carries in one and a half round trips", () => {
  for (const mbit of [1, 20, 100, 1000]) {
    for (const delay of [10, 50, 200]) {
      const path = { rate: mbit * 125, delay };
      const transfer = new Transfer(path);
      transfer.quiet();
      transfer.run(20_000);
      const name = `${mbit} Mbit/s, ${delay} ms`;
      const full = Math.min(path.rate, MOST / delay);
      assertGreaterOrEqual(transfer.rate, 0.99 * full, name);
      const most = Math.max(2 * delay + 2, 33 * KIB / path.rate);
      assertLessOrEqual(transfer.roundTrip, most, name);
    }
  }
});

Deno.test("window tuner: on a slow path without delay, the window becomes smaller than at the start", () => {
  const transfer = new Transfer({ rate: 2500, delay: 0.1 });
  transfer.quiet();
  transfer.run(1000);
  assertEquals(transfer.tuner.window, 32 * KIB);
});

Deno.test("window tuner: on a path within the machine, the window has a limit", () => {
  const transfer = new Transfer({ rate: 2e6, delay: 0.05 });
  transfer.quiet();
  transfer.run(1000);
  assertEquals(transfer.tuner.window, 512 * KIB);
});

Deno.test("window tuner: the window never exceeds its limit", () => {
  const transfer = new Transfer({ rate: 1e6, delay: 100 }, 1_000_000);
  transfer.quiet();
  transfer.run(5000);
  assertEquals(transfer.tuner.window, 1_000_000);
});

Deno.test("window tuner: the window follows a change of the path", () => {
  for (
    const [before, after] of [
      [{ rate: 2500, delay: 5 }, { rate: 2500, delay: 200 }],
      [{ rate: 12_500, delay: 20 }, { rate: 2500, delay: 200 }],
      [{ rate: 12_500, delay: 200 }, { rate: 12_500, delay: 5 }],
      [{ rate: 12_500, delay: 50 }, { rate: 500, delay: 50 }],
      [{ rate: 500, delay: 50 }, { rate: 12_500, delay: 50 }],
      [{ rate: 2500, delay: 0.1 }, { rate: 12_500, delay: 200 }],
    ]
  ) {
    const transfer = new Transfer({ ...before });
    transfer.quiet();
    transfer.run(20_000);
    Object.assign(transfer.path, after);
    transfer.run(15_000);
    const name = JSON.stringify([before, after]);
    assertGreaterOrEqual(transfer.rate, 0.99 * after.rate, name);
    assertLessOrEqual(transfer.roundTrip, 3 * after.delay + 2, name);
  }
});

Deno.test("window tuner: a queue during the first PING is detected", () => {
  const transfer = new Transfer({ rate: 2500, delay: 10 });
  assert(transfer.tuner.mayBeQuiet(0));
  transfer.tuner.measured(400);
  transfer.now = 400;
  transfer.run(15_000);
  assertLess(transfer.tuner.roundTrip, 20);
  assertLess(transfer.roundTrip, 35);
});

Deno.test("window tuner: random round trips do not leave the window small", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new Random(seed);
    const path = {
      rate: random.pick([500, 2500, 12_500]),
      delay: random.pick([5, 50, 200]),
    };
    const noise = random.pick([0.25, 0.5, 1]);
    const transfer = new Transfer(path);
    transfer.quiet();
    transfer.run(10_000, random, noise);
    // In any ten seconds, the path is mostly full.
    for (let part = 0; part < 6; part++) {
      let sum = 0;
      for (let step = 0; step < 20; step++) {
        transfer.run(500, random, noise);
        sum += transfer.rate / path.rate / 20;
      }
      assertGreater(sum, 0.5, `seed ${seed}, ${JSON.stringify(path)}`);
    }
  }
});

Deno.test("window tuner: a sender with little to send changes nothing and is measured less often", () => {
  const tuner = new WindowTuner({ initial: INITIAL, max: MOST });
  assert(tuner.mayBeQuiet(0));
  assertEquals(tuner.measured(1), false);
  assertEquals(tuner.roundTrip, 1);
  let pings = 0;
  for (let now = 100; now < 10_100; now += 10) {
    if (!tuner.received(500, now)) continue;
    pings++;
    tuner.received(8000, now + 5);
    assertEquals(tuner.measured(now + 5), false);
  }
  assertEquals(tuner.window, INITIAL);
  assertLess(pings, 30);
  assertGreater(pings, 10);
});

Deno.test("window tuner: a path is measured while it is quiet at first, and again after many bytes", () => {
  const tuner = new WindowTuner({ initial: INITIAL, max: MOST });
  for (const at of [0, 200, 400]) {
    assert(tuner.mayBeQuiet(at));
    assertEquals(tuner.mayBeQuiet(at + 1), false);
    tuner.measured(at + 20);
  }
  assertEquals(tuner.mayBeQuiet(9000), false);
  assert(tuner.received(1, 10_000));
  tuner.received(500_000, 10_030);
  tuner.measured(10_040);
  assert(tuner.mayBeQuiet(10_050));
  // The path has become longer.
  tuner.measured(10_100);
  assertEquals(tuner.roundTrip, 50);
  assertEquals(tuner.mayBeQuiet(10_200), false);
});

Deno.test("window tuner: a slow start of the peer during the first PING is corrected before the window is in use", () => {
  const tuner = new WindowTuner({ initial: INITIAL, max: MOST });
  assert(tuner.mayBeQuiet(0));
  assertEquals(tuner.measured(60), true);
  assertEquals(tuner.window, 300_000);
  assertEquals(tuner.mayBeQuiet(100), false);
  assert(tuner.mayBeQuiet(200));
  assertEquals(tuner.measured(201), true);
  assertEquals(tuner.window, INITIAL);
  assertEquals(tuner.roundTrip, 1);
});

Deno.test("window tuner: after a PING without a reply, none is sent for some time", () => {
  const tuner = new WindowTuner({ initial: INITIAL, max: MOST });
  assertEquals(tuner.measured(0), false);
  assert(tuner.received(1000, 0));
  tuner.abandoned(180);
  assertEquals(tuner.received(1000, 5000), false);
  assert(tuner.received(1000, 10_181));
  assertEquals(tuner.window, INITIAL);
});

Deno.test("the window is a whole number of bytes, whatever the round trips are", () => {
  const random = new Random(20);
  for (let run = 0; run < 50; run++) {
    const tuner = new WindowTuner({ initial: INITIAL, max: MOST });
    let now = 0;
    let delay = 1 + random.float() * 30;
    tuner.mayBeQuiet(now);
    now += delay;
    tuner.measured(now);
    for (let step = 0; step < 200; step++) {
      now += 60;
      if (!tuner.received(1000, now)) continue;
      // The path may have changed by now.
      if (random.float() < 0.05) delay = 0.3 + random.float() * 20;
      tuner.received(random.int(0, tuner.window), now);
      now += delay * (1 + random.float() * 0.3);
      tuner.measured(now);
      assert(Number.isInteger(tuner.window), `${tuner.window}`);
    }
  }
});

Deno.test("window tuner: while TCP starts slowly, PINGs that wait in the sender's socket make no window smaller", () => {
  const tuner = new WindowTuner({ initial: INITIAL, max: MOST });
  assert(tuner.mayBeQuiet(0));
  let now = 100;
  tuner.measured(now);
  const first = tuner.window;
  assertEquals(first, 500_000);
  // The bytes in a round trip double; each PING waits for the previous one.
  for (let size = 40_000; size < 2_000_000; size *= 2) {
    assert(tuner.received(1, now), `${size}: the next PING leaves at once`);
    now += 200;
    tuner.received(size, now);
    tuner.measured(now);
    assertGreaterOrEqual(tuner.window, Math.max(first, 1.2 * size));
  }
});

Deno.test("window tuner: on a path that carries no more than before, the window is at most twice what arrives in a round trip", () => {
  const rate = 12_500;
  const delay = 20;
  const tuner = new WindowTuner({ initial: INITIAL, max: MOST });
  assert(tuner.mayBeQuiet(0));
  let now = delay;
  tuner.measured(now);
  for (let count = 0; count < 60; count++) {
    now += 600;
    assert(tuner.received(1, now));
    // The window is granted again in parts, so sometimes less is under way.
    const flight = tuner.window * (count % 3 === 0 ? 0.7 : 1);
    const roundTrip = Math.max(delay, flight / rate);
    now += roundTrip;
    tuner.received(Math.min(flight, roundTrip * rate), now);
    tuner.measured(now);
    if (count > 20) assertLessOrEqual(tuner.window, 2.3 * rate * delay);
  }
});

Deno.test("window tuner: a first PING that met bulk allows no more than three times what arrived with it", () => {
  const tuner = new WindowTuner({ initial: INITIAL, max: MOST });
  assert(tuner.received(1, 0));
  tuner.received(100_000, 900);
  tuner.measured(900);
  assertEquals(tuner.window, 300_000);
});

Deno.test("window tuner: on a path that was never quiet, a quarter of the window shows its own round trip soon", () => {
  const tuner = new WindowTuner({ initial: INITIAL, max: MOST });
  const rate = 125;
  let now = 0;
  while (now < 9000) {
    // The sender's socket has no room for more.
    const flight = Math.min(tuner.window, 90_000);
    const measures = tuner.received(1, now);
    now += flight / rate;
    if (!measures) continue;
    tuner.received(flight, now);
    tuner.measured(now);
  }
  assertLessOrEqual(tuner.window, 40 * KIB);
});

Deno.test("window tuner: a PING that waited behind bytes of this side says little about the path", () => {
  const tuner = new WindowTuner({ initial: INITIAL, max: MOST });
  assert(tuner.mayBeQuiet(0));
  tuner.measured(500, 50_000);
  assertEquals(tuner.window, INITIAL);
  // So the next stream measures again.
  assert(tuner.mayBeQuiet(501));
  tuner.measured(521, 100);
  assertEquals(tuner.roundTrip, 20);
  assertEquals(tuner.window, 100_000);
});

/**
 * A path whose window is in use while this side sends as well; `waits` is how
 * long a PING waits for its bytes.
 */
function whileSending(
  tuner: WindowTuner,
  { rate, delay }: Path,
  waits: (count: number) => number,
): void {
  let now = 0;
  assert(tuner.mayBeQuiet(now));
  now += delay;
  tuner.measured(now);
  for (let count = 0; now < 20_000; count++) {
    const { window } = tuner;
    const roundTrip = Math.max(delay, window / rate) + waits(count);
    const measures = tuner.received(1, now);
    now += roundTrip;
    if (!measures) continue;
    tuner.received(Math.min(window, rate * roundTrip), now);
    tuner.measured(now, 200_000);
  }
}

Deno.test("window tuner: PINGs that wait behind bytes of this side do not leave the window small", () => {
  const tuner = new WindowTuner({ initial: INITIAL, max: MOST });
  const path = { rate: 2500, delay: 100 };
  whileSending(tuner, path, (count) => [500, 100, 550, 300, 450][count % 5]);
  // The bytes that arrive in the shortest round trip that includes the wait.
  assertGreaterOrEqual(tuner.window, path.rate * 200);
});

Deno.test("window tuner: a queue is no wait behind bytes of this side, so the window stays small", () => {
  const tuner = new WindowTuner({ initial: INITIAL, max: MOST });
  const path = { rate: 500, delay: 20 };
  whileSending(tuner, path, () => 0);
  assertLessOrEqual(tuner.window, 2 * 32 * KIB);
});

Deno.test("window tuner: a window that does not become smaller is not taken for a queue on a longer path", () => {
  const tuner = new WindowTuner({
    initial: INITIAL,
    max: MOST,
    least: INITIAL,
  });
  assert(tuner.mayBeQuiet(0));
  tuner.measured(5);
  let now = 5;
  while (now < 15_000) {
    const { window } = tuner;
    assertGreaterOrEqual(window, INITIAL);
    const measures = tuner.received(1, now);
    now += 200;
    if (!measures) continue;
    tuner.received(window, now);
    tuner.measured(now);
  }
  assertGreater(tuner.window, 1_000_000);
});

Deno.test("window tuner: bytes that wait in the sender's socket make a window smaller that is not in use", () => {
  const tuner = new WindowTuner({ initial: INITIAL, max: MOST });
  assert(tuner.mayBeQuiet(0));
  tuner.measured(200);
  let now = 1000;
  for (let count = 0; count < 3; count++) {
    now += 600;
    assert(tuner.received(1, now));
    tuner.received(250_000, now + 2000);
    now += 2000;
    tuner.measured(now);
  }
  // The path carries 25,000 bytes in a round trip; at most a quarter of that is
  // kept at once.
  assertLessOrEqual(tuner.window, 100_000);
});

Deno.test("window tuner: a sender that gets its window back in halves still uses it", () => {
  const tuner = new WindowTuner({ initial: INITIAL, max: MOST });
  assert(tuner.mayBeQuiet(0));
  tuner.measured(10);
  assert(tuner.received(1, 1000));
  tuner.received(INITIAL / 2, 1010);
  tuner.measured(1010);
  tuner.received(20_000, 1010);
  assertGreater(tuner.window, INITIAL);
});

/**
 * Bytes that arrive at a constant rate, in consecutive round trips that are each
 * measured with a PING.
 */
class Rounds {
  readonly tuner: WindowTuner;
  now = 0;

  constructor(max: number = MOST) {
    this.tuner = new WindowTuner({ initial: INITIAL, max });
  }

  /** A PING while nothing else is under way. */
  quiet(roundTrip: number): void {
    assert(this.tuner.mayBeQuiet(this.now));
    this.now += roundTrip;
    this.tuner.measured(this.now);
  }

  /** `size` bytes arrive within a round trip. */
  round(size: number, roundTrip: number, sent = 0): void {
    this.begin();
    this.arrive(size, roundTrip);
    this.tuner.measured(this.now, sent);
  }

  begin(): void {
    // The pause between two PINGs.
    this.now += 500;
    assert(this.tuner.received(1, this.now));
  }

  arrive(size: number, time: number): void {
    for (let part = 0; part < 16; part++) {
      this.now += time / 16;
      this.tuner.received(size / 16, this.now);
    }
  }
}

/**
 * Slow start, seen from its first byte on: the arriving bytes double, the round
 * trip does not change.
 */
function neverQuiet(): Rounds {
  const rounds = new Rounds();
  rounds.begin();
  rounds.arrive(50_000, 400);
  rounds.tuner.measured(rounds.now);
  for (let size = 100_000; size < 2_000_000; size *= 2) rounds.round(size, 200);
  return rounds;
}

Deno.test("window tuner: on a path that was never quiet, four times as many bytes in the same time show that they wait in no queue", () => {
  const rounds = neverQuiet();
  for (let count = 0; count < 8; count++) {
    const { window } = rounds.tuner;
    rounds.round(window / 2, 220);
    assertGreaterOrEqual(rounds.tuner.window, 0.7 * window);
  }
});

Deno.test("window tuner: while more and more arrives, the window does not wait for the reply to a PING", () => {
  const rounds = new Rounds();
  rounds.quiet(100);
  const { tuner } = rounds;
  rounds.round(20_000, 100);
  rounds.begin();
  rounds.arrive(400_000, 100);
  assertEquals(tuner.window, 500_000);
  // The reply waits in the sender's socket while these bytes arrive.
  rounds.arrive(800_000, 100);
  assertGreater(tuner.window, 1_600_000);
});

Deno.test("window tuner: while more and more arrives, the window follows what arrives in the last round trips, however late the reply to a PING is", () => {
  const rounds = new Rounds();
  rounds.quiet(100);
  rounds.round(20_000, 100);
  rounds.begin();
  // In six round trips without a reply, the average is a third of the last.
  for (let size = 25_000; size <= 800_000; size *= 2) {
    rounds.arrive(size, 100);
    if (size < 200_000) continue;
    assertGreaterOrEqual(rounds.tuner.window, 3 * size);
  }
});

Deno.test("window tuner: on a steady path, bytes that waited behind a lost packet make no window larger", () => {
  const rounds = new Rounds();
  rounds.quiet(100);
  for (let count = 0; count < 4; count++) rounds.round(200_000, 100);
  const { window } = rounds.tuner;
  rounds.begin();
  rounds.arrive(200_000, 100);
  rounds.arrive(200_000, 100);
  rounds.now += 200;
  rounds.arrive(560_000, 20);
  assertEquals(rounds.tuner.window, window);
});

Deno.test("window tuner: while more and more arrives, the bytes of a round trip make the window larger at its end", () => {
  const rounds = new Rounds();
  rounds.quiet(100);
  rounds.round(20_000, 100);
  rounds.round(240_000, 100);
  assertGreaterOrEqual(rounds.tuner.window, 700_000);
});

Deno.test("window tuner: a rate that does not grow makes no window larger before the reply to a PING", () => {
  const rounds = new Rounds();
  rounds.quiet(100);
  for (let count = 0; count < 4; count++) rounds.round(200_000, 100);
  const { window } = rounds.tuner;
  rounds.begin();
  for (let count = 0; count < 10; count++) rounds.arrive(200_000, 100);
  assertEquals(rounds.tuner.window, window);
});

Deno.test("window tuner: while this side sends, a late reply to a PING makes no window larger", () => {
  const rounds = new Rounds();
  rounds.quiet(100);
  rounds.round(20_000, 100, 50_000);
  rounds.begin();
  rounds.arrive(400_000, 100);
  rounds.arrive(800_000, 100);
  assertEquals(rounds.tuner.window, 500_000);
});

Deno.test("window tuner: WINDOW_UPDATEs for what arrives do not count as bytes that this side sends", () => {
  const rounds = new Rounds();
  rounds.quiet(100);
  rounds.round(400_000, 100, 6000);
  rounds.begin();
  rounds.arrive(1_000_000, 150);
  rounds.arrive(2_000_000, 150);
  assertGreater(rounds.tuner.window, 2_000_000);
});

Deno.test("window tuner: a window that grew before the reply to a PING becomes three times what arrives in a round trip", () => {
  const rounds = new Rounds();
  rounds.quiet(100);
  for (let size = 20_000; size <= 640_000; size *= 2) {
    rounds.begin();
    rounds.arrive(size, 100);
    rounds.arrive(size, 100);
    rounds.tuner.measured(rounds.now);
  }
  assertGreater(rounds.tuner.window, 2_500_000);
  for (let count = 0; count < 3; count++) rounds.round(640_000, 110);
  assertLessOrEqual(rounds.tuner.window, 3 * 640_000);
  assertGreaterOrEqual(rounds.tuner.window, 3 * 500_000);
});

Deno.test("window tuner: a smaller window with which clearly less arrives is given up after one round trip", () => {
  const rounds = new Rounds(1_000_000);
  rounds.quiet(100);
  const { tuner } = rounds;
  rounds.round(500_000, 100);
  const full = (): void => rounds.round(tuner.window / 2, 120);
  for (let count = 0; count < 5; count++) full();
  const { window } = tuner;
  // Half of the window is tried.
  for (let count = 0; tuner.window === window; count++) {
    assertLess(count, 30);
    full();
  }
  assertAlmostEquals(tuner.window, window / 2, 1);
  // What was under way, and one round trip with the smaller window.
  rounds.round(window / 2, 120);
  rounds.round(window / 4, 100);
  rounds.arrive(window / 2, 120);
  assertGreater(tuner.window, 0.6 * window);
});

/**
 * Round trips that are often, but not always, twice the shortest one; until half
 * of the window is tried.
 */
function oftenFar(sent: number): Rounds {
  const most = 1_500_000;
  const rounds = new Rounds(most);
  rounds.quiet(100);
  rounds.round(500_000, 100, sent);
  for (let count = 0; rounds.now < 8000; count++) {
    const roundTrip = count % 6 < 4 ? 210 : 140;
    rounds.round(10_000 * roundTrip, roundTrip, sent);
    if (rounds.tuner.window === most / 2) break;
  }
  return rounds;
}

Deno.test("window tuner: half the window is tried soon only if all round trips are far from the shortest one", () => {
  assertGreaterOrEqual(oftenFar(0).now, 8000);
});

Deno.test("window tuner: while this side sends, half the window is tried soon if some round trips are far from the shortest one", () => {
  assertLess(oftenFar(500_000).now, 8000);
});

Deno.test("window tuner: a round trip of long ago in which the window was in use says nothing about the present rate", () => {
  const rounds = new Rounds(500_000);
  rounds.quiet(100);
  // The window is in use, then it is not, and then it is again.
  rounds.round(300_000, 300);
  rounds.round(220_000, 75);
  rounds.round(450_000, 130);
  assertEquals(rounds.tuner.window, 500_000);
});

Deno.test("a peer that answers no PING gets a window of what arrives in three seconds, and of 1 MiB at most", async () => {
  using time = virtualTime();
  const session = new Session(CLIENT, PROTO_SPDY3_1, {
    send: (_session, data) => data.length,
  });
  const windows = new ReceiveWindows(
    session,
    INITIAL,
    {
      tuning: { maxWindow: MOST, maxMemory: MOST },
      version: PROTO_SPDY3_1,
      firstSessionWindow: INITIAL,
    } as ResolvedOptions,
  );
  assert(windows.mayBeQuiet());
  await time.advance(900);
  assertEquals(windows.received(90_000), false);
  assertEquals(windows.sessionWindow, INITIAL);
  await time.advance(200);
  assertEquals(windows.received(20_000), false);
  assertEquals(windows.sessionWindow, 300_000);
  assertEquals(windows.received(1_000_000), false);
  assertEquals(windows.sessionWindow, KIB * KIB);
});
