/**
 * DATA that the peer sent before it learned that this side had closed its stream.
 *
 * @module
 */

/** Assumed amount of late DATA on a stream without a window, bytes. */
const WITHOUT_WINDOW = 4 << 20;
/** Most late DATA that is excused over all streams, bytes; the largest windows add up to less. */
const MOST = 16 << 20;

/**
 * Counts how much late DATA is excused, which means that it does not count as a flood. One
 * number is enough for all streams, so that closed streams need not be remembered. A peer
 * cannot misuse this: on open streams, the windows let it send as many small frames.
 */
export class LateData {
  #excused = 0;

  /** This side closed a stream on which the peer may still send `window` bytes; `undefined` for a stream without a window. */
  expect(window: number | undefined): void {
    // One more for the FIN, which may arrive in an empty frame.
    const size = Math.max(0, window ?? WITHOUT_WINDOW) + 1;
    this.#excused = Math.min(MOST, this.#excused + size);
  }

  /** Whether a frame of `length` bytes for a closed stream is excused; if so, subtracts it. */
  excuses(length: number): boolean {
    const size = Math.max(1, length);
    if (size > this.#excused) return false;
    this.#excused -= size;
    return true;
  }
}
