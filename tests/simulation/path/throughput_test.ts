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
const TIME = 2000;
/** 100 Mbit/s in bytes per ms. */
const RATE = 12_500;
/** The queue holds what the path carries in so many ms, so that nothing is lost: after a loss, chance decides. */
const QUEUE_TIME = 4000;
/**
 * Least share of what TCP by itself carries in that time. The first window of an
 * upload is 64 KiB. It grows only when the peer has measured the path.
 */
const LEAST_SHARES: Readonly<Record<Way, number>> = { down: 0.97, up: 0.75 };
/**
 * Bytes of the sending socket; 0: twice the congestion window. A large one takes all that
 * the windows allow, as a proxy would, and PINGs wait behind it.
 */
const SEND_BUFFERS: readonly number[] = [0, 4 << 20];

/** One transfer. */
function scenario(
  way: Way,
  roundTrip: number,
  sendBuffer: number,
  begin: number,
): PathScenario {
  const shape = {
    rate: RATE,
    delay: roundTrip / 2,
    room: RATE * QUEUE_TIME,
    lossEvery: Infinity,
  };
  return {
    version: PROTO_SPDY3_1,
    tcp: {
      congestion: "cubic",
      endsEarly: true,
      sendBuffer,
      receiveBuffer: 6 << 20,
      acknowledgementDelay: 40,
    },
    phases: [{ begin: 0, end: TIME, up: shape, down: shape }],
    disturbances: [],
    transfers: [{ way, priority: 3, begin, chunk: 65_536 }],
    pause: 2 * TIME,
  };
}

/** What SPDY carries, as a share of what TCP carries alone. */
async function shareOf(
  way: Way,
  roundTrip: number,
  sendBuffer: number,
): Promise<number> {
  const ofRun = (begin: number): PathScenario =>
    scenario(way, roundTrip, sendBuffer, begin);
  // A request for a download arrives after half a round trip.
  const alone = await runAlone(1, ofRun(way === "down" ? roundTrip / 2 : 0));
  const world = new World(1, false);
  using _clock = useClock(world.clock);
  const spdy = new SpdyRun(world, 1, ofRun(0));
  await spdy.run();
  assertEquals(world.violations, []);
  return spdy.meter.rate(way, 0, TIME) / alone.rate(way, 0, TIME);
}

for (const roundTrip of [20, 100, 200]) {
  for (const way of ["down", "up"] as const) {
    Deno.test(`simulated path: SPDY ${way} 100 Mbit/s is nearly as fast as TCP alone, round trip ${roundTrip} ms`, async () => {
      for (const sendBuffer of SEND_BUFFERS) {
        const share = await shareOf(way, roundTrip, sendBuffer);
        assertGreater(share, LEAST_SHARES[way], `socket of ${sendBuffer}`);
      }
    });
  }
}
