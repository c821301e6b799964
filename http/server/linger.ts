/**
 * Uploads that go on when their response has left.
 *
 * @module
 */

import { CANCEL } from "../../frame/constants.ts";
import { startTimer, stopTimer, type Timer } from "../../connection/clock.ts";
import type { StreamCore } from "../../connection/stream_core.ts";

/**
 * How long an upload that nobody reads is kept for a handler that begins late,
 * and how long it is dropped after that, so that a short one comes to its end,
 * ms each.
 */
const LINGER = 1000;
/** How long a handler that has begun to read may pause, ms. */
const PATIENCE = 30_000;

/**
 * Lets an upload go on as long as somebody reads it, then lets it run dry for a
 * while, then stops it. `isTaken`: whether the handler has begun to read, or
 * given the body to somebody who will.
 */
export function letUploadEnd(state: StreamCore, isTaken: () => boolean): void {
  if (state.ended || state.remoteEnded) return;
  const { receiveBuffer } = state;
  let timer: Timer | undefined;
  let seen = receiveBuffer.taken;
  const isRead = (): boolean =>
    receiveBuffer.readerWaits || receiveBuffer.taken > 0;
  const keep = (): void => {
    const patience = isRead() || isTaken() ? PATIENCE : LINGER;
    timer = startTimer(() => {
      const goesOn = receiveBuffer.readerWaits ||
        receiveBuffer.taken !== seen ||
        patience === LINGER && isTaken();
      seen = receiveBuffer.taken;
      if (goesOn && !receiveBuffer.ended) keep();
      else drop(patience);
    }, patience);
  };
  const drop = (after: number): void => {
    state.dropBody(`nobody read it for ${after} ms after the response`);
    timer = startTimer(() => state.reset(CANCEL), LINGER);
  };
  state.onEnd(() => stopTimer(timer));
  if (receiveBuffer.ended) drop(0);
  else keep();
}
