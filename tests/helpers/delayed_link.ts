/**
 * A link with latency in memory. It delays every byte by the clock of the module,
 * which a test can replace.
 *
 * @module
 */

import { now, startTimer } from "../../connection/time/clock.ts";
import type { ByteStreams } from "../../connection/transport/transport.ts";

interface Parcel {
  readonly bytes: Uint8Array | undefined;
  readonly due: number;
}

/** Two ends of a link of any rate that delivers each byte `delay` ms later. */
export function delayedStreams(delay: number): [ByteStreams, ByteStreams] {
  const up = direction(delay);
  const down = direction(delay);
  return [
    { readable: down.readable, writable: up.writable },
    { readable: up.readable, writable: down.writable },
  ];
}

/** One direction; its end is delayed, too. */
function direction(delay: number): ByteStreams {
  const parcels: Parcel[] = [];
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let cancelled = false;
  const deliver = (): void => {
    while (parcels.length > 0 && parcels[0].due <= now()) {
      const { bytes } = parcels.shift()!;
      if (cancelled) continue;
      if (bytes === undefined) controller.close();
      else controller.enqueue(bytes);
    }
    if (parcels.length > 0) startTimer(deliver, parcels[0].due - now());
  };
  const send = (bytes: Uint8Array | undefined): void => {
    parcels.push({ bytes, due: now() + delay });
    if (parcels.length === 1) startTimer(deliver, delay);
  };
  return {
    readable: new ReadableStream<Uint8Array>({
      start: (given) => {
        controller = given;
      },
      cancel: () => {
        cancelled = true;
      },
    }),
    writable: new WritableStream<Uint8Array>({
      write: (bytes) => send(bytes.slice()),
      close: () => send(undefined),
      abort: () => send(undefined),
    }),
  };
}
