/**
 * Warns about a request that waits for a long time before it is sent.
 *
 * @module
 */

import { coreOf, type RawConnection } from "../../connection.ts";
import { startIdleTimer, stopTimer } from "../../connection/time/clock.ts";
import { printable } from "../../values.ts";

/** Wait after which the warning is logged, ms. */
const LONG = 5000;
/** Connections with a warning; there is at most one for each. */
const REPORTED = new WeakSet<object>();

/**
 * Logs a warning if all streams that the server allows stay in use until the returned
 * function is called. The usual cause is an application that does not read its
 * responses. Returns `undefined` if the request does not wait for a stream.
 */
export function warnOfStreamWait(
  connection: RawConnection,
  url: string,
): (() => void) | undefined {
  const { pending, streams } = coreOf(connection);
  if (pending.queued === 0 || REPORTED.has(connection)) return undefined;
  const timer = startIdleTimer(() => {
    if (REPORTED.has(connection)) return;
    REPORTED.add(connection);
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
  return () => stopTimer(timer);
}
