/**
 * DATA that was under way when its stream ended here.
 *
 * @module
 */

/** The peer may have sent so much on a stream without a window, bytes. */
const WITHOUT_WINDOW = 4 << 20;
/** As much as may be under way over all streams, bytes: the largest windows come to less. */
const MOST = 16 << 20;

/**
 * How much late DATA is excused, over all streams: one number, so that ended
 * streams need not be remembered. A peer gains no more by it than the windows
 * of streams let it send in frames as small.
 */
export class LateData {
  #excused = 0;

  /** A stream ended here whose window, `undefined` for none, left the peer so many bytes. */
  expect(window: number | undefined): void {
    // One more for the FIN, which may come in an empty frame.
    const size = Math.max(0, window ?? WITHOUT_WINDOW) + 1;
    this.#excused = Math.min(MOST, this.#excused + size);
  }

  /** Whether a frame of `length` bytes for a stream that is not open is excused; it uses that up. */
  excuses(length: number): boolean {
    const size = Math.max(1, length);
    if (size > this.#excused) return false;
    this.#excused -= size;
    return true;
  }
}
