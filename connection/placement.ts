/**
 * Chooses where in a memory page large buffers begin.
 *
 * @module
 */

const STEP = 64;
const PAGE = 4096;

/** Bytes that a buffer needs in addition, for any place of {@linkcode nextPlace}. */
export const PLACES: number = PAGE - STEP;

/**
 * Another place in the page for each use, 0 to 4032. AMD's processors (`rep
 * movsb`, in memmove and in the kernel) take 25 to 45 us for 64 KiB, not 2,
 * when the target lies less than 32 bytes further into its page than the
 * source. Buffers and writes of round sizes keep such a distance for the life
 * of a connection, or for ever miss it; moving on makes it 1 copy in 64. Copies of
 * 64 KiB: 39 GB/s against 3 where the distance is always 8 (`bench/copies.ts`).
 */
export function nextPlace(place: number): number {
  return (place + STEP) % PAGE;
}
