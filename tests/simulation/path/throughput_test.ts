/**
 * On long paths, transfers are nearly as fast as TCP by itself, from the first
 * byte on.
 *
 * @module
 */

import { useClock } from "../../../connection/time/clock.ts";
import { PROTO_SPDY3_1 } from "../../../frame/constants.ts";
import { assertEquals, assertGreater } from "../../deps.ts";
import { World } from "../world.ts";
import { runAlone, SpdyRun } from "./run.ts";
import type { PathScenario, Way } from "./scenario.ts";

/** Durations, ms from the beginning of the request on. */
const TIME = 5000;
/** 100 Mbit/s in bytes per ms. */
const RATE = 12_500;
const LEAST_QUEUE = 262_144;
/**
 * Least share of what TCP by itself carries in that time. The first window of an
 * upload is 64 KiB. It grows only when the peer has measured the path.
 */
const LEAST_SHARES: Readonly<Record<Way, number>> = { down: 0.97, up: 0.94 };

/** One transfer. The queue has room for what the path carries in a round trip. */
function scenario(way: Way, roundTrip: number, begin: number): PathScenario {
  const shape = {
    rate: RATE,
    delay: roundTrip / 2,
    room: Math.max(LEAST_QUEUE, RATE * roundTrip),
    lossEvery: Infinity,
  };
  return {
    version: PROTO_SPDY3_1,
    tcp: {
      congestion: "cubic",
      endsEarly: true,
      sendBuffer: 0,
      receiveBuffer: 6 << 20,
      acknowledgementDelay: 40,
    },
    phases: [{ begin: 0, end: TIME, up: shape, down: shape }],
    disturbances: [],
    transfers: [{ way, priority: 3, begin, chunk: 65_536 }],
    pause: 2 * TIME,
  };
}

for (const roundTrip of [20, 100, 200]) {
  for (const way of ["down", "up"] as const) {
    Deno.test(`simulated path: SPDY ${way} 100 Mbit/s is nearly as fast as TCP alone, round trip ${roundTrip} ms`, async () => {
      // A request for a download arrives after half a round trip.
      const request = way === "down" ? roundTrip / 2 : 0;
      const alone = await runAlone(1, scenario(way, roundTrip, request));
      const world = new World(1, false);
      using _clock = useClock(world.clock);
      const spdy = new SpdyRun(world, 1, scenario(way, roundTrip, 0));
      await spdy.run();
      assertEquals(world.violations, []);
      const share = spdy.meter.rate(way, 0, TIME) / alone.rate(way, 0, TIME);
      assertGreater(share, LEAST_SHARES[way]);
    });
  }
}
