/**
 * A link in user space, for kernels without netem: passes bytes on at a rate, after a
 * delay, with a bounded queue. `relay.ts PORT TARGET MBIT DELAY`: ports, Mbit/s, ms in
 * each direction. It does not lose bytes. TCP does not see its delay, so the relay has a
 * slow start of its own, as TCP would have on such a path.
 *
 * @module
 */

const [port, target, mbit, delay] = Deno.args.map(Number);
const hostname = "127.0.0.1";
/** Bytes per ms. */
const rate = mbit * 125;
/** Bytes in the queue, apart from those under way: as many as a round trip carries. */
const room = Math.max(64 * 1024, rate * delay * 2);
const PIECE = 8192;
/** What TCP sends before the first acknowledgement: ten packets (RFC 6928). */
const FIRST_WINDOW = 14_480;

async function pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const arriving: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  let free = 0;
  let ended = false;
  let wake = (): void => {};
  /** Bytes that TCP would send without an acknowledgement, and bytes that wait for one. */
  let window = FIRST_WINDOW;
  let flight = 0;
  let acknowledged = (): void => {};
  const read = (async () => {
    for (;;) {
      if (flight >= window) {
        await new Promise<void>((resolve) => acknowledged = resolve);
        continue;
      }
      const bytes = new Uint8Array(Math.min(PIECE, window - flight));
      const size = await from.read(bytes).catch(() => null);
      if (size === null) break;
      const now = performance.now();
      flight += size;
      free = Math.max(free, now) + size / rate;
      arriving.push({ at: free + delay, bytes: bytes.subarray(0, size) });
      wake();
      const excess = free - now - room / rate;
      if (excess > 0) await sleep(excess);
    }
    ended = true;
    wake();
  })();
  for (;;) {
    const next = arriving.shift();
    if (next === undefined) {
      if (ended) break;
      await new Promise<void>((resolve) => wake = resolve);
      continue;
    }
    const left = next.at - performance.now();
    if (left > 0) await sleep(left);
    for (let rest = next.bytes; rest.length > 0;) {
      rest = rest.subarray(await to.write(rest));
    }
    const { length } = next.bytes;
    setTimeout(() => {
      // The window grows only if it is in use.
      if (flight >= window / 2) window += length;
      flight -= length;
      acknowledged();
    }, delay);
  }
  await read;
  await to.closeWrite();
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

const listener = Deno.listen({ hostname, port });
console.log("ready");
for await (const near of listener) {
  const far = await Deno.connect({ hostname, port: target });
  for (const conn of [near, far]) conn.setNoDelay(true);
  pass(near, far).catch(() => {});
  pass(far, near).catch(() => {});
}
