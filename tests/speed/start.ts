import { rows } from "../../bench/start.ts";
import { assertLess } from "../deps.ts";

/**
 * A guard against code that a client loads or runs before its first request and does
 * not need: CPU time of a whole program, beside one with node:http2 in the same Deno.
 * Measured were 2.0 to 2.5 times as much.
 */
Deno.test({
  name: "start: a client and its first request",
  ignore: Deno.build.os === "windows",
  async fn() {
    const [row] = rows;
    const ours = await row.ours();
    const peer = await row.peers[0].open();
    // Once before, so that Deno has compiled the modules.
    await ours.run(0);
    let best = Infinity;
    for (let round = 0; round < 2; round++) {
      best = Math.min(best, await ours.run(0) / await peer.run(0));
    }
    console.log(`start: ${best.toFixed(2)} times node:http2`);
    assertLess(best, 4);
    await ours.close?.();
    await peer.close?.();
  },
});
