/**
 * The middle of many figures.
 *
 * @module
 */

/** The middle one of the numbers; NaN of none. */
export function median(numbers: readonly number[]): number {
  if (numbers.length === 0) return NaN;
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
}
