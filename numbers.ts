/**
 * What a number has to be that a caller gives: sizes, counts, ids, times. Every
 * range in this module is checked here.
 *
 * This file stands in the lowest layer, beside the errors.
 *
 * @module
 */

import { InvalidArgumentError } from "./errors.ts";
import { show } from "./values.ts";

/** Longest delay a timer takes, ms; a longer one fires at once. */
const LONGEST_DELAY = 0x7fffffff;

/**
 * Returns `value`, a whole number in `lowest..highest`.
 *
 * Throws `InvalidArgumentError` naming it when it is anything else.
 */
export function checkWhole(
  name: string,
  value: number,
  lowest: number,
  highest: number,
): number {
  if (Number.isInteger(value) && value >= lowest && value <= highest) {
    return value;
  }
  throw new InvalidArgumentError(
    `${name} ${show(value)} is not a whole number from ${lowest} to ${highest}`,
  );
}

/**
 * Returns `value`, a time-out: whole ms from 0 to 2^31-1, where 0 means that the
 * time never ends.
 *
 * Throws `InvalidArgumentError` naming it when it is anything else: a timer
 * takes `NaN`, a negative number and one above 2^31-1 for 1 ms.
 */
export function checkTimeout(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= LONGEST_DELAY) {
    return value;
  }
  throw new InvalidArgumentError(
    `${name} ${
      show(value)
    } is not a whole number of ms from 0 (never) to ${LONGEST_DELAY}`,
  );
}

/**
 * Returns `value`, the time between two of something: whole ms from 1 to 2^31-1.
 *
 * Throws `InvalidArgumentError` naming it when it is anything else.
 */
export function checkInterval(name: string, value: number): number {
  return checkWhole(name, value, 1, LONGEST_DELAY);
}

/**
 * Returns `value`, a TCP port from `lowest` (0 where any free port will do) to
 * 65535.
 *
 * Throws `InvalidArgumentError` naming it when it is anything else.
 */
export function checkPort(name: string, value: number, lowest: 0 | 1): number {
  return checkWhole(name, value, lowest, 0xffff);
}
