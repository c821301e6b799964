/**
 * What is measured on a link, the same for every peer: small requests beside bulk, and
 * one long transfer. Runs in Deno and in Node.
 *
 * A peer has `small(pri)`, which resolves when the answer has arrived, and
 * `bulk(direction, pri, onBytes)`, which resolves to a function that ends the transfer.
 *
 * @module
 */

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Small requests, one after the other with pauses; times in ms. */
async function latencies(peer, milliseconds, pri, pause) {
  const times = [];
  const end = performance.now() + milliseconds;
  while (performance.now() < end) {
    const begin = performance.now();
    await peer.small(pri);
    times.push(performance.now() - begin);
    if (pause > 0) await sleep(pause);
  }
  return times;
}

/**
 * Runs one row: `{ kind: "latency", direction, streams, milliseconds }` or
 * `{ kind: "throughput", direction, milliseconds }`.
 */
export async function run(peer, { kind, direction, streams, milliseconds }) {
  if (kind === "throughput") {
    await peer.small(0);
    let bytes = 0;
    let afterFirst = 0;
    const begin = performance.now();
    const stop = await peer.bulk(direction, 0, (size) => {
      bytes += size;
      if (performance.now() - begin > 1000) afterFirst += size;
    });
    await sleep(milliseconds);
    const seconds = (performance.now() - begin) / 1000;
    await stop();
    return {
      rate: bytes / seconds,
      rateAfterFirstSecond: afterFirst / (seconds - 1),
    };
  }
  // The compiler needs some hundred requests.
  await latencies(peer, 1500, 0, 0);
  const stops = [];
  let bytes = 0;
  for (let index = 0; index < streams; index++) {
    stops.push(await peer.bulk(direction, 7, (size) => bytes += size));
  }
  await sleep(700);
  bytes = 0;
  const begin = performance.now();
  const times = await latencies(peer, milliseconds, 0, 5);
  const rate = bytes / (performance.now() - begin) * 1000;
  return { times, rate };
}
