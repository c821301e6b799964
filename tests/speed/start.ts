import { rows } from "../../bench/start.ts";
import { assertLess } from "../deps.ts";
import { unixOnly } from "../helpers/unix_only.ts";

/**
 * Checks that a client loads and runs no unnecessary code before its first
 * request: compares the CPU time of a whole program with one that uses node:http2
 * in the same Deno. It took 2.0 to 2.5 times as much when it was measured.
 */
unixOnly.test({
  name: "start: a client and its first request",
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
