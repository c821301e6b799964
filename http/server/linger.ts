/**
 * Uploads that continue after the response was sent.
 *
 * @module
 */

import type { StreamCore } from "../../connection/stream/stream_core.ts";
import {
  startIdleTimer,
  stopTimer,
  type Timer,
} from "../../connection/time/clock.ts";
import { CANCEL } from "../../frame/constants.ts";

/**
 * An upload that the handler has not begun to read is kept for this time, ms. Its
 * bytes are then dropped for the same time, so that a short upload can finish.
 */
const LINGER = 1000;
/** Longest pause of a handler that has begun to read, ms. */
const PATIENCE = 30_000;

/**
 * Lets an upload continue while it is read. After that, drops its bytes for a
 * while, and then resets the stream. `isTaken` says whether the handler has begun to
 * read the body or has passed it on.
 */
export function letUploadEnd(core: StreamCore, isTaken: () => boolean): void {
  if (core.ended || core.remoteEnded) return;
  const { receiveBuffer } = core;
  let timer: Timer | undefined;
  let seen = receiveBuffer.taken;
  const isRead = (): boolean =>
    receiveBuffer.readerWaits || receiveBuffer.taken > 0;
  const keep = (): void => {
    const patience = isRead() || isTaken() ? PATIENCE : LINGER;
    timer = startIdleTimer(() => {
      const goesOn = receiveBuffer.readerWaits ||
        receiveBuffer.taken !== seen ||
        patience === LINGER && isTaken();
      seen = receiveBuffer.taken;
      if (goesOn && !receiveBuffer.ended) keep();
      else drop(patience);
    }, patience);
  };
  const drop = (after: number): void => {
    core.dropBody(`it was not read for ${after} ms after the response`);
    timer = startIdleTimer(() => core.reset(CANCEL), LINGER);
  };
  core.onEnd(() => stopTimer(timer));
  if (receiveBuffer.ended) drop(0);
  else keep();
}
