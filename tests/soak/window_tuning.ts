/**
 * 64 MiB over a link with 50 ms each way: windows that grow by measurement,
 * compared with fixed windows of 64 KiB.
 *
 * @module
 */

import { accept, connect, PROTO_SPDY3_1 } from "../../mod.ts";
import { delayProxy } from "../helpers/delay_proxy.ts";

const DELAY = 50;
const SIZE = 64 * 1024 * 1024;
/**
 * A fixed window moves 64 KiB in each round trip: 64 MiB would take 102 s, so
 * only an eighth is sent, which is enough to show the rate.
 */
const FIXED_SIZE = SIZE / 8;
/** How many times as fast tuning must be. */
const AT_LEAST = 10;

/** Runs the test and prints the figures; returns true if all are good. */
export async function soakWindowTuning(): Promise<boolean> {
  const tuned = await transfer(SIZE, true);
  const fixed = await transfer(FIXED_SIZE, false);
  const ratio = tuned / fixed;
  console.log(
    `link with ${DELAY} ms each way: tuned windows ${
      megabytes(tuned)
    } (64 MiB), fixed 64 KiB ${megabytes(fixed)} (8 MiB), ${
      ratio.toFixed(1)
    } x`,
  );
  return ratio >= AT_LEAST;
}

/** Bytes per ms. */
async function transfer(size: number, windowTuning: boolean): Promise<number> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using proxy = delayProxy((listener.addr as Deno.NetAddr).port, DELAY);
  const accepted = listener.accept().then((conn) =>
    accept(conn, { windowTuning })
  );
  await using client = await connect({
    port: proxy.port,
    version: PROTO_SPDY3_1,
  });
  await using server = await accepted;
  const begin = performance.now();
  const stream = await client.openStream([[":path", "/upload"]]);
  const sending = send(stream.writable, size);
  const { value: incoming } = await server[Symbol.asyncIterator]().next();
  let received = 0;
  for await (const chunk of incoming?.readable ?? []) received += chunk.length;
  await sending;
  if (received !== size) {
    throw new Error(`${received} bytes of ${size} arrived`);
  }
  return size / (performance.now() - begin);
}

async function send(
  writable: WritableStream<Uint8Array>,
  size: number,
): Promise<void> {
  const writer = writable.getWriter();
  const chunk = new Uint8Array(65536);
  for (let sent = 0; sent < size; sent += chunk.length) {
    await writer.write(chunk);
  }
  await writer.close();
}

function megabytes(rate: number): string {
  return `${(rate / 1000).toFixed(1)} MB/s`;
}
