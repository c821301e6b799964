/**
 * The median.
 *
 * @module
 */

/** The median of the numbers; NaN if there are none. */
export function median(numbers: readonly number[]): number {
  if (numbers.length === 0) return NaN;
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
}
