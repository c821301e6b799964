/**
 * Warns about a request that waits for a long time before it is sent.
 *
 * @module
 */

import { coreOf, RawConnection } from "../../connection.ts";
import { startIdleTimer, stopTimer } from "../../connection/time/clock.ts";
import { printable } from "../../values.ts";

/** Wait after which the warning is logged, ms. */
const LONG = 5000;
/** Connections with a warning; there is at most one for each. */
const REPORTED = new WeakSet<object>();

/**
 * Logs a warning if all streams that the server allows stay in use until `opened`
 * settles. The usual cause is an application that does not read its responses.
 */
export function watchPlace(
  opener: object,
  url: string,
  opened: Promise<unknown>,
): void {
  if (!(opener instanceof RawConnection)) return;
  const { pending, streams } = coreOf(opener);
  if (pending.queued === 0 || REPORTED.has(opener)) return;
  const timer = startIdleTimer(() => {
    if (REPORTED.has(opener)) return;
    REPORTED.add(opener);
    let unread = 0;
    for (const { receiveBuffer, response } of streams.values()) {
      if (response.settled && !receiveBuffer.readerWaits) unread++;
    }
    console.warn(
      printable(
        `spdy: the request for ${url} has waited ${
          LONG / 1000
        } s for a stream: the server allows ${pending.limit} at a time, all are in use, and on ${unread} of them a response waits to be read; read or cancel the bodies`,
      ),
    );
  }, LONG);
  const stop = (): void => stopTimer(timer);
  opened.then(stop, stop);
}
