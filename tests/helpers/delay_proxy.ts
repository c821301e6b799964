/**
 * A link with latency, for tests: a TCP proxy that delays every byte.
 *
 * @module
 */

/** A proxy on loopback; disposing of it ends all its connections. */
export interface DelayProxy extends AsyncDisposable {
  readonly port: number;
}

/** Forwards connections to `target`, each byte `delay` ms later, at any rate. */
export function delayProxy(target: number, delay: number): DelayProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const links = new Set<Promise<void>>();
  const accepting = (async () => {
    for await (const near of listener) {
      const far = await Deno.connect({ hostname: "127.0.0.1", port: target });
      const link = Promise.all([
        forward(near, far, delay),
        forward(far, near, delay),
      ]).then(() => {
        near.close();
        far.close();
        links.delete(link);
      });
      links.add(link);
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await accepting;
      await Promise.all(links);
    },
  };
}

interface Parcel {
  readonly bytes: Uint8Array;
  readonly due: number;
}

/** Copies the bytes of one direction in order; the end is delayed, too. */
async function forward(
  from: Deno.TcpConn,
  to: Deno.TcpConn,
  delay: number,
): Promise<void> {
  const parcels: Parcel[] = [];
  let arrived = Promise.withResolvers<void>();
  let ended = false;
  const reading = (async () => {
    const buffer = new Uint8Array(256 * 1024);
    for (;;) {
      const size = await from.read(buffer).catch(() => null);
      if (size === null) break;
      parcels.push({
        bytes: buffer.slice(0, size),
        due: performance.now() + delay,
      });
      arrived.resolve();
    }
    ended = true;
    arrived.resolve();
  })();
  for (;;) {
    const parcel = parcels.shift();
    if (parcel === undefined) {
      if (ended) break;
      await arrived.promise;
      arrived = Promise.withResolvers<void>();
      continue;
    }
    const wait = parcel.due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    await writeAll(to, parcel.bytes).catch(() => {});
  }
  await to.closeWrite().catch(() => {});
  await reading;
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
}
