/**
 * Range checks for numbers that a caller passes: sizes, counts, ids, times.
 *
 * This file is in the lowest layer, with `errors.ts`. {@linkcode checkWhole} is
 * the only range check; the other layers add names for the ranges of their own
 * fields.
 *
 * @module
 */

import { InvalidArgumentError } from "./errors.ts";
import { show } from "./values.ts";

/** 2^31-1, the largest value of an int32: the upper bound of counts. */
export const MAX_INT32 = 0x7fffffff;
/**
 * The start of a counter that may exceed 2^31: -0, which V8 stores as a floating-point
 * number from the beginning. It stores 0 as a small integer. When the counter of one
 * connection then leaves that range, V8 discards all code that it has compiled for the
 * class. Add 0 to a value that is shown.
 */
export const LONG_COUNT: number = -0;
/** Longest delay of `setTimeout`, ms; a timer with a longer one fires immediately. */
export const MAX_DELAY: number = MAX_INT32;
/** The end of the error about a timeout. */
const TIMEOUT_RANGE = `of ms from 0 (never) to ${MAX_DELAY}`;

/**
 * Returns `value` when it is a whole number in `lowest..highest`.
 *
 * Otherwise throws an `InvalidArgumentError` that contains `name`, the value and
 * the range, which `range` can describe in other words.
 */
export function checkWhole(
  name: string,
  value: number,
  lowest: number,
  highest: number,
  range?: string,
): number {
  if (Number.isInteger(value) && value >= lowest && value <= highest) {
    return value;
  }
  throw new InvalidArgumentError(
    `${name} ${show(value)} is not a whole number ${
      range ?? `from ${lowest} to ${highest}`
    }`,
  );
}

/**
 * Returns `value` when it is a valid timeout: whole ms from 0 to 2^31-1, where 0
 * means no timeout.
 *
 * Otherwise throws an `InvalidArgumentError` that contains `name` and the value:
 * `setTimeout` would treat `NaN`, a negative number and one above 2^31-1 as 1 ms.
 */
export function checkTimeout(name: string, value: number): number {
  return checkWhole(name, value, 0, MAX_DELAY, TIMEOUT_RANGE);
}

/**
 * Returns `value` when it is a valid interval: whole ms from 1 to 2^31-1.
 *
 * Otherwise throws an `InvalidArgumentError` that contains `name` and the value.
 */
export function checkInterval(name: string, value: number): number {
  return checkWhole(name, value, 1, MAX_DELAY);
}

/**
 * Returns `value` when it is a TCP port from `lowest` to 65535. `lowest` is 0
 * where the system may choose a free port.
 *
 * Otherwise throws an `InvalidArgumentError` that contains `name` and the value.
 */
export function checkPort(name: string, value: number, lowest: 0 | 1): number {
  return checkWhole(name, value, lowest, 0xffff);
}
